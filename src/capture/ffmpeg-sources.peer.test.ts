// Sources that are ffmpeg, with a real one: what a guide's config does, and what goes wrong in the field.
import assert from "node:assert/strict";
import { test } from "node:test";
import { afterDelay, type Schedule } from "#base/schedule.ts";
import type { OnDemandOptions, PathSource } from "#relay/path-options.ts";
import { AwaitedLog } from "#testing/awaited-log.ts";
import { makeCodedFile } from "#testing/bitstreams/coded-file.ts";
import { childrenOf } from "#testing/child-processes.ts";
import { openInlet } from "#testing/inlet.ts";
import { isRunning } from "#testing/is-running.ts";
import { ffmpeg, ffmpegPacketHashes, ffmpegPublish, ffprobe, ffprobeStreams } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import type { TestScope } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { type Site, startSite } from "#testing/rtsp-site.ts";
import { FfmpegSources } from "./ffmpeg-sources.ts";

const skip = missingOf(ffmpeg, ffprobe);
const TEST_CARD = "-re -f lavfi -i testsrc2=size=320x240:rate=25";
const TONE = "-re -f lavfi -i sine=sample_rate=48000";
const X264 = "-c:v libx264 -preset ultrafast -tune zerolatency -g 25";

interface FfmpegSite {
  readonly site: Site;
  readonly log: AwaitedLog;
  /** The process id of the ffmpeg that feeds the path now. */
  ffmpegOf(path: string): Promise<number>;
}

/** Paths by name or expression, each with its `source`. */
async function startFfmpegSite(
  t: TestScope,
  paths: Readonly<Record<string, string>>,
  options: {
    readonly onDemand?: OnDemandOptions;
    readonly readTimeoutMs?: number;
    readonly schedule?: Schedule;
    readonly maxRunning?: number;
  } = {},
): Promise<FfmpegSite> {
  const log = new AwaitedLog();
  const { onDemand, readTimeoutMs = 10_000, ...rest } = options;
  const inlet = openInlet(t, { log, readTimeoutMs });
  const sources = new FfmpegSources({ inlet, log, rtspPort: 8554, packetBytes: 1452, ...rest });
  const pathSource = (source: string): PathSource => ({
    kind: "pull",
    type: "rtspSource",
    url: source,
    open: (_, path, variables) => sources.open(source, path, variables),
    onDemand,
  });
  const entries = Object.entries(paths).map(([name, source]) => [name, { source: pathSource(source) }] as const);
  const site = await startSite({ paths: Object.fromEntries(entries), log });
  t.after(async () => {
    await site.close();
    await sources.close();
  });
  return { site, log, ffmpegOf: (path) => until(`ffmpeg of ${path}`, () => pidOf(path)) };
}

const tenTimesFaster: Schedule = (run, delayMs) => afterDelay(run, delayMs / 10);

/** Of this process, and of no other test: the path's name stands in the URL that it publishes to. */
async function pidOf(path: string): Promise<number | undefined> {
  return (await childrenOf(process.pid, new RegExp(`^\\S*ffmpeg .*/${path}/[0-9a-f]{32} $`))).at(-1);
}

test("a camera with H.265 is re-encoded, as the guide has it; ffmpeg ends with the path", { skip }, async (t) => {
  const folder = await temporaryFolder(t);
  const files = [await makeCodedFile(t, { codec: "h265", folder, seconds: 5 })];
  const camera = await startSite();
  t.after(() => camera.close());
  ffmpegPublish(t, { url: camera.url("cam"), files, transport: "tcp", loop: true });
  await until("the camera", () => camera.registry.get("cam")?.state === "available");
  const source = `ffmpeg://${camera.url("cam")} -c:v libx264 -preset ultrafast -tune zerolatency -f rtsp`;
  const { site, log, ffmpegOf } = await startFfmpegSite(t, { my_stream: source });
  await log.line(/\[path my_stream\] stream is available, 1 track \(H264\)/);
  const pid = await ffmpegOf("my_stream");
  const streams = await ffprobeStreams(t, { input: site.url("my_stream"), transport: "tcp" });
  assert.deepEqual(
    streams.map(({ codec_name, width, height, has_b_frames }) => [codec_name, width, height, has_b_frames]),
    [["h264", 160, 128, 0]],
  );
  assert.deepEqual(site.registry.get("my_stream")!.snapshot().source, { type: "rtspSource", id: "" });
  assert.equal(site.registry.get("my_stream")!.snapshot().sourceState, "live");
  site.registry.close();
  await until("the end of ffmpeg", () => !isRunning(pid));
  await until("the end of the camera's reader", () => camera.registry.get("cam")!.snapshot().readers.length === 0);
});

const CODECS: readonly (readonly [options: string, codecs: readonly string[]])[] = [
  [`${TEST_CARD} ${TONE} ${X264} -c:a aac`, ["h264", "aac"]],
  [`${TEST_CARD} ${TONE} -c:v libx265 -preset ultrafast -x265-params log-level=error -c:a libopus`, ["hevc", "opus"]],
  [`${TONE} -c:a pcm_alaw -ar 8000`, ["pcm_alaw"]],
  [`${TONE} -c:a pcm_mulaw -ar 8000`, ["pcm_mulaw"]],
  [`${TEST_CARD} -c:v mjpeg -huffman default -pix_fmt yuvj420p -q:v 8`, ["mjpeg"]],
  [`${TEST_CARD} -c:v libvpx -deadline realtime -g 25`, ["vp8"]],
];
for (const [options, codecs] of CODECS) {
  test(`${codecs.join(" and ")} come out as they went in`, { skip }, async (t) => {
    // An option in front: all of the arguments are the source's own.
    const { site, log } = await startFfmpegSite(t, { made: `ffmpeg://${options}` });
    await log.line(/\[path made\] stream is available/);
    const streams = await ffprobeStreams(t, { input: site.url("made"), transport: "tcp" });
    assert.deepEqual(
      streams.map(({ codec_name }) => codec_name),
      codecs,
    );
  });
}

test("without options a stream is passed on as it is, and a value cannot add an argument", { skip }, async (t) => {
  const { site, log } = await startFfmpegSite(t, { origin: `ffmpeg://${TEST_CARD} ${X264}` });
  await log.line(/\[path origin\] stream is available/);
  const onDemand = { startTimeoutMs: 20_000, closeAfterMs: 100 };
  const relay = await startFfmpegSite(t, { "~^copy-of-(\\w+)$": `ffmpeg://${site.url("$G1")}?$MTX_QUERY` }, { onDemand });
  const input = `${relay.site.url("copy-of-origin")}?a -f null -`;
  const [copy, original] = await Promise.all(
    [input, site.url("origin")].map((url) => ffmpegPacketHashes(t, { input: url, transport: "tcp" }, "v", { frames: 60 })),
  );
  const known = new Set(original!.map(({ md5 }) => md5));
  assert.ok(copy!.filter(({ md5 }) => known.has(md5)).length > 30, "the same frames");
});

test("on demand: started for the first reader, interrupted after the last one", { skip }, async (t) => {
  const onDemand = { startTimeoutMs: 20_000, closeAfterMs: 100 };
  const { site, log, ffmpegOf } = await startFfmpegSite(t, { made: `ffmpeg://${TEST_CARD} ${X264}` }, { onDemand });
  assert.equal(await pidOf("made"), undefined, "nobody reads");
  for (let visit = 1; visit <= 2; visit++) {
    const frames = ffmpegPacketHashes(t, { input: site.url("made"), transport: "tcp" }, "v", { frames: 10 });
    const pid = await ffmpegOf("made");
    assert.equal((await frames).length, 10);
    await log.line(/\[path made\] stopped/, visit);
    await until("the end of ffmpeg", () => !isRunning(pid));
  }
});

test("killed, it is started again; readers stay", { skip }, async (t) => {
  const { site, log, ffmpegOf } = await startFfmpegSite(t, { made: `ffmpeg://${TEST_CARD} ${X264}` });
  await log.line(/\[path made\] stream is available/);
  const frames = ffmpegPacketHashes(t, { input: site.url("made"), transport: "tcp", timeoutMs: 60_000 }, "v", { frames: 100 });
  await until("the reader", () => site.registry.get("made")!.snapshot().readers.length === 1);
  process.kill(await ffmpegOf("made"), "SIGKILL");
  await log.line(/\[path made\] source: ffmpeg was ended by SIGKILL/);
  await log.line(/\[path made\] stream is available/, 2);
  assert.equal((await frames).length, 100);
});

test("it hangs: it is ended, and started again", { skip }, async (t) => {
  const { log, ffmpegOf } = await startFfmpegSite(
    t,
    { made: `ffmpeg://${TEST_CARD} ${X264}` },
    { readTimeoutMs: 1000, schedule: tenTimesFaster },
  );
  await log.line(/\[path made\] stream is available/);
  const pid = await ffmpegOf("made");
  process.kill(pid, "SIGSTOP");
  await log.line(/\[path made\] source: ffmpeg delivers nothing any more.* \(stalled\)/);
  assert.ok(!isRunning(pid));
  await log.line(/\[path made\] stream is available/, 2);
});

test("a limit: one more waits until another has ended", { skip }, async (t) => {
  const onDemand = { startTimeoutMs: 20_000, closeAfterMs: 100 };
  const made = { "~^made(\\d)$": `ffmpeg://${TEST_CARD} ${X264}` };
  const { site, log } = await startFfmpegSite(t, made, { onDemand, maxRunning: 1 });
  const read = (path: string) => ffmpegPacketHashes(t, { input: site.url(path), transport: "tcp", timeoutMs: 60_000 }, "v", { frames: 50 });
  const first = read("made1");
  await log.line(/\[path made1\] stream is available/);
  const second = read("made2");
  await log.line(/\[path made2\] source: 1 ffmpeg sources run already \(limit\)/);
  assert.deepEqual(
    (await Promise.all([first, second])).map(({ length }) => length),
    [50, 50],
  );
});

test("the last thing it says is the path's error", { skip }, async (t) => {
  const camera = await startSite();
  t.after(() => camera.close());
  const url = camera.url("nothing").replace("//", "//user:secret@");
  const { site } = await startFfmpegSite(t, { gone: `ffmpeg://${url} -c copy`, wrong: "ffmpeg://-f lavfi -i testsrc2 -no_such_option 1" });
  const errorOf = (path: string) => until(`an error of ${path}`, () => site.registry.get(path)!.snapshot().lastError);
  assert.match(await errorOf("gone"), /^ffmpeg exited with code 1: .*404/);
  assert.doesNotMatch(await errorOf("gone"), /secret/);
  assert.match(await errorOf("wrong"), /^ffmpeg exited with code \d+: .*(no_such_option|Option not found)/);
});
