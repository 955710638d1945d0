import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { type TestContext, test } from "node:test";
import type { Config } from "#config/config.ts";
import { parseConfig } from "#config/parse-config.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { freeTcpPort, freeUdpPortPair } from "#testing/free-ports.ts";
import { until } from "#testing/peers/until.ts";
import { playOverTcp, RawRtspClient, recordOverTcp } from "#testing/raw-rtsp-client.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { syntheticSdp } from "#testing/synthetic-track.ts";
import { Gateway } from "./gateway.ts";

function configOf(text: string): Config {
  const { config, problems } = parseConfig(/^webrtc/m.test(text) ? text : `webrtc: no\n${text}`, "camgate.yml", {});
  assert.ok(config !== undefined, problems.map(({ message }) => message).join("\n"));
  return config;
}

/** A gateway on free ports of loopback, with the rest of its config as given. */
async function start(t: TestContext, rest: string) {
  const [port, rtp] = [await freeTcpPort(0), await freeUdpPortPair(0)];
  const log = collectedLog();
  const addresses = `rtspAddress: 127.0.0.1:${port}\nrtpAddress: 127.0.0.1:${rtp}\nrtcpAddress: 127.0.0.1:${rtp + 1}\n`;
  const gateway = await Gateway.start(configOf(addresses + rest), log);
  t.after(() => gateway.close());
  const connect = async (): Promise<RawRtspClient> => {
    const client = await RawRtspClient.connect(port);
    t.after(() => client.close());
    return client;
  };
  return { gateway, log, port, rtp, connect, url: (path: string) => `rtsp://127.0.0.1:${port}/${path}` };
}

test("the users of the config: who may publish, who may read, and where", async (t) => {
  const { connect, url } = await start(
    t,
    `authInternalUsers:
- {user: camera, pass: c, permissions: [{action: publish, path: '~^yard'}]}
- {user: any, permissions: [{action: read, path: yard1}]}
- {user: viewer, pass: v, ips: [127.0.0.0/8], permissions: [{action: read}]}
- {user: elsewhere, pass: e, ips: [192.0.2.0/24], permissions: [{action: read}]}
paths: {all_others: {}}
`,
  );
  const basic = (login: string) => ({ Authorization: `Basic ${Buffer.from(login).toString("base64")}` });
  const status = async (method: string, path: string, headers = {}, body = ""): Promise<number> =>
    (await (await connect()).request(method, url(path), { "Content-Type": "application/sdp", ...headers }, body)).status;
  assert.equal(await status("ANNOUNCE", "yard1", {}, syntheticSdp()), 401);
  assert.equal(await status("ANNOUNCE", "yard1", basic("camera:c"), syntheticSdp()), 200);
  assert.equal(await status("DESCRIBE", "yard1"), 404);
  assert.equal(await status("DESCRIBE", "yard2"), 401);
  assert.equal(await status("DESCRIBE", "yard2", basic("viewer:v")), 404);
});

test("what a path's entry says: redirect, fallback, readers, publishers", async (t) => {
  const { connect, url, gateway } = await start(
    t,
    `paths:
  there: {source: redirect, sourceRedirect: rtsp://elsewhere/x}
  gone: {fallback: /there}
  one: {maxReaders: 1, overridePublisher: no}
`,
  );
  assert.deepEqual(
    gateway.registry.list().map(({ name }) => name),
    ["gone", "one", "there"],
  );
  const client = await connect();
  assert.equal((await client.request("DESCRIBE", url("there"))).headers.get("location"), "rtsp://elsewhere/x");
  assert.equal((await client.request("DESCRIBE", url("gone"))).headers.get("location"), url("there"));
  assert.equal((await client.request("DESCRIBE", url("other"))).status, 400);
  await recordOverTcp(client, url("one"), syntheticSdp());
  await assert.rejects(recordOverTcp(await connect(), url("one"), syntheticSdp()), /answered 400/);
  await playOverTcp(await connect(), url("one"));
  await assert.rejects(playOverTcp(await connect(), url("one")), /answered 400/);
  const states = gateway.sessions.list("rtspSession").map(({ state }) => state);
  assert.deepEqual(states, ["publish", "idle", "read"], "who was refused still has his session");
});

test("a camera by an expression, on demand; its password is in no line of the log", async (t) => {
  const camera = await ScriptedCamera.start();
  t.after(() => camera.close());
  const { connect, url, log, gateway } = await start(
    t,
    `logLevel: debug
paths:
  ~^cam(\\d+)$:
    source: ${camera.url("stream/$G1", "admin:s3cret")}?$MTX_QUERY
    sourceOnDemand: yes
    sourceOnDemandCloseAfter: 100ms
`,
  );
  const client = await connect();
  await client.request("DESCRIBE", `${url("cam7")}?quality=low`);
  assert.equal(camera.of("DESCRIBE")[0]?.url, `${camera.url("stream/7")}?quality=low`);
  await playOverTcp(client, url("cam7"));
  await client.when("pictures", () => client.on(0).length > 5);
  client.close();
  await until("the camera is left", () => camera.of("TEARDOWN").length === 1);
  await until("the path is gone", () => gateway.registry.list().length === 0);
  assert.ok(log.lines.length > 0);
  assert.ok(!log.lines.some((line) => line.includes("s3cret")));
});

test("an address that is taken: the error names it, and nothing is left running", async (t) => {
  const camera = await ScriptedCamera.start();
  t.after(() => camera.close());
  const taken = createServer();
  taken.listen(0, "127.0.0.1");
  await once(taken, "listening");
  t.after(() => taken.close());
  const { port } = taken.address() as { port: number };
  const rtp = await freeUdpPortPair(0);
  const config = (rtspPort: number): Config =>
    configOf(
      `rtspAddress: 127.0.0.1:${rtspPort}\nrtpAddress: 127.0.0.1:${rtp}\nrtcpAddress: 127.0.0.1:${rtp + 1}\npaths: {cam: {source: '${camera.url()}'}}\n`,
    );
  await assert.rejects(Gateway.start(config(port), collectedLog()), { code: "EADDRINUSE", message: new RegExp(`127.0.0.1:${port}`) });
  await until("the camera is left", () => camera.connections.every(({ socket }) => socket.destroyed));
  const gateway = await Gateway.start(config(await freeTcpPort(0)), collectedLog());
  await gateway.close();
});

test("rtsp: no opens nothing; without UDP only TCP is there", async (t) => {
  const off = await Gateway.start(configOf("rtsp: no\n"), collectedLog());
  t.after(() => off.close());
  assert.equal(off.ports["rtspAddress"], undefined);
  const { connect, url, rtp } = await start(t, "rtspTransports: [tcp]\npaths: {all_others: {}}\n");
  assert.equal(await freeUdpPortPair(rtp), rtp, "the UDP ports are free");
  const client = await connect();
  await recordOverTcp(client, url("cam"), syntheticSdp());
  const answer = await (await connect()).request("SETUP", `${url("cam")}/trackID=0`, {
    Transport: "RTP/AVP;unicast;client_port=5000-5001",
  });
  assert.equal(answer.status, 461);
});

test("another config: a new server and other paths, and whoever reads goes on", async (t) => {
  const camera = await ScriptedCamera.start();
  t.after(() => camera.close());
  const { gateway, connect, url, port, rtp, log } = await start(t, `paths: {cam: {source: '${camera.url()}'}}\n`);
  await until("the camera is there", () => gateway.registry.get("cam")?.state === "available");
  const client = await connect();
  await playOverTcp(client, url("cam"));
  const listeners = `rtspAddress: 127.0.0.1:${port}\nrtpAddress: 127.0.0.1:${rtp}\nrtcpAddress: 127.0.0.1:${rtp + 1}\n`;
  const apiPort = await freeTcpPort(0);
  const paths = `paths: {cam: {source: '${camera.url()}'}, other: {}}\n`;
  await gateway.apply(configOf(`${listeners}api: yes\napiAddress: 127.0.0.1:${apiPort}\n${paths}`));
  const names = async (): Promise<string[]> => {
    const body = (await (await fetch(`http://127.0.0.1:${apiPort}/v3/paths/list`)).json()) as { items: { name: string }[] };
    return body.items.map(({ name }) => name);
  };
  assert.deepEqual(await names(), ["cam", "other"]);
  await assert.rejects(gateway.apply(configOf(`${listeners}api: yes\napiAddress: 127.0.0.1:${port}\n`)), { code: "EADDRINUSE" });
  assert.deepEqual(await names(), ["cam", "other"], "a config that cannot be had changes nothing");
  const seen = client.on(0).length;
  await client.when("pictures after the changes", () => client.on(0).length > seen + 5);
  assert.equal(log.lines.filter((line) => line.includes("RTSP] listener opened")).length, 1);
  assert.equal(camera.of("PLAY").length, 1);
});
