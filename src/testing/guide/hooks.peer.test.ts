// Commands that a guide has run on events: ffmpeg that publishes and re-encodes, curl that calls a web server.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { clipFile } from "../bitstreams/clip-read.ts";
import { childrenOf } from "../child-processes.ts";
import { type HttpService, startHttpService } from "../http-service.ts";
import { isRunning } from "../is-running.ts";
import { startCamgate } from "../peers/camgate.ts";
import { ffmpeg, ffmpegPacketHashes, ffprobe } from "../peers/ffmpeg.ts";
import { findPeer, missingOf } from "../peers/find-peer.ts";
import { runPeer, type TestScope } from "../peers/run-peer.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { until } from "../peers/until.ts";
import { playOverTcp, RawRtspClient } from "../raw-rtsp-client.ts";
import { ALL_OTHERS, assertEndsCleanly, probe, publishClip, withClip } from "./guide-program.ts";

const skip = missingOf(ffmpeg, ffprobe);
const curl = findPeer("curl");

test("a stream is encoded anew into another path, by a line that is folded; killed, ffmpeg comes again", { skip }, async (t) => {
  const config = `paths:
  compressed:
  original:
    runOnReady: >
      ffmpeg -i rtsp://localhost:$RTSP_PORT/$MTX_PATH
        -c:v libx264 -pix_fmt yuv420p -preset ultrafast -b:v 600k
        -max_muxing_queue_size 1024 -f rtsp rtsp://localhost:$RTSP_PORT/compressed
    runOnReadyRestart: yes
`;
  const program = await startCamgate(t, { config });
  const publisher = await withClip(t, program, "original");
  const ffmpegOfHook = (): Promise<number> => until("ffmpeg", async () => (await childrenOf(program.process.pid, /ffmpeg/))[0]);
  const pid = await ffmpegOfHook();
  const words = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0").slice(0, -1);
  assert.equal(words.length, 16);
  assert.ok(words.every((word) => word !== "" && !/\s/.test(word)));
  await program.process.match(/\[path compressed\] stream is available/);
  const [video] = await probe(t, program.url("compressed"));
  assert.deepEqual([video?.codec_name, (video as { pix_fmt?: string }).pix_fmt], ["h264", "yuv420p"]);
  process.kill(pid, "SIGKILL");
  await program.process.match(/runOnAvailable command was ended by SIGKILL/);
  assert.notEqual(await ffmpegOfHook(), pid);
  await program.process.match(/\[path compressed\] stream is available.*\[path compressed\] stream is available/s);
  await publisher.interrupt();
  await program.process.match(
    /\[path compressed\] stream is not available any more.*\[path compressed\] stream is not available any more/s,
  );
  await assertEndsCleanly(program);
});

test("every stream is sent on to another server, as long as it is there", { skip }, async (t) => {
  const other = await startCamgate(t, { config: ALL_OTHERS });
  const config = `pathDefaults:
  runOnReady: >
    ffmpeg -i rtsp://localhost:$RTSP_PORT/$MTX_PATH
    -c copy
    -f rtsp ${other.url("another-path")}
  runOnReadyRestart: yes
${ALL_OTHERS}`;
  const program = await startCamgate(t, { config });
  const publisher = await withClip(t, program, "mypath");
  await other.process.match(/\[path another-path\] stream is available/);
  assert.equal((await probe(t, other.url("another-path")))[0]?.codec_name, "h264");
  await publisher.interrupt();
  await other.process.match(/\[path another-path\] stream is not available any more/);
  await assertEndsCleanly(program);
});

test("a file is published on demand: not before somebody reads, and not for long after the last", { skip }, async (t) => {
  const config = `paths:
  ondemand:
    runOnDemand: ffmpeg -re -stream_loop -1 -i file.ts -c copy -f rtsp rtsp://localhost:$RTSP_PORT/$MTX_PATH
    runOnDemandRestart: yes
    runOnDemandCloseAfter: 300ms
`;
  const program = await startCamgate(t, { config });
  await runPeer(t, ffmpeg, ["-v", "error", "-i", clipFile, "-c", "copy", "-f", "mpegts", join(program.folder, "file.ts")]);
  assert.deepEqual(await childrenOf(program.process.pid, /ffmpeg/), []);
  const reading = ffmpegPacketHashes(t, { input: program.url("ondemand"), transport: "tcp" }, "v", { frames: 20 });
  const pid = await until("ffmpeg", async () => (await childrenOf(program.process.pid, /ffmpeg/))[0]);
  assert.equal((await reading).length, 20, "the DESCRIBE was held until there was something to describe");
  await program.process.match(/runOnDemand command stopped/);
  await until("the end of ffmpeg", () => !isRunning(pid));
  assert.doesNotMatch(program.process.stdout.toString("utf8"), /SIGKILL/);
  await assertEndsCleanly(program);
});

test("a file is published by the server itself, when it starts", { skip }, async (t) => {
  const config = `paths:
  mypath:
    runOnInit: ffmpeg -i my_file.mp4 -c copy -f rtsp rtsp://localhost:$RTSP_PORT/mypath
    runOnInitRestart: no
`;
  const folder = await folderWithFile(t);
  const program = await startCamgate(t, { config, folder });
  await program.process.match(/\[path mypath\] stream is available/);
  await program.process.match(/\[path mypath\] stream is not available any more/);
  await assertEndsCleanly(program);
});

/** Calls of curl as guides have them: no quotes, and an ampersand that no shell sees. */
function webhooks({ url }: HttpService): string {
  const hook = (query: string): string => `curl ${url}/webhook?${query}`;
  return `runOnConnect: ${hook("on=connect&conn_type=$MTX_CONN_TYPE&conn_id=$MTX_CONN_ID")}
runOnConnectRestart: no
runOnDisconnect: ${hook("on=disconnect&conn_type=$MTX_CONN_TYPE&conn_id=$MTX_CONN_ID")}
pathDefaults:
  runOnUnDemand:
  runOnReady: ${hook("on=ready&path=$MTX_PATH&source_type=$MTX_SOURCE_TYPE&source_id=$MTX_SOURCE_ID")}
  runOnReadyRestart: no
  runOnNotReady: ${hook("on=notReady&path=$MTX_PATH&source_type=$MTX_SOURCE_TYPE&source_id=$MTX_SOURCE_ID")}
  runOnRead: ${hook("on=read&path=$MTX_PATH&reader_type=$MTX_READER_TYPE&reader_id=$MTX_READER_ID")}
  runOnReadRestart: no
  runOnUnread: ${hook("on=unread&path=$MTX_PATH&reader_type=$MTX_READER_TYPE&reader_id=$MTX_READER_ID")}
  record: yes
  runOnRecordSegmentCreate: ${hook("on=create&path=$MTX_PATH&segment_path=$MTX_SEGMENT_PATH")}
  runOnRecordSegmentComplete: ${hook("on=complete&path=$MTX_PATH&segment_path=$MTX_SEGMENT_PATH&duration=$MTX_SEGMENT_DURATION")}
`;
}

test("a web server is called at each event, with both values of a query in one request", { skip: missingOf(ffmpeg, curl) }, async (t) => {
  const service = await startHttpService((_, response) => response.end());
  t.after(() => service.close());
  const program = await startCamgate(t, { config: webhooks(service) + ALL_OTHERS });
  const calls = (): readonly URLSearchParams[] => service.calls.map(({ path }) => new URL(path, service.url).searchParams);
  const call = (on: string, query: Readonly<Record<string, string>> = {}): Promise<URLSearchParams> =>
    until(`a call on ${on}`, () =>
      calls().find((one) => one.get("on") === on && Object.entries(query).every(([name, value]) => one.get(name) === value)),
    );
  const publisher = publishClip(t, program, "mypath");
  const connected = await call("connect", { conn_type: "rtspConn" });
  const ready = await call("ready", { path: "mypath", source_type: "rtspSession" });
  const created = await call("create", { path: "mypath" });
  const reader = await RawRtspClient.connect(Number(new URL(program.url("mypath")).port));
  t.after(async () => reader.close());
  await playOverTcp(reader, program.url("mypath"));
  const read = await call("read", { path: "mypath", reader_type: "rtspSession" });
  reader.close();
  await call("unread", { path: "mypath", reader_id: read.get("reader_id")! });
  await publisher.interrupt();
  await call("notReady", { source_id: ready.get("source_id")! });
  await call("disconnect", { conn_id: connected.get("conn_id")! });
  const completed = await call("complete", { segment_path: created.get("segment_path")! });
  for (const id of [connected.get("conn_id"), ready.get("source_id"), read.get("reader_id")]) assert.match(id!, /^[0-9a-f-]{36}$/);
  assert.match(completed.get("segment_path")!, /^\.\/recordings\/mypath\/[\d_-]+\.mp4$/);
  assert.match(completed.get("duration")!, /^\d+\.\d+$/);
  assert.ok(Number(completed.get("duration")) > 0.5);
  await assertOrder(calls(), connected.get("conn_id")!, read.get("reader_id")!);
  await assertEndsCleanly(program);
});

/** What belongs together came in its order. */
async function assertOrder(calls: readonly URLSearchParams[], connection: string, reader: string): Promise<void> {
  const order = (belongs: (call: URLSearchParams) => boolean): (string | null)[] => calls.filter(belongs).map((call) => call.get("on"));
  assert.deepEqual(
    order((call) => call.get("conn_id") === connection),
    ["connect", "disconnect"],
  );
  assert.deepEqual(
    order((call) => call.get("reader_id") === reader),
    ["read", "unread"],
  );
  assert.deepEqual(
    order((call) => call.has("source_id")),
    ["ready", "notReady"],
  );
  assert.deepEqual(
    order((call) => call.has("segment_path")),
    ["create", "complete"],
  );
}

async function folderWithFile(t: TestScope): Promise<string> {
  const folder = await temporaryFolder(t);
  await runPeer(t, ffmpeg, ["-v", "error", "-i", clipFile, "-c", "copy", join(folder, "my_file.mp4")]);
  return folder;
}
