// The program with sources that are ffmpeg: no ffmpeg outlives it, however it ends.
import assert from "node:assert/strict";
import { test } from "node:test";
import { childrenOf } from "#testing/child-processes.ts";
import { isRunning } from "#testing/is-running.ts";
import { type Camgate, startCamgate } from "#testing/peers/camgate.ts";
import { ffmpeg, ffprobe, ffprobeStreams } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import type { TestScope } from "#testing/peers/run-peer.ts";
import { until } from "#testing/peers/until.ts";

const skip = missingOf(ffmpeg, ffprobe);
const CARD = "ffmpeg://-re -f lavfi -i testsrc2=size=320x240:rate=25 -c:v libx264 -preset ultrafast -tune zerolatency -g 25";

async function startWithFfmpeg(t: TestScope): Promise<{ readonly program: Camgate; readonly pid: number }> {
  const program = await startCamgate(t, { config: `paths:\n  card:\n    source: >\n      ${CARD.replace(" -c:v", "\n      -c:v")}\n` });
  await program.process.match(/\[path card\] stream is available, 1 track \(H264\)/);
  const [pid] = await childrenOf(program.process.pid, /ffmpeg/);
  return { program, pid: pid! };
}

test("a path is fed by ffmpeg, its command line folded; both end in order", { skip }, async (t) => {
  const { program, pid } = await startWithFfmpeg(t);
  const [video] = await ffprobeStreams(t, { input: program.url("card"), transport: "tcp" });
  assert.equal(video?.codec_name, "h264");
  assert.deepEqual(await program.process.interrupt(), { code: 0, signal: null });
  assert.ok(!isRunning(pid));
  const log = program.process.stdout.toString("utf8");
  assert.doesNotMatch(log, /WAR|ERR/);
  assert.doesNotMatch(log, /\/card\/[0-9a-f]{32}/);
});

test("the program is killed: ffmpeg ends, too", { skip }, async (t) => {
  const { program, pid } = await startWithFfmpeg(t);
  await program.process.kill();
  await until("the end of ffmpeg", () => !isRunning(pid));
});
