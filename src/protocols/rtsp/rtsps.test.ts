// RTSP in TLS and behind proxies, over real connections: our server, our source, and a client that sends what a test wants.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type Socket, connect as tcpConnect } from "node:net";
import { type TestContext, test } from "node:test";
import { connect as tlsConnect } from "node:tls";
import { AwaitedLog } from "#testing/awaited-log.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { PublishedPath } from "#testing/published-path.ts";
import { pull } from "#testing/pulled-source.ts";
import { playOverTcp, RawRtspClient } from "#testing/raw-rtsp-client.ts";
import { pulled, type SiteOptions, startSite } from "#testing/rtsp-site.ts";
import { writeSelfSigned } from "#testing/self-signed.ts";

const TRUSTED = { trustsProxy: (address: string) => address === "127.0.0.1" };
const PROXY_V1 = "PROXY TCP4 192.0.2.7 192.0.2.8 4242 8322\r\n";

/** A site that serves RTSPS. */
async function startSecureSite(t: TestContext, options: SiteOptions = {}) {
  const folder = await temporaryFolder(t);
  const pair = await writeSelfSigned(folder);
  const log = new AwaitedLog();
  const certificate = { ...pair, keySetting: "rtspServerKey", certSetting: "rtspServerCert" };
  const site = await startSite({ log, ...options, server: { certificate, udp: undefined, ...options.server } });
  t.after(() => site.close());
  const connect = async (ca = pair.cert, socket?: Socket): Promise<RawRtspClient> => {
    const secure = tlsConnect({ ...(socket ? { socket } : { host: "127.0.0.1", port: site.port }), ca, servername: "localhost" });
    await once(secure, "secureConnect");
    const client = RawRtspClient.on(secure);
    t.after(() => client.close());
    return client;
  };
  return { site, log, pair, folder, connect, url: (path: string) => `rtsps://127.0.0.1:${site.port}/${path}` };
}

async function openSocket(t: TestContext, port: number): Promise<Socket> {
  const socket = tcpConnect({ host: "127.0.0.1", port, noDelay: true });
  t.after(() => void socket.destroy());
  await once(socket, "connect");
  return socket;
}

test("a reader over TLS: sessions and connections of their own kind, media in the connection only", async (t) => {
  const { site, connect, url } = await startSecureSite(t);
  const camera = await PublishedPath.open(site.registry, "cam");
  camera.frame(2);
  const client = await connect();
  const overUdp = await client.request("SETUP", `${url("cam")}/trackID=0`, { Transport: "RTP/AVP;unicast;client_port=40000-40001" });
  assert.equal(overUdp.status, 461);
  client.session = undefined;
  const reader = await connect();
  await playOverTcp(reader, url("cam"));
  camera.frame(3);
  await reader.when("a packet", (packets) => packets.length > 0);
  assert.deepEqual(
    site.sessions
      .list("rtspsSession")
      .map(({ state, path, transport }) => [state, path, transport])
      .filter(([state]) => state === "read"),
    [["read", "cam", "TCP"]],
  );
  assert.equal(site.sessions.list("rtspsConn").length, 2);
  assert.deepEqual([site.sessions.list("rtspConn"), site.sessions.list("rtspSession")], [[], []]);
  assert.ok(site.sessions.list("rtspsConn").at(-1)!.counters()["outboundBytes"]! > 0);
});

test("pulled over TLS: by fingerprint; strangers are told no password", async (t) => {
  let passwords = 0;
  const {
    site: camera,
    pair,
    url,
  } = await startSecureSite(t, {
    authorize: async ({ action, credentials }) => {
      if (action === "publish") return { allowed: true, user: "" };
      if (credentials.kind === "none") return { allowed: false, challenge: true, delayMs: 0, reason: "" };
      passwords++;
      return { allowed: true, user: "u" };
    },
  });
  const address = url("cam").replace("//", "//u:p@");
  const untrusted = await pull(t, address).fault();
  assert.equal(untrusted.code, "connect");
  assert.match(untrusted.message, new RegExp(`DEPTH_ZERO_SELF_SIGNED_CERT.*fingerprint is ${pair.fingerprint}: .*sourceFingerprint`));
  const wrong = await pull(t, address, { fingerprint: "ab".repeat(32) }).fault();
  assert.match(wrong.message, new RegExp(`${pair.fingerprint}, which is not the one in the config`));
  assert.equal(passwords, 0);

  const published = await PublishedPath.open(camera.registry, "cam");
  published.frame(1);
  const gateway = await startSite({ paths: { cam: { source: pulled(address, { fingerprint: pair.fingerprint.toUpperCase() }) } } });
  t.after(() => gateway.close());
  await until("the reader", () => camera.sessions.list("rtspsSession").some(({ state }) => state === "read"));
  published.frame(3);
  await until("the stream", () => gateway.registry.get("cam")?.state === "available");
  assert.ok(passwords > 0);
});

test("a new certificate is for new connections, and the readers that stand stay", async (t) => {
  const { site, log, folder, connect, url } = await startSecureSite(t);
  const camera = await PublishedPath.open(site.registry, "cam");
  camera.frame(1);
  const reader = await connect();
  await playOverTcp(reader, url("cam"));
  const renewed = await writeSelfSigned(folder);
  await log.line(/new certificate/);
  await (await connect(renewed.cert)).request("OPTIONS", url("cam"));
  const before = reader.packets.length;
  camera.frame(3);
  await reader.when("more packets", (packets) => packets.length > before);
});

test("who does not speak TLS, or stops in the middle of it, is let go", async (t) => {
  const { site, connect, url } = await startSecureSite(t, { server: { handshakeTimeoutMs: 200 } });
  const plain = await RawRtspClient.connect(site.port);
  plain.send("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n");
  await plain.closed;
  const halfWay = await RawRtspClient.connect(site.port);
  halfWay.send(Buffer.from("1603010200010001fc0303", "hex"));
  await halfWay.closed;
  const silent = await RawRtspClient.connect(site.port);
  await silent.closed;
  assert.equal((await (await connect()).request("OPTIONS", url(""))).status, 200);
  await until("they are gone", () => site.sessions.list("rtspsConn").length === 1);
});

test("a close ends connections whose handshake is under way", async (t) => {
  const { site } = await startSecureSite(t);
  const halfWay = await RawRtspClient.connect(site.port);
  halfWay.send(Buffer.from("1603010200010001fc0303", "hex"));
  await until("it is there", () => site.sessions.list("rtspsConn").length === 1);
  await site.close();
  await halfWay.closed;
});

test("the PROXY header of a trusted proxy says who the client is, in clear before TLS", async (t) => {
  const { site, pair, connect, url } = await startSecureSite(t, { server: TRUSTED });
  const socket = await openSocket(t, site.port);
  socket.write(PROXY_V1);
  const client = await connect(pair.cert, socket);
  assert.equal((await client.request("OPTIONS", url("cam"))).status, 200);
  assert.deepEqual(
    site.sessions.list("rtspsConn").map(({ remote }) => remote),
    [{ address: "192.0.2.7", port: 4242 }],
  );
});

test("PROXY headers without TLS: in pieces, with the request behind, none at all", async (t) => {
  const site = await startSite({ server: TRUSTED });
  t.after(() => site.close());
  const request = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n";
  const remotes = () => site.sessions.list("rtspConn").map(({ remote }) => remote!.address);
  for (const [pieces, address] of [
    [[PROXY_V1 + request], "192.0.2.7"],
    [[...PROXY_V1, request], "192.0.2.7"],
    [["P", "ROXY UNKNOWN\r", `\n${request}`], "127.0.0.1"],
    [[request], "127.0.0.1"],
  ] as const) {
    const client = RawRtspClient.on(await openSocket(t, site.port));
    const answer = client.response();
    for (const piece of pieces) client.send(piece);
    assert.equal((await answer).status, 200);
    assert.deepEqual(remotes(), [address]);
    client.close();
    await until("it is gone", () => remotes().length === 0);
  }
});

test("a broken header ends the connection; what is no trusted proxy has no header that counts", async (t) => {
  const log = new AwaitedLog();
  const site = await startSite({ log, server: { ...TRUSTED, handshakeTimeoutMs: 200 } });
  const strict = await startSite();
  t.after(() => Promise.all([site.close(), strict.close()]));
  const broken = await RawRtspClient.connect(site.port);
  broken.send("PROXY TCP4 nonsense\r\n");
  await broken.closed;
  assert.match(await log.line(/^proxy 127\.0\.0\.1/), /the PROXY header cannot be used: its addresses/);
  const silent = await RawRtspClient.connect(site.port);
  await silent.closed;
  assert.match(await log.line(/^proxy 127\.0\.0\.1/, 2), /no PROXY header in time/);
  const stranger = await RawRtspClient.connect(strict.port);
  stranger.send(`${PROXY_V1}OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n`);
  await stranger.closed;
});

test("a close does not wait for proxies that say nothing", async () => {
  const site = await startSite({ server: TRUSTED });
  const silent = await RawRtspClient.connect(site.port);
  silent.send("PROX");
  await site.close();
  await silent.closed;
});
