// The program with what guides to MediaMTX say of recording and playback: their configs and their URLs, read by ffmpeg.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { clipFile } from "#testing/bitstreams/clip-read.ts";
import { type Camgate, runCamgate, startCamgate } from "#testing/peers/camgate.ts";
import { ffmpeg, ffmpegPublish, ffprobe, ffprobeStreams } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { runPeer, type TestScope } from "#testing/peers/run-peer.ts";
import { until } from "#testing/peers/until.ts";
import { RawRtspClient, recordOverTcp } from "#testing/raw-rtsp-client.ts";
import { syntheticSdp } from "#testing/synthetic-track.ts";

const skip = missingOf(ffmpeg, ffprobe);

/** As it stood in older versions' files: not under pathDefaults. */
const RECORD_AT_TOP = `# to disk
record: yes
# where
recordPath: ./recordings/%path/%Y-%m-%d_%H-%M-%S-%f
paths:
  all_others:
`;

interface Span {
  readonly start: string;
  readonly duration: number;
  readonly url: string;
}

function publish(scope: TestScope, program: Camgate): ReturnType<typeof ffmpegPublish> {
  return ffmpegPublish(scope, { url: program.url("mypath"), files: [{ file: clipFile }], transport: "tcp", loop: true });
}

/** Once so many seconds are there. */
async function recorded({ playbackOrigin }: Camgate, seconds: number): Promise<Span> {
  return await until(`${seconds} s`, async () => {
    const response = await fetch(`${playbackOrigin}/list?path=mypath`);
    return response.status === 200 && ((await response.json()) as Span[]).find(({ duration }) => duration >= seconds);
  });
}

/** Decodes all of it; fails where ffmpeg has something to complain of. */
async function decodedFrames(scope: TestScope, input: string): Promise<number> {
  const args = ["-v", "warning", "-nostdin", "-i", input, "-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "pipe:1"];
  const { stdout, stderr } = await runPeer(scope, ffmpeg, args);
  assert.equal(stderr, "");
  return stdout
    .toString("utf8")
    .split("\n")
    .filter((line) => /^\d/.test(line)).length;
}

test("record: and recordPath: at the top of the file: a warning each, and files below the working directory", { skip }, async (t) => {
  const { stdout, code } = await runCamgate(t, { config: RECORD_AT_TOP, words: ["check"] });
  assert.equal(code, 0);
  const warned = [...stdout.matchAll(/^mediamtx\.yml:(\d+): warning: (\w+): is an old name/gm)].map(([, line, name]) => [line, name]);
  assert.deepEqual(warned, [
    ["2", "record"],
    ["4", "recordPath"],
  ]);
  const program = await startCamgate(t, { config: RECORD_AT_TOP });
  publish(t, program);
  const folder = join(program.folder, "recordings", "mypath");
  await until("two seconds of footage", async () => {
    const [name] = await readdir(folder).catch(() => []);
    return name !== undefined && (await decodedFrames(t, join(folder, name)).catch(() => 0)) >= 50;
  });
  assert.deepEqual(await program.process.interrupt(), { code: 0, signal: null });
  const [name = "", ...others] = await readdir(folder);
  assert.match(name, /^\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-\d{6}\.mp4$/);
  assert.deepEqual(others, []);
  const [video] = await ffprobeStreams(t, { input: join(folder, name) });
  assert.equal(video?.codec_name, "h264");
});

test("playback: no opens nothing", async (t) => {
  const program = await startCamgate(t, { config: "# off\nplayback: no\npaths:\n  all_others:\n" });
  await assert.rejects(fetch(`${program.playbackOrigin}/list?path=mypath`), TypeError);
});

test("recordings are replayed over RTSP where they are played back", async (t) => {
  for (const [playback, status] of [
    ["no", 200], // of the live stream: the time to begin at means nothing
    ["yes", 404],
  ] as const) {
    const program = await startCamgate(t, { config: `playback: ${playback}\n${RECORD_AT_TOP}` });
    const publisher = await RawRtspClient.connect(portOf(program));
    t.after(() => publisher.close());
    await recordOverTcp(publisher, program.url("mypath"), syntheticSdp());
    const viewer = await RawRtspClient.connect(portOf(program));
    t.after(() => viewer.close());
    const answer = await viewer.request("DESCRIBE", `${program.url("mypath")}?start=2999-01-01T00:00:00Z`);
    assert.equal(answer.status, status, `playback: ${playback}`);
  }
});

function portOf(program: Camgate): number {
  return Number(new URL(program.url("x").replace("rtsp:", "http:")).port);
}

test("/list and /get with the parameters of the guides", { skip }, async (t) => {
  const program = await startCamgate(t, { config: `playback: yes\nplaybackAddress: :9996\n${RECORD_AT_TOP}` });
  const { playbackOrigin } = program;
  publish(t, program);
  const { start, url, duration } = await recorded(program, 4);
  assert.equal(typeof duration, "number");

  // The brackets are a placeholder in the guides; whoever leaves them in is told.
  const literal = await fetch(`${playbackOrigin}/list?path=[mypath]&start=[start]&end=[end]`);
  assert.equal(literal.status, 400);
  assert.match(((await literal.json()) as { error: string }).error, /^invalid path name: .*\[mypath\]/);

  assert.ok(Math.abs((await decodedFrames(t, url)) - duration * 25) <= 1, "the URL of the list, as it stands there");
  const bounds = new URLSearchParams({ path: "mypath", start, end: new Date(Date.parse(start) + 2000).toISOString() });
  const [part] = (await (await fetch(`${playbackOrigin}/list?${bounds}`)).json()) as Span[];
  assert.ok(Math.abs(part!.duration - 2) < 0.002, `${part!.duration} s`);

  // An offset instead of Z, escaped, and a duration that is longer than what there is.
  const from = encodeURIComponent(new Date(Math.ceil(Date.parse(start) / 1000) * 1000).toISOString().replace(".000Z", "+00:00"));
  assert.match(from, /%2B00%3A00$/);
  for (const format of ["", "&format=fmp4", "&format=mp4"]) {
    const frames = await decodedFrames(t, `${playbackOrigin}/get?path=mypath&start=${from}&duration=2.0${format}`);
    assert.ok(frames >= 50 && frames <= 102, `${frames} frames: two seconds, and what is decoded before them`);
  }
  const mp4 = `${playbackOrigin}/get?path=mypath&start=${from}&duration=2.0&format=mp4`;
  const whole = await fetch(mp4);
  const bytes = Buffer.from(await whole.arrayBuffer());
  assert.ok(bytes.indexOf("moov") < bytes.indexOf("mdat"), "plays before it is there as a whole");
  const range = await fetch(mp4, { headers: { Range: "bytes=100-199" } });
  assert.equal(range.status, 206);
  assert.equal(range.headers.get("content-range"), `bytes 100-199/${bytes.length}`);
  assert.ok(Buffer.from(await range.arrayBuffer()).equals(bytes.subarray(100, 200)));
  assert.deepEqual(await program.process.interrupt(), { code: 0, signal: null });
});
