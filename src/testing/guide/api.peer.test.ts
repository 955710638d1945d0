// The control API as a guide calls it: what runs, who publishes, who reads, and a publisher that is thrown out.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { clipFile } from "../bitstreams/clip-read.ts";
import { childrenOf } from "../child-processes.ts";
import { freeTcpPort } from "../free-ports.ts";
import { type Camgate, startCamgate } from "../peers/camgate.ts";
import { ffmpeg, ffmpegPublish } from "../peers/ffmpeg.ts";
import { until } from "../peers/until.ts";
import { playOverTcp, RawRtspClient } from "../raw-rtsp-client.ts";
import { startSite } from "../rtsp-site.ts";
import { ALL_OTHERS, assertEndsCleanly, publishClip, THREE_LINES, withClip } from "./guide-program.ts";

const skip = ffmpeg.missing;

// biome-ignore lint/suspicious/noExplicitAny: whatever the API answers
type Json = any;

async function call(
  { apiOrigin }: Camgate,
  path: string,
  init: RequestInit = {},
): Promise<{ readonly status: number; readonly body: Json }> {
  const response = await fetch(`${apiOrigin}${path}`, init);
  return { status: response.status, body: await response.json() };
}

test("a page of any origin may ask", async (t) => {
  const program = await startCamgate(t, { config: THREE_LINES });
  const response = await fetch(`${program.apiOrigin}/v3/paths/list`, {
    method: "OPTIONS",
    headers: { Origin: "https://page.example", "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization" },
  });
  assert.equal(response.status, 204);
  assert.equal(response.headers.get("Access-Control-Allow-Origin"), "*");
  assert.match(response.headers.get("Access-Control-Allow-Headers")!, /Authorization/);
});

test("a path that is pulled, of which nothing has come yet", async (t) => {
  const program = await startCamgate(t, { config: `${THREE_LINES}paths:\n  proxied:\n    source: rtsp://no-such-host.invalid\n` });
  const { status, body } = await call(program, "/v3/paths/get/proxied");
  assert.equal(status, 200);
  assert.equal(body.source.type, "rtspSource");
  assert.equal(body.ready, false);
});

test("who publishes, who reads, and how much", { skip }, async (t) => {
  const program = await startCamgate(t, { config: `${THREE_LINES}${ALL_OTHERS}` });
  assert.deepEqual((await call(program, "/v3/publishers/list")).body, []);
  await withClip(t, program, "proxied");
  const [publisher, ...others] = (await call(program, "/v3/publishers/list")).body;
  assert.deepEqual(others, []);
  assert.equal(publisher.path, "proxied");
  assert.equal(publisher.protocol, "RTSP");
  const reader = await RawRtspClient.connect(Number(new URL(program.url("proxied")).port));
  t.after(async () => reader.close());
  await playOverTcp(reader, program.url("proxied"));
  const { body: path } = await call(program, "/v3/paths/get/proxied");
  assert.deepEqual(path.subscribers, [{ protocol: "RTSP", clientIP: "127.0.0.1" }]);
  assert.equal(path.source.id, publisher.clientId);
  const { body: stats } = await call(program, "/v3/stats");
  assert.deepEqual(stats.paths, { total: 1, active: 1 });
  for (const number of [stats.memory.processBytes, stats.memory.hostUsedBytes, stats.memory.hostTotalBytes, stats.inboundBytes]) {
    assert.ok(number > 0);
  }
  assert.ok(stats.cpu.processPct >= 0 && stats.cpu.hostPct >= 0);
  const { body: list } = await call(program, "/v3/paths/list");
  assert.deepEqual([list.itemCount, list.pageCount, list.items[0].name], [1, 1, "proxied"]);
  await assertEndsCleanly(program);
});

test("a publisher is thrown out by its id; an id that nobody has is not found", { skip }, async (t) => {
  const program = await startCamgate(t, { config: `${THREE_LINES}${ALL_OTHERS}` });
  const kick = (id: string) => call(program, `/v3/publishers/kick/${id}`, { method: "POST" });
  const unknown = await kick("123abc");
  assert.equal(unknown.status, 404);
  assert.equal(unknown.body.status, "error");
  const ffmpegHere = await withClip(t, program, "proxied");
  const [{ clientId }] = (await call(program, "/v3/publishers/list")).body;
  assert.deepEqual(await kick(clientId), { status: 200, body: { status: "ok" } });
  assert.notEqual((await ffmpegHere.exited).code, 0);
  await program.process.match(/\[path proxied\] stream is not available any more/);
  assert.deepEqual((await call(program, "/v3/publishers/list")).body, []);
});

const CHANNEL = { method: "POST", headers: { "Content-Type": "application/json" } };

test("a path is added, looked at, left as it is, and deleted; its password is nowhere but there", { skip }, async (t) => {
  const camera = await startSite();
  t.after(() => camera.close());
  ffmpegPublish(t, { url: camera.url("Streaming/Channels/101"), files: [{ file: clipFile }], transport: "tcp", loop: true });
  await until("the camera", () => camera.registry.get("Streaming/Channels/101")?.state === "available");
  const metricsPort = await freeTcpPort(0);
  const program = await startCamgate(t, {
    config: `${THREE_LINES}metrics: yes\n`,
    env: { MTX_METRICSADDRESS: `127.0.0.1:${metricsPort}` },
  });
  const source = camera.url("Streaming/Channels/101").replace("//", "//admin:canary77@");
  const add = { ...CHANNEL, body: JSON.stringify({ source, webrtc: "yes" }) };
  assert.deepEqual(await call(program, "/v3/config/paths/add/proxied", add), { status: 200, body: { status: "ok" } });
  const again = await call(program, "/v3/config/paths/add/proxied", add);
  assert.deepEqual([again.status, again.body], [400, { status: "error", error: "path already exists" }]);
  await program.process.match(/\[path proxied\] stream is available/);
  const { body: conf } = await call(program, "/v3/config/paths/get/proxied");
  assert.deepEqual([conf.name, conf.source, conf.webrtc], ["proxied", source, true]);
  const { body: list } = await call(program, "/v3/config/paths/list");
  assert.deepEqual(
    [list.itemCount, list.pageCount, list.items.map(({ name, source: from }: Json) => [name, from])],
    [1, 1, [["proxied", source]]],
  );

  const unchanged = await call(program, "/v3/config/paths/patch/proxied", { method: "POST" });
  assert.deepEqual(unchanged, { status: 200, body: { status: "ok" } });
  assert.deepEqual((await call(program, "/v3/config/paths/get/proxied")).body, conf);
  assert.equal((await call(program, "/v3/config/paths/patch/nobody", { method: "POST" })).status, 404);
  assert.deepEqual(await call(program, "/v3/config/reload", add), { status: 200, body: { status: "ok" } }, "whatever is sent along");
  assert.equal((await call(program, "/v3/paths/get/proxied")).body.ready, true);
  const log = program.process.stdout.toString("utf8");
  assert.equal(log.match(/\[path proxied\] stream is available/g)?.length, 1, "nobody disturbed it");

  assert.deepEqual(await call(program, "/v3/config/paths/delete/proxied", { method: "DELETE" }), { status: 200, body: { status: "ok" } });
  const gone = await call(program, "/v3/config/paths/delete/proxied", { method: "DELETE" });
  assert.deepEqual([gone.status, gone.body.error], [404, "path not found"]);
  await until("the end of the camera's reader", () => camera.registry.get("Streaming/Channels/101")!.snapshot().readers.length === 0);
  const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  assert.match(metrics, /^paths/m);
  for (const text of [metrics, program.process.stdout.toString("utf8"), program.process.stderr]) assert.doesNotMatch(text, /canary77/);
});

test("the file is read again; one that cannot be used changes nothing", { skip }, async (t) => {
  const program = await startCamgate(t, { config: THREE_LINES });
  const file = join(program.folder, "mediamtx.yml");
  const reload = () => call(program, "/v3/config/reload", { method: "POST" });
  const names = async (): Promise<string[]> => (await call(program, "/v3/config/paths/list")).body.items.map(({ name }: Json) => name);
  await writeFile(file, `${THREE_LINES}paths:\n  proxied:\n`);
  assert.equal((await reload()).status, 200);
  assert.deepEqual(await names(), ["proxied"]);
  await writeFile(file, `${THREE_LINES}paths:\n  proxied:\n    sauce: rtsp://host\n`);
  const refused = await reload();
  assert.equal(refused.status, 400);
  assert.match(refused.body.error, /mediamtx\.yml:6.*sauce/);
  assert.deepEqual(await names(), ["proxied"]);
});

test("no source that starts a program comes over the API", async (t) => {
  const program = await startCamgate(t, { config: THREE_LINES });
  const add = { ...CHANNEL, body: JSON.stringify({ source: "ffmpeg://-f lavfi -i testsrc2 -c:v libx264" }) };
  const { status, body } = await call(program, "/v3/config/paths/add/evil", add);
  assert.equal(status, 400);
  assert.match(body.error, /source/);
  assert.equal((await call(program, "/v3/config/paths/get/evil")).status, 404);
  assert.deepEqual(await childrenOf(program.process.pid, /./), []);
});

test("ten publishers over UDP, as a page lists them", { skip }, async (t) => {
  const program = await startCamgate(t, { config: `${THREE_LINES}${ALL_OTHERS}` });
  const names = Array.from({ length: 10 }, (_, i) => `stream_${i + 1}`);
  const publishers = names.map((name) => publishClip(t, program, name, "udp"));
  const sessions = await until("ten sessions", async () => {
    const { body } = await call(program, "/v3/rtspsessions/list");
    return body.items.filter(({ state }: Json) => state === "publish").length === 10 && body.items;
  });
  assert.deepEqual(new Set(sessions.map(({ path }: Json) => path)), new Set(names));
  assert.ok(sessions.every(({ transport }: Json) => transport === "UDP"));
  await Promise.all(publishers.map((publisher) => publisher.kill()));
  await until("no session", async () => (await call(program, "/v3/rtspsessions/list")).body.itemCount === 0);
});
