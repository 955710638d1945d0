// RTSPS from the text of the config: beside plain RTSP or in its place, in API and metrics, as a source, behind a proxy.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { connect as tlsConnect } from "node:tls";
import { parseConfig } from "#config/parse-config.ts";
import { AwaitedLog } from "#testing/awaited-log.ts";
import { freeTcpPort, freeUdpPortPair } from "#testing/free-ports.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { RawRtspClient, recordOverTcp } from "#testing/raw-rtsp-client.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { writeSelfSigned } from "#testing/self-signed.ts";
import { SyntheticVideo, syntheticSdp } from "#testing/synthetic-track.ts";
import { rtpOf } from "#testing/unit-tap.ts";
import { Gateway } from "./gateway.ts";

interface Item {
  readonly id: string;
  readonly state: string;
  readonly path: string;
  readonly transport: string;
  readonly source: unknown;
}

async function start(t: TestContext, encryption: string, rest: string, transports = "[tcp]") {
  const pair = await writeSelfSigned(await temporaryFolder(t));
  const [rtsp, rtsps] = [await freeTcpPort(0), await freeTcpPort(0)];
  const text = `webrtc: no
api: yes
apiAddress: 127.0.0.1:0
metrics: yes
metricsAddress: 127.0.0.1:0
rtspTransports: ${transports}
rtspEncryption: ${encryption}
rtspAddress: 127.0.0.1:${rtsp}
rtspsAddress: 127.0.0.1:${rtsps}
rtspServerKey: ${pair.keyFile}
rtspServerCert: ${pair.certFile}
${rest}`;
  const { config, problems } = parseConfig(text, "camgate.yml", {});
  assert.ok(config !== undefined, problems.map(({ message }) => message).join("\n"));
  assert.deepEqual(problems, []);
  const log = new AwaitedLog();
  const gateway = await Gateway.start(config, log);
  t.after(() => gateway.close());
  const connect = async (): Promise<RawRtspClient> => {
    const socket = tlsConnect({ host: "127.0.0.1", port: rtsps, ca: pair.cert });
    await once(socket, "secureConnect");
    const client = RawRtspClient.on(socket);
    t.after(() => client.close());
    return client;
  };
  const get = async (name: "api" | "metrics", path: string): Promise<Response> =>
    await fetch(`http://127.0.0.1:${gateway.ports[`${name}Address`]}${path}`);
  return { gateway, log, pair, rtsp, rtsps, connect, get, url: `rtsps://127.0.0.1:${rtsps}/cam` };
}

test("optional: both servers, each with its groups in API and metrics", async (t) => {
  const { connect, get, url, rtsp, log } = await start(t, "optional", "paths: {all_others: {}}\n");
  const publisher = await connect();
  await recordOverTcp(publisher, url, syntheticSdp());
  const plain = await RawRtspClient.connect(rtsp);
  t.after(() => plain.close());
  assert.equal((await plain.request("OPTIONS", `rtsp://127.0.0.1:${rtsp}/cam`)).status, 200);
  const listOf = async (group: string) => ((await (await get("api", `/v3/${group}/list`)).json()) as { items: readonly Item[] }).items;
  const [session] = await listOf("rtspssessions");
  assert.deepEqual([session!.state, session!.path, session!.transport], ["publish", "cam", "TCP"]);
  assert.equal((await listOf("rtspsconns")).length, 1);
  assert.equal((await listOf("rtspconns")).length, 1);
  assert.deepEqual(await listOf("rtspsessions"), []);
  const [path] = await listOf("paths");
  assert.deepEqual(path!.source, { type: "rtspsSession", id: session!.id });
  const metrics = await (await get("metrics", "/metrics")).text();
  assert.match(
    metrics,
    new RegExp(`^rtsps_sessions\\{id="${session!.id}",path="cam",remoteAddr="127\\.0\\.0\\.1:\\d+",state="publish"\\} 1$`, "m"),
  );
  assert.match(metrics, /^rtsps_conns\{id="[^"]+"\} 1$/m);
  assert.match(metrics, /^rtsp_sessions 0$/m);
  assert.ok(log.lines.some((line) => /^\[RTSPS\] listener opened on 127\.0\.0\.1:\d+ \(TCP, TLS\)$/.test(line)));
  const publishers = (await (await get("api", "/v3/publishers/list")).json()) as readonly { protocol: string }[];
  assert.deepEqual(
    publishers.map(({ protocol }) => protocol),
    ["RTSPS"],
  );
});

test("strict: plain RTSP is not served, and there is nothing under its names", async (t) => {
  const { get, rtsp, connect, url, gateway } = await start(t, "strict", "paths: {all_others: {}}\n");
  await assert.rejects(RawRtspClient.connect(rtsp), { code: "ECONNREFUSED" });
  assert.equal(gateway.ports["rtspAddress"], undefined);
  assert.equal((await (await connect()).request("OPTIONS", url)).status, 200);
  assert.equal((await get("api", "/v3/rtspsessions/list")).status, 404);
  assert.doesNotMatch(await (await get("metrics", "/metrics")).text(), /^rtsp_/m);
});

test("no: RTSPS is not served", async (t) => {
  const { get, rtsps } = await start(t, '"no"', "paths: {all_others: {}}\n");
  await assert.rejects(RawRtspClient.connect(rtsps), { code: "ECONNREFUSED" });
  assert.equal((await get("api", "/v3/rtspssessions/list")).status, 404);
});

test("a rtsps:// source: by sourceFingerprint, and not without", async (t) => {
  const camera = await start(t, "strict", "paths: {all_others: {}}\n");
  const publisher = await camera.connect();
  await recordOverTcp(publisher, camera.url, syntheticSdp());
  const video = new SyntheticVideo();
  const source = `source: '${camera.url}'`;
  const paths = `paths:\n  known: {${source}, sourceFingerprint: ${camera.pair.fingerprint}}\n  unknown: {${source}}\n`;
  const { gateway, log } = await start(t, '"no"', paths);
  await log.line(/path unknown.*no authority vouches for its certificate/);
  await until("the stream", () => {
    for (const packet of rtpOf(video.burstOf(video.next()))) publisher.sendPacket(0, packet);
    return gateway.registry.get("known")?.state === "available";
  });
  assert.notEqual(gateway.registry.get("unknown")?.state, "available");
});

test("without its certificate the gateway does not start, and says which setting", async () => {
  const text = `webrtc: no\nrtspEncryption: strict\nrtspTransports: [tcp]\nrtspsAddress: 127.0.0.1:0\nrtspServerKey: /nowhere/k\nrtspServerCert: /nowhere/c\n`;
  const { config } = parseConfig(text, "camgate.yml", {});
  await assert.rejects(Gateway.start(config!, new AwaitedLog()), { message: /^rtspServer(Key|Cert): .*ENOENT/ });
});

test("a reader behind a proxy is known by the address of its PROXY header", async (t) => {
  const users = "authInternalUsers: [{user: any, ips: [192.0.2.7], permissions: [{action: read}]}]\n";
  const { rtsp } = await start(t, "optional", `${users}rtspTrustedProxies: [127.0.0.0/8]\npaths: {all_others: {}}\n`);
  const url = `rtsp://127.0.0.1:${rtsp}/cam`;
  const statusOf = async (header: string): Promise<number> => {
    const client = await RawRtspClient.connect(rtsp);
    t.after(() => client.close());
    client.send(header);
    return (await client.request("DESCRIBE", url)).status;
  };
  assert.equal(await statusOf("PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n"), 404);
  assert.equal(await statusOf("PROXY TCP4 192.0.2.8 192.0.2.1 1 2\r\n"), 401);
  assert.equal(await statusOf(""), 401);
});

test("with UDP: SRTP on its own ports, told in descriptions", async (t) => {
  const [srtp, rtp] = [await freeUdpPortPair(0), await freeUdpPortPair(0)];
  const ports = `srtpAddress: 127.0.0.1:${srtp}\nsrtcpAddress: 127.0.0.1:${srtp + 1}\nrtpAddress: 127.0.0.1:${rtp}\nrtcpAddress: 127.0.0.1:${rtp + 1}\n`;
  const camera = await ScriptedCamera.start({ frameMs: 40 });
  t.after(() => camera.close());
  const paths = `paths: {cam: {source: '${camera.url()}', rtspTransport: tcp}}\n`;
  const { gateway, connect, url, log, get } = await start(t, "strict", ports + paths, "[tcp, udp]");
  assert.deepEqual([gateway.ports["srtpAddress"], gateway.ports["srtcpAddress"]], [srtp, srtp + 1]);
  assert.ok(log.lines.some((line) => /\(TCP, TLS\), 127\.0\.0\.1:\d+ \(UDP\/SRTP\), 127\.0\.0\.1:\d+ \(UDP\/SRTCP\)$/.test(line)));
  await until("the stream", () => gateway.registry.get("cam")?.state === "available");
  const client = await connect();
  assert.match((await client.request("DESCRIBE", url)).body, /m=video 0 RTP\/SAVP 96\r\n.*a=key-mgmt:mikey /s);
  const setup = await client.request("SETUP", `${url}/trackID=0`, { Transport: "RTP/SAVP;unicast;client_port=40000-40001" });
  assert.match(setup.headers.get("transport")!, new RegExp(`server_port=${srtp}-${srtp + 1}`));
  const { items } = (await (await get("api", "/v3/rtspssessions/list")).json()) as {
    items: readonly { transport: string; profile: string }[];
  };
  assert.deepEqual(
    items.map(({ transport, profile }) => [transport, profile]),
    [["UDP", "SAVP"]],
  );
});
