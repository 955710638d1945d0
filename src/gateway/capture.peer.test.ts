// The program with sources that are ffmpeg: no ffmpeg outlives it, however it ends.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
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

test("pictures of a camera over HTTP", { skip }, async (t) => {
  const config = `api: yes\npaths:\n  site/card:\n    source: ${CARD}\n  demand:\n    source: ${CARD}\n    sourceOnDemand: yes\n  empty:\n`;
  const program = await startCamgate(t, { config });
  await program.process.match(/\[path site\/card\] stream is available/);
  const get = (name: string): Promise<Response> => fetch(`${program.apiOrigin}/camgate/v1/snapshot/${name}`);
  const probe = async (response: Response): Promise<unknown> => {
    assert.equal(response.status, 200);
    const age = Date.now() - Date.parse(response.headers.get("Last-Modified")!);
    assert.ok(age > -2000 && age < 60_000);
    const file = join(program.folder, "picture");
    await writeFile(file, Buffer.from(await response.arrayBuffer()));
    const [video] = await ffprobeStreams(t, { input: file });
    return [response.headers.get("Content-Type"), video?.codec_name, video?.width];
  };
  assert.deepEqual(await probe(await get("site/card.jpg")), ["image/jpeg", "mjpeg", 320]);
  assert.deepEqual(await probe(await get("site/card.jpg?max_w=160&q=30")), ["image/jpeg", "mjpeg", 160]);
  assert.deepEqual(await probe(await get("site%2Fcard.mp4")), ["video/mp4", "h264", 320]);
  assert.deepEqual(await probe(await get("demand.jpg")), ["image/jpeg", "mjpeg", 320]);
  const refused = async (name: string): Promise<unknown[]> => {
    const response = await get(name);
    return [response.status, ((await response.json()) as { error: string }).error];
  };
  assert.deepEqual(await refused("empty.jpg"), [404, "no stream is available on path 'empty'"]);
  assert.deepEqual(await refused("nobody.mp4"), [404, "there is no path 'nobody'"]);
  assert.deepEqual(await refused("site/card.png"), [404, "a picture is asked for as NAME.jpg or NAME.mp4"]);
  assert.deepEqual(await refused("site/card.jpg?max_w=wide"), [400, "max_w: has to be a number from 1 to 8192"]);
  assert.deepEqual(await refused("site/card.jpg?w=160"), [400, "w: is no field here: there are cam, fmt, max_w, q, dest"]);
  assert.deepEqual(await refused("..%2F..%2Fetc%2Fpasswd.jpg"), [
    400,
    "cam: is no name of a path: a path name cannot have . or .. between slashes",
  ]);
});

test("the program is killed: ffmpeg ends, too", { skip }, async (t) => {
  const { program, pid } = await startWithFfmpeg(t);
  await program.process.kill();
  await until("the end of ffmpeg", () => !isRunning(pid));
});
