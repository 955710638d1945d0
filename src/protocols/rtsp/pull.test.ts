// Camera, source, path, reader over real sockets: what a viewer notices of what a camera does.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { PathOptions } from "#relay/path-options.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { until } from "#testing/peers/until.ts";
import { playOverTcp, RawRtspClient } from "#testing/raw-rtsp-client.ts";
import { type PullOptions, pulled, startSite } from "#testing/rtsp-site.ts";
import { ScriptedCamera, type ScriptedCameraOptions } from "#testing/scripted-camera.ts";
import { frameNumberOfPacket, isKeyframePacket, syntheticSdp } from "#testing/synthetic-track.ts";

interface SetUp {
  readonly camera?: ScriptedCameraOptions;
  readonly pull?: PullOptions;
  readonly path?: Partial<PathOptions>;
  /** In the source's URL. */
  readonly login?: string;
}

async function setUp(t: TestContext, { camera: cameraOptions = {}, pull = {}, path = {}, login = "" }: SetUp = {}) {
  const log = collectedLog();
  const camera = await ScriptedCamera.start(cameraOptions);
  t.after(() => camera.close());
  const site = await startSite({ log, paths: { cam: { source: pulled(camera.url("stream", login), { log, ...pull }), ...path } } });
  t.after(() => site.close());
  const connect = async (): Promise<RawRtspClient> => {
    const client = await RawRtspClient.connect(site.port);
    t.after(() => client.close());
    return client;
  };
  const state = (): string | undefined => site.registry.get("cam")?.state;
  return { camera, site, log, connect, state, url: site.url("cam") };
}

const numbersOf = (client: RawRtspClient): number[] => client.on(0).flatMap((packet) => frameNumberOfPacket(packet) ?? []);

test("C103: who joins in mid GOP begins with its keyframe, and misses nothing from there on", async (t) => {
  const { connect, url, site } = await setUp(t, { camera: { video: { gopFrames: 1000 }, frameMs: 5 } });
  await until("in mid GOP", () => site.registry.get("cam")!.snapshot().inboundBytes > 50_000);
  const client = await connect();
  await playOverTcp(client, url);
  await client.when("frames", () => client.on(0).length > 200);
  assert.ok(isKeyframePacket(client.on(0)[0]!) || isKeyframePacket(client.on(0)[1]!));
  for (const [i, packet] of client.on(0).entries())
    if (i > 0) assert.equal(packet.readUInt16BE(2), (client.on(0)[i - 1]!.readUInt16BE(2) + 1) & 0xffff);
});

test("a reader stays attached while the camera reconnects: numbers go on, time goes forward", async (t) => {
  const { connect, url, state, camera, site } = await setUp(t);
  await until("available", () => state() === "available");
  const client = await connect();
  await playOverTcp(client, url);
  await client.when("frames", () => client.on(0).length > 20);
  camera.drop();
  await until("it is noticed", () => state() === "grace");
  assert.equal((await (await connect()).request("DESCRIBE", url)).status, 404);
  await until("back", () => state() === "available");
  const before = client.on(0).length;
  await client.when("frames of the new session", () => client.on(0).length > before + 20);
  const packets = client.on(0);
  for (let i = 1; i < packets.length; i++) {
    assert.equal(packets[i]!.readUInt16BE(2), (packets[i - 1]!.readUInt16BE(2) + 1) & 0xffff);
    assert.ok(((packets[i]!.readUInt32BE(4) - packets[i - 1]!.readUInt32BE(4)) | 0) >= 0);
  }
  assert.equal(numbersOf(client).filter((number) => number === 0).length, 2, "the camera began anew");
  assert.equal(client.isClosed, false);
  assert.equal(site.registry.get("cam")?.snapshot().readers.length, 1);
});

test("a camera that comes back with other tracks ends its readers", async (t) => {
  const { connect, url, state, camera } = await setUp(t);
  await until("available", () => state() === "available");
  const client = await connect();
  await playOverTcp(client, url);
  camera.sdp = `${syntheticSdp()}m=audio 0 RTP/AVP 8\r\na=control:trackID=1\r\n`;
  camera.drop();
  await client.closed;
  await until("available", () => state() === "available");
  assert.match((await (await connect()).request("DESCRIBE", url)).body, /m=audio/);
});

test("a camera that does not come back in time ends its readers; it is still tried", async (t) => {
  const { connect, url, state, camera } = await setUp(t, { path: { sourceReconnectGraceMs: 100 } });
  await until("available", () => state() === "available");
  const client = await connect();
  await playOverTcp(client, url);
  camera.script["DESCRIBE"] = () => ({ status: 500 });
  camera.drop();
  await client.closed;
  assert.equal(state(), "empty");
  delete camera.script["DESCRIBE"];
  await until("available", () => state() === "available");
});

test("a camera whose SDP has no parameter sets: ours has them", async (t) => {
  const { connect, url, state } = await setUp(t, { camera: { sdp: syntheticSdp({ sprop: undefined }) } });
  await until("available", () => state() === "available");
  const { body } = await (await connect()).request("DESCRIBE", url);
  assert.match(body, /sprop-parameter-sets=Z0LAKNkA[^,]*,aMuDyyA=/);
});

test("on demand: a DESCRIBE starts the camera, closing it says TEARDOWN; 20 viewers have one session there", async (t) => {
  const { connect, url, camera, site } = await setUp(t, { pull: { onDemand: { startTimeoutMs: 10_000, closeAfterMs: 100 } } });
  assert.equal(camera.connections.length, 0);
  const clients = await Promise.all(Array.from({ length: 20 }, connect));
  await Promise.all(clients.map((client) => playOverTcp(client, url)));
  await Promise.all(clients.map((client) => client.when("frames", () => client.on(0).length > 5)));
  assert.equal(camera.connections.length, 1);
  for (const client of clients) client.close();
  await camera.when(() => camera.of("TEARDOWN").length === 1);
  await until("idle", () => site.registry.get("cam")?.idle === true);
});

test("on demand: a camera that does not answer in time", async (t) => {
  const { connect, url, camera, log } = await setUp(t, {
    camera: { script: { DESCRIBE: () => "silent" } },
    pull: { onDemand: { startTimeoutMs: 200, closeAfterMs: 100 } },
  });
  assert.equal((await (await connect()).request("DESCRIBE", url)).status, 400);
  assert.ok(log.lines.some((line) => line.includes("source of path 'cam' has timed out")));
  await until("the connection is closed", () => camera.connections.every(({ socket }) => socket.destroyed));
});

test("the password of a source is in no line of the log, whatever goes wrong", async (t) => {
  const { camera, log, site } = await setUp(t, {
    login: "admin:t0ps3cret",
    camera: { script: { DESCRIBE: () => ({ status: 401, headers: { "WWW-Authenticate": 'Basic realm="t"' } }) } },
  });
  await until("refused", () => site.registry.get("cam")?.snapshot().sourceState === "auth");
  assert.ok(camera.of("DESCRIBE").length <= 2);
  assert.ok(log.lines.some((line) => line.includes("refused (auth)")));
  assert.ok(!log.lines.some((line) => line.includes("t0ps3cret")));
});
