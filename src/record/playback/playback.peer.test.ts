// ffmpeg reads what playback sends: the first picture is that of the instant asked for, all others come at their time, and nobody complains.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { CLIP_FORMAT } from "#testing/clip/clip.ts";
import { readFrameCounter } from "#testing/clip/frame-counter.ts";
import { ffmpeg, ffprobe } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { runPeer, type TestScope } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { startPlaybackSite } from "#testing/playback-site.ts";
import { codedRun, fileRun, gateRun, NOON_US } from "#testing/recorded-clip.ts";

const skip = missingOf(ffmpeg, ffprobe);
const FORMATS = ["fmp4", "mp4"] as const;
const { width, height } = CLIP_FORMAT;

async function download(scope: TestScope, url: string): Promise<string> {
  const response = await fetch(url);
  const bytes = Buffer.from(await response.arrayBuffer());
  assert.equal(response.status, 200, bytes.toString("utf8", 0, 200));
  assert.equal(response.headers.get("content-type"), "video/mp4");
  const file = join(await temporaryFolder(scope), "clip.mp4");
  await writeFile(file, bytes);
  return file;
}

/** A group of pictures before the start is gone through in so long. */
const START_MS = 5;

interface Shown {
  readonly ms: number;
  /** By the counter in the picture. */
  readonly frame: number | undefined;
}

/** What a viewer sees: each picture with the time at which it appears. The last of several at one time is the one that stays. */
async function shownBy(scope: TestScope, file: string): Promise<Shown[]> {
  const args = ["-v", "warning", "-nostdin", "-i", file, "-map", "0:v", "-fps_mode", "passthrough", "-copyts"];
  const raw = await runPeer(scope, ffmpeg, [...args, "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1"]);
  assert.equal(raw.stderr, "");
  const times = await runPeer(scope, ffmpeg, [...args, "-enc_time_base", "-1", "-f", "framehash", "-pix_fmt", "gray", "pipe:1"]);
  const header = /#tb 0: (\d+)\/(\d+)/.exec(times.stdout.toString("utf8"))!;
  const rows = times.stdout
    .toString("utf8")
    .split("\n")
    .filter((row) => /^\d/.test(row));
  const frameBytes = raw.stdout.length / rows.length;
  const shown = new Map<number, Shown>();
  for (const [i, row] of rows.entries()) {
    const ms = Math.round((Number(row.split(",")[2]) * Number(header[1]) * 1000) / Number(header[2]));
    const frame = readFrameCounter(raw.stdout.subarray(i * frameBytes, (i + 1) * frameBytes), width, height);
    shown.set(ms <= START_MS ? 0 : ms, { ms: ms <= START_MS ? 0 : ms, frame });
  }
  return [...shown.values()];
}

function assertShows(shown: readonly Shown[], expected: readonly (readonly [ms: number, frame: number])[]): void {
  assert.deepEqual(
    shown.map(({ ms, frame }) => [ms, frame]),
    expected,
  );
}

const counted = (from: number, count: number, firstMs = 0) =>
  Array.from({ length: count }, (_, i) => [firstMs + i * 40, from + i] as const);

for (const format of FORMATS) {
  test(`${format}: begins in the middle of a group of pictures, ends where it is told`, { skip }, async (t) => {
    const site = await startPlaybackSite(t, { runs: { cam: [gateRun({ startUtcUs: NOON_US, frames: [0, 300], startTicks: 360_000 })] } });
    const shown = await shownBy(t, await download(t, site.url(3.2, 2, { format })));
    assertShows(shown, counted(80, 50));
  });

  test(`${format}: between two pictures the earlier one is shown`, { skip }, async (t) => {
    const site = await startPlaybackSite(t, { runs: { cam: [gateRun({ startUtcUs: NOON_US, frames: [0, 300] })] } });
    const shown = await shownBy(t, await download(t, site.url(3.21, 0.5, { format })));
    assertShows(shown, [[0, 80], ...counted(81, 12, 30)]);
  });

  test(`${format}: sound and picture, from the middle`, { skip }, async (t) => {
    const site = await startPlaybackSite(t, { runs: { cam: [gateRun({ startUtcUs: NOON_US, frames: [0, 300], audio: true })] } });
    const file = await download(t, site.url(1.51, 2, { format }));
    const args = ["-v", "warning", "-show_entries", "stream=codec_type,start_time,duration", "-of", "csv=p=0", file];
    const { stdout, stderr } = await runPeer(t, ffprobe, args);
    assert.equal(stderr.replace(/^Guessed Channel Layout.*\n/gm, ""), "");
    const rows = stdout.toString("utf8").trim().split("\n");
    assert.equal(rows.length, 2);
    for (const row of rows) {
      const [, start] = row.split(",");
      assert.ok(Math.abs(Number(start)) <= 0.04, row);
    }
    const pcm = ["-v", "error", "-nostdin", "-i", file, "-map", "0:a", "-f", "s16le", "pipe:1"];
    const heardMs = (await runPeer(t, ffmpeg, pcm)).stdout.length / 16;
    assert.equal(heardMs, 2000);
  });

  test(`${format}: gaps are left out when they are to be skipped, and end the clip else`, { skip }, async (t) => {
    const missing = new Map([[100, 50]]);
    const later = gateRun({ startUtcUs: NOON_US + 30_000_000, frames: [300, 400], runId: "run-2", gapBefore: "source" });
    const site = await startPlaybackSite(t, { runs: { cam: [gateRun({ startUtcUs: NOON_US, frames: [0, 200], missing }), later] } });
    assertShows(await shownBy(t, await download(t, site.url(3, 60, { format }))), counted(75, 25));
    const skipped = await shownBy(t, await download(t, site.url(3, 60, { format, gaps: "skip" })));
    assertShows(skipped, [...counted(75, 25), ...counted(150, 50, 1000), ...counted(300, 100, 3000)]);
    const leading = await shownBy(t, await download(t, site.url(20, 12, { format, gaps: "skip" })));
    assertShows(leading, counted(300, 50));
  });

  for (const name of ["h264-aac", "h264-g711", "h265-opus", "mjpeg-lpcm", "killed"]) {
    test(`${format}: a recording of MediaMTX (${name}), from the middle`, { skip }, async (t) => {
      const bytes = await readFile(new URL(`../../containers/fmp4/testdata/mediamtx-${name}.mp4`, import.meta.url));
      const run = fileRun(bytes, NOON_US);
      const site = await startPlaybackSite(t, { runs: { cam: [run] } });
      const file = await download(t, site.url(0.73, 60, { format }));
      const args = ["-v", "warning", "-nostdin", "-i", file, "-map", "0", "-f", "framehash", "-fps_mode", "passthrough", "pipe:1"];
      const { stdout, stderr } = await runPeer(t, ffmpeg, args);
      assert.equal(stderr.replace(/^Guessed Channel Layout.*\n/gm, ""), "");
      for (const track of run.tracks.keys()) assert.match(stdout.toString("utf8"), new RegExp(`^${track}, `, "m"));
    });
  }

  for (const name of ["h264-main-b3.h264", "h264-high-pyramid-open-gop.h264", "h265-main-open-gop.h265", "h265-main-closed-gop.h265"]) {
    test(`${format}: ${name}, whose pictures are reordered, from any picture on`, { skip }, async (t) => {
      const run = codedRun(name, NOON_US);
      const site = await startPlaybackSite(t, { runs: { cam: [run] } });
      const { tracks, fragments } = run;
      const ticks = fragments
        .flatMap(({ samples }) => samples[0]!.samples)
        .map(({ dtsTicks, ptsOffsetTicks }) => dtsTicks + ptsOffsetTicks);
      const ptsMs = ticks.map((pts) => (pts * 1000) / tracks[0]!.clockRateHz).sort((a, b) => a - b);
      for (const from of [0, 7, 16, 18, 23, 31]) {
        const startMs = Math.ceil(ptsMs[from]!);
        const shown = await shownBy(t, await download(t, site.url(startMs / 1000, 10, { format })));
        const times = ptsMs.slice(from + 1).map((ms) => Math.round(ms - startMs));
        assert.deepEqual(shown.map(({ ms }) => ms).slice(-times.length), times, `from picture ${from}`);
        assert.ok(shown.length === times.length + 1 && shown[0]!.ms === 0, `from picture ${from}: ${shown.length} of ${times.length + 1}`);
      }
    });
  }
}
