// What the appliance profile does to who tries passwords, holds connections open, and reads too much.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type Socket, connect as tcpConnect } from "node:net";
import { type TestContext, test } from "node:test";
import type { Config } from "#config/config.ts";
import { parseConfig } from "#config/parse-config.ts";
import { AwaitedLog } from "#testing/awaited-log.ts";
import { readExposition } from "#testing/exposition.ts";
import { freeTcpPort } from "#testing/free-ports.ts";
import { until } from "#testing/peers/until.ts";
import { overTcp, RawRtspClient } from "#testing/raw-rtsp-client.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { Gateway } from "./gateway.ts";

/** Of `geheim`. */
const HASH = "argon2:$argon2id$v=19$m=4096,t=3,p=1$c2FsdEl0V2l0aFNhbHQ$bSf3N4zCn+nXNjsovseMAo97gKogLQkqPPFLcaA3qiE";

async function start(t: TestContext, rest: string, profile: Config["global"]["profile"] = "dropIn") {
  const port = await freeTcpPort(0);
  const text = `rtspAddress: 127.0.0.1:${port}
rtspTransports: [tcp]
webrtc: no
api: yes
apiAddress: 127.0.0.1:0
metrics: yes
metricsAddress: 127.0.0.1:0
${rest}`;
  const { config, problems } = parseConfig(text, "camgate.yml", {});
  assert.ok(config !== undefined, problems.map(({ message }) => message).join("\n"));
  const log = new AwaitedLog();
  const gateway = await Gateway.start({ ...config, global: { ...config.global, profile } }, log);
  t.after(() => gateway.close());
  const connect = async (localAddress = "127.0.0.1"): Promise<RawRtspClient> => {
    const client = RawRtspClient.on(await openSocket(t, port, localAddress));
    t.after(() => client.close());
    return client;
  };
  const sampleOf = async (name: string, labels: Readonly<Record<string, string>> = {}): Promise<number | undefined> => {
    const response = await fetch(`http://127.0.0.1:${gateway.ports["metricsAddress"]}/metrics?type=camgate_access`, {
      headers: { connection: "close" },
    });
    const { samples } = readExposition(await response.text());
    return samples.find((one) => one.name === name && Object.entries(labels).every(([label, value]) => one.labels[label] === value))?.value;
  };
  return { gateway, log, port, connect, sampleOf, url: `rtsp://127.0.0.1:${port}/cam` };
}

async function openSocket(t: TestContext, port: number, localAddress: string): Promise<Socket> {
  const socket = tcpConnect({ host: "127.0.0.1", port, localAddress, noDelay: true });
  socket.on("error", () => {});
  t.after(() => void socket.destroy());
  await once(socket, "connect");
  return socket;
}

const basic = (login: string): string => `Basic ${Buffer.from(login).toString("base64")}`;

test("1,000 passwords tried over RTSP and HTTP cost 30 hashes and bring a ban; others are let in at once", {
  timeout: 60_000,
}, async (t) => {
  const users = `authInternalUsers:
- {user: ann, pass: '${HASH}', permissions: [{action: read}, {action: api}]}
- {user: any, ips: [127.0.0.1], permissions: [{action: metrics}]}
paths: {cam: {}}
`;
  const { gateway, log, port, connect, sampleOf, url } = await start(t, users, "appliance");
  const apiPort = gateway.ports["apiAddress"]!;
  for (let attempt = 0; attempt < 1000; attempt++) {
    const authorization = basic(`${attempt % 3 === 0 ? "ann" : `user${attempt}`}:wrong${attempt}`);
    const overRtsp = attempt % 2 === 0;
    const socket = await openSocket(t, overRtsp ? port : apiPort, "127.0.0.2");
    const head = overRtsp ? `DESCRIBE ${url} RTSP/1.0\r\nCSeq: 1` : "GET /v3/paths/list HTTP/1.1\r\nHost: 127.0.0.1";
    socket.end(`${head}\r\nAuthorization: ${authorization}\r\n\r\n`);
    socket.resume();
  }
  await until("all are judged", async () => {
    const outcomes = await Promise.all(["refused", "banned"].map((outcome) => sampleOf("camgate_logins_total", { outcome })));
    return outcomes[0]! + outcomes[1]! >= 1000;
  });
  assert.ok((await sampleOf("camgate_password_hashes_total"))! <= 30);
  assert.ok((await sampleOf("camgate_bans_total"))! >= 1);
  await log.line(/127\.0\.0\.2 is banned for 10 min/);
  const legitimate = await (await connect()).request("DESCRIBE", url, { Authorization: basic("ann:geheim") });
  assert.equal(legitimate.status, 404);
  const answer = await fetch(`http://127.0.0.1:${apiPort}/v3/paths/list`, { headers: { authorization: basic("ann:geheim") } });
  assert.equal(answer.status, 200);
});

test("connections: of one address, of its strangers, and of all; whoever is known keeps his place", async (t) => {
  const limits = "maxConnections: 6\nmaxConnectionsPerAddress: 4\nmaxStrangersPerAddress: 2\n";
  const { gateway, connect, sampleOf, url } = await start(
    t,
    `${limits}paths: {cam: {}, other: {source: redirect, sourceRedirect: /cam}}\n`,
  );
  const refusals = async (limit: string) => await sampleOf("camgate_connections_refused_total", { limit });
  const isServed = async (client: RawRtspClient) =>
    await client.request("OPTIONS", url).then(
      () => true,
      () => false,
    );
  const attacker = "127.0.0.3";
  const strangers = [await connect(attacker), await connect(attacker)];
  for (const stranger of strangers) assert.equal(await isServed(stranger), true);
  assert.equal(await isServed(await connect(attacker)), false);
  assert.equal(await refusals("strangers"), 1);
  for (const stranger of strangers) assert.equal((await stranger.request("DESCRIBE", url.replace("cam", "other"))).status, 302);
  const more = [await connect(attacker), await connect(attacker)];
  for (const client of more) assert.equal((await client.request("DESCRIBE", url.replace("cam", "other"))).status, 302);
  assert.equal(await isServed(await connect(attacker)), false);
  assert.equal(await refusals("address"), 1);
  const elsewhere = [await connect("127.0.0.4"), await connect("127.0.0.5")];
  for (const client of elsewhere) assert.equal(await isServed(client), true);
  // The scrape is a connection, too: it takes the place of the oldest that has shown nothing.
  assert.equal(await refusals("made_room"), 1);
  await elsewhere[0]!.closed;
  for (const client of [...strangers, ...more, elsewhere[1]!]) assert.equal(await isServed(client), true);
  for (const client of [...strangers, ...more, elsewhere[1]!]) client.close();
  await until("they are gone", () => gateway.sessions.list("rtspConn").length === 0);
  assert.equal(await isServed(await connect(attacker)), true);
});

test("HTTP: connections are counted with the others, also those in TLS or without a request", async (t) => {
  const { gateway, connect, sampleOf, url } = await start(t, "maxStrangersPerAddress: 3\npaths: {cam: {}}\n");
  const silent = [];
  for (let i = 0; i < 3; i++) silent.push(await openSocket(t, gateway.ports["apiAddress"]!, "127.0.0.6"));
  await until("they are counted", async () => (await sampleOf("camgate_connections"))! >= 3);
  const refused = await connect("127.0.0.6");
  await refused.closed;
  assert.equal((await (await connect("127.0.0.7")).request("OPTIONS", url)).status, 200);
  silent[0]!.destroy();
  await until("there is room again", async () => {
    const client = await connect("127.0.0.6");
    return await client.request("OPTIONS", url).then(
      () => true,
      () => false,
    );
  });
});

test("readers of all paths together, and of one", async (t) => {
  const camera = await ScriptedCamera.start({ frameMs: 40 });
  t.after(() => camera.close());
  const source = `source: '${camera.url()}', rtspTransport: tcp`;
  const { gateway, connect, sampleOf, url } = await start(
    t,
    `maxTotalReaders: 3\npaths: {cam: {${source}, maxReaders: 2}, yard: {${source}}}\n`,
  );
  await until("the streams", () => gateway.registry.list().every(({ state }) => state === "available"));
  const statusOf = async (path: string): Promise<number> => {
    const client = await connect();
    return (await client.request("SETUP", `${url.replace("cam", path)}/trackID=0`, { Transport: overTcp() })).status;
  };
  assert.deepEqual([await statusOf("cam"), await statusOf("cam"), await statusOf("cam")], [200, 200, 400]);
  assert.deepEqual([await statusOf("yard"), await statusOf("yard")], [200, 400]);
  assert.equal(await sampleOf("camgate_readers_refused_total"), 2);
});
