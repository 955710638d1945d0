// Players and MediaMTX's own playback server read what is recorded, and nobody complains.
import assert from "node:assert/strict";
import { readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { NodeFs } from "#base/node-fs.ts";
import type { Track } from "#relay/track.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { FilesSite, type FilesSiteOptions, readAll } from "#testing/files-site.ts";
import { freeTcpPort } from "#testing/free-ports.ts";
import { readFragmentedFile } from "#testing/mp4/whole-file.ts";
import { ffmpeg, ffprobe } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { mediamtx, startMediamtx } from "#testing/peers/go-peers.ts";
import { runPeer, type TestScope } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import type { Fragment } from "../store.ts";

const recordPathIn = (folder: string) => `${folder}/rec/%path/%Y-%m-%d_%H-%M-%S-%f%z`;

const skip = missingOf(ffmpeg, ffprobe);
const SECONDS = 6;
const FRAMES_PER_SECOND = 10;

interface Program {
  readonly tracks: readonly Track[];
  /** A second each. Capture counts from 0. */
  readonly fragments: readonly Fragment[];
}

/** What a camera with B-frames and sound would send. */
async function program(scope: TestScope, folder: string): Promise<Program> {
  const file = join(folder, "program.mp4");
  const video = ["-f", "lavfi", "-i", `testsrc2=s=96x64:r=${FRAMES_PER_SECOND}:d=${SECONDS}`];
  const audio = ["-f", "lavfi", "-i", `sine=r=16000:d=${SECONDS}`];
  const codecs = ["-c:v", "libx264", "-g", String(FRAMES_PER_SECOND), "-bf", "2", "-c:a", "aac", "-b:a", "32k"];
  await runPeer(scope, ffmpeg, ["-v", "error", "-nostdin", ...video, ...audio, ...codecs, "-movflags", "frag_keyframe+empty_moov", file]);
  const { init, fragments } = readFragmentedFile(await readFile(file))!;
  const tracks = init.tracks.map((track, index) => ({ ...track, index, codec: track.parameters.codec, reorderFrames: 0 }) as Track);
  return {
    tracks,
    fragments: fragments.map((samples): Fragment => {
      const atS = samples[0]!.samples[0]!.dtsTicks / tracks[samples[0]!.trackIndex]!.clockRateHz;
      const times = { captureUs: Math.round(atS * 1e6), durationUs: 1e6, senderUtcUs: undefined };
      return { samples, ...times, keyframe: true, gapBefore: undefined, sizeBytes: 1 };
    }),
  };
}

/** The program in files of two seconds, through a store. */
async function recorded(scope: TestScope, folder: string, store: FilesSiteOptions["store"] = {}): Promise<FilesSite> {
  const { tracks, fragments } = await program(scope, folder);
  const recordPath = recordPathIn(folder);
  const clock = new FakeClock(0);
  const site = await FilesSite.open({
    fs: new NodeFs(),
    clock,
    recordPath,
    store: { segmentDurationMs: 2000, ...store },
    index: { dataDirectory: folder },
  });
  await site.store.open({ tracks, captureUs: 0, gapBefore: undefined });
  for (const fragment of fragments) {
    clock.us = fragment.captureUs + 1_000_000;
    assert.ok(site.store.append(fragment));
  }
  await site.store.close();
  assert.deepEqual(site.faults, []);
  return site;
}

/** Packets of video and of sound, as ffprobe finds them; it has nothing to warn of. */
async function packetsOf(scope: TestScope, file: string): Promise<{ readonly video: number; readonly audio: number }> {
  const args = ["-v", "warning", "-show_entries", "packet=codec_type", "-of", "csv=p=0", file];
  const { stdout, stderr } = await runPeer(scope, ffprobe, args);
  assert.equal(stderr, "");
  const kinds = stdout.toString("utf8").split("\n");
  return { video: kinds.filter((kind) => kind.startsWith("video")).length, audio: kinds.filter((kind) => kind.startsWith("audio")).length };
}

/** MediaMTX over the same files. Resolves with the address of its playback server. */
async function playbackServer(scope: TestScope, folder: string): Promise<string> {
  const port = await freeTcpPort(0);
  const playback = `playback: yes\nplaybackAddress: 127.0.0.1:${port}\n`;
  const defaults = `pathDefaults:\n  recordPath: ${recordPathIn(folder)}\n  recordDeleteAfter: 0s\n`;
  const { process } = await startMediamtx(scope, `${playback}${defaults}paths:\n  all_others:\n`);
  await process.match(/\[playback\] started/);
  return `http://127.0.0.1:${port}`;
}

for (const recordFormat of ["fmp4", "mpegts"] as const) {
  test(`ffprobe reads ${recordFormat} segments without a warning`, { skip }, async (t) => {
    const folder = await temporaryFolder(t);
    const site = await recorded(t, folder, { recordFormat });
    const files = (await site.index.segments("cam")).map(({ file }) => file);
    assert.equal(files.length, 3);
    for (const file of files) assert.equal((await packetsOf(t, file)).video, 2 * FRAMES_PER_SECOND);
  });
}

test("MediaMTX lists and serves the files as one recording, and so do we", { skip: missingOf(mediamtx, ffmpeg, ffprobe) }, async (t) => {
  const folder = await temporaryFolder(t);
  const site = await recorded(t, folder);
  const [span, ...others] = await site.index.spans("cam");
  assert.equal(others.length, 0);

  const server = await playbackServer(t, folder);
  const list = await fetch(`${server}/list?path=cam`);
  const [entry, ...rest] = (await list.json()) as { readonly start: string; readonly duration: number; readonly url: string }[];
  assert.equal(rest.length, 0);
  assert.equal(Date.parse(entry!.start), span!.startUtcUs / 1000);
  assert.ok(Math.abs(entry!.duration - span!.durationUs / 1e6) < 0.001, `${entry?.duration} ${span?.durationUs}`);
  const served = await fetch(entry!.url);
  assert.equal(served.status, 200);
  const bytes = Buffer.from(await served.arrayBuffer());
  const { fragments } = readFragmentedFile(bytes)!;
  const samplesOf = (fragmentList: typeof fragments) =>
    fragmentList
      .flat()
      .filter(({ trackIndex }) => trackIndex === 0)
      .flatMap(({ samples }) => samples);
  const [read] = await readAll(site.index);
  const [theirs, ours] = [samplesOf(fragments), samplesOf(read!.fragments.map(({ samples }) => samples))];
  assert.equal(ours.length, SECONDS * FRAMES_PER_SECOND);
  assert.deepEqual(
    theirs.map(({ dtsTicks, frame }) => [dtsTicks, Buffer.concat(frame).toString("hex")]),
    ours.map(({ dtsTicks, frame }) => [dtsTicks, Buffer.concat(frame).toString("hex")]),
  );
});

test("MediaMTX and ffprobe read a file that was mended", { skip: missingOf(mediamtx, ffmpeg, ffprobe) }, async (t) => {
  const folder = await temporaryFolder(t);
  const site = await recorded(t, folder, { segmentDurationMs: 60_000 });
  const [{ file, sizeBytes } = { file: "", sizeBytes: 0 }] = await site.index.segments("cam");
  const { init } = readFragmentedFile(await readFile(file))!;
  const handle = await new NodeFs().open(file, "update");
  await handle.write([Buffer.alloc(4)], init.durationOffset); // as it is while it is written
  await handle.close();
  await truncate(file, sizeBytes - 5);
  const options = { fs: new NodeFs(), recordPath: recordPathIn(folder), index: { dataDirectory: folder } };
  const { index } = await FilesSite.open(options);
  assert.equal((await packetsOf(t, file)).video, (SECONDS - 1) * FRAMES_PER_SECOND);
  const server = await playbackServer(t, folder);
  const [entry] = (await (await fetch(`${server}/list?path=cam`)).json()) as { readonly duration: number }[];
  const [span] = await index.spans("cam");
  assert.ok(Math.abs(entry!.duration - span!.durationUs / 1e6) < 0.002);
});
