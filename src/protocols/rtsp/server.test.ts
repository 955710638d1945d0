import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { deferred } from "#base/deferred.ts";
import type { Authorize } from "#relay/access.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { PublishedPath } from "#testing/published-path.ts";
import { overTcp, playOverTcp, RawRtspClient, recordOverTcp } from "#testing/raw-rtsp-client.ts";
import { type SiteOptions, startSite } from "#testing/rtsp-site.ts";
import { SyntheticVideo, syntheticSdp } from "#testing/synthetic-track.ts";
import { rtpOf } from "#testing/unit-tap.ts";

async function setUp(t: TestContext, options: SiteOptions = {}) {
  const site = await startSite(options);
  t.after(() => site.close());
  const connect = async (host?: string): Promise<RawRtspClient> => {
    const client = await RawRtspClient.connect(site.port, host);
    t.after(() => client.close());
    return client;
  };
  return { site, connect, url: site.url("cam") };
}

/** Everybody who knows the password of `viewer`; a wrong one is answered at once. */
const viewerOnly: Authorize = ({ credentials }) => {
  const right =
    credentials.kind === "digest"
      ? credentials.verify("viewer", { plain: "pass word" })
      : credentials.kind === "basic" && credentials.user === "viewer" && credentials.pass === "pass word";
  if (right) return Promise.resolve({ allowed: true, user: "viewer" });
  return Promise.resolve({ allowed: false, challenge: credentials.kind === "none", delayMs: 0, reason: "who are you" });
};

const basic = (user: string, pass: string): string => `Basic ${Buffer.from(`${user}:${pass}`).toString("base64")}`;
const md5 = (text: string): string => createHash("md5").update(text).digest("hex");

function digest(challenge: string, method: string, url: string, pass: string, user = "viewer"): string {
  const nonce = /nonce="([^"]*)"/.exec(challenge)?.[1] ?? "";
  const response = md5(`${md5(`${user}:ipcam:${pass}`)}:${nonce}:${md5(`${method}:${url}`)}`);
  return `Digest username="${user}", realm="ipcam", nonce="${nonce}", uri="${url}", response="${response}"`;
}

test("without credentials: 401 with every challenge at once, and the connection goes on", async (t) => {
  const { connect, url, site } = await setUp(t, { authorize: viewerOnly });
  const client = await connect();
  for (const method of ["DESCRIBE", "SETUP", "DESCRIBE"]) {
    const response = await client.request(method, url, { Transport: overTcp() });
    assert.equal(response.status, 401);
    const challenges = response.all("WWW-Authenticate");
    assert.equal(challenges.length, 3);
    assert.equal(challenges[0], 'Basic realm="ipcam"');
    assert.match(challenges[1]!, /^Digest realm="ipcam", nonce="[0-9a-f]+", algorithm=SHA-256$/);
    assert.match(challenges[2]!, /^Digest realm="ipcam", nonce="[0-9a-f]+"$/);
  }
  assert.equal((await client.request("ANNOUNCE", url, { "Content-Type": "application/sdp" }, syntheticSdp())).status, 401);
  assert.equal(site.sessions.list("rtspSession").length, 0);
});

test("with wrong credentials: 401, and the connection is closed", async (t) => {
  const log = collectedLog();
  const { connect, url } = await setUp(t, { authorize: viewerOnly, log });
  const byBasic = await connect();
  assert.equal((await byBasic.request("DESCRIBE", url, { Authorization: basic("viewer", "wrong") })).status, 401);
  await byBasic.closed;
  const byDigest = await connect();
  const challenge = (await byDigest.request("DESCRIBE", url)).all("WWW-Authenticate").at(-1)!;
  assert.equal((await byDigest.request("DESCRIBE", url, { Authorization: digest(challenge, "DESCRIBE", url, "wrong") })).status, 401);
  await byDigest.closed;
  assert.equal(log.lines.filter((line) => line.includes("authentication failed")).length, 2);
  assert.ok(!log.lines.some((line) => line.includes('wrong"') || line.includes("pass word")));
});

test("a wrong password is answered late: what else the client asks waits its turn and is not answered", async (t) => {
  let isLate = false;
  const { connect, url } = await setUp(t, {
    authorize: () => Promise.resolve({ allowed: false, challenge: false, delayMs: 50, reason: "wrong" }),
  });
  setTimeout(() => {
    isLate = true;
  }, 40);
  const client = await connect();
  client.send(client.write("DESCRIBE", url, { Authorization: basic("viewer", "guess") }) + client.write("DESCRIBE", url));
  assert.equal((await client.response()).status, 401);
  assert.ok(isLate);
  await client.closed;
  await assert.rejects(client.response());
});

test("with credentials: Basic, and Digest with the connection's nonce; the user shows in the session", async (t) => {
  const { connect, url, site } = await setUp(t, { authorize: viewerOnly });
  const publisher = await connect();
  const announce = { "Content-Type": "application/sdp", Authorization: basic("viewer", "pass word") };
  assert.equal((await publisher.request("ANNOUNCE", url, announce, syntheticSdp())).status, 200);
  await publisher.request("SETUP", `${url}/trackID=0`, { Transport: `${overTcp()};mode=record` });
  await publisher.request("RECORD", url);
  const reader = await connect();
  const challenge = (await reader.request("DESCRIBE", url)).all("WWW-Authenticate").at(-1)!;
  assert.equal((await reader.request("DESCRIBE", url, { Authorization: digest(challenge, "DESCRIBE", url, "pass word") })).status, 200);
  const authorization = digest(challenge, "SETUP", `${url}/trackID=0`, "pass word");
  assert.equal((await reader.request("SETUP", `${url}/trackID=0`, { Transport: overTcp(), Authorization: authorization })).status, 200);
  assert.deepEqual(
    site.sessions.list("rtspSession").map(({ user }) => user),
    ["viewer", "viewer"],
  );
});

test("connections and sessions are listed while they are there, with their counters", async (t) => {
  const { connect, url, site } = await setUp(t);
  const [publisher, reader] = [await connect(), await connect()];
  await recordOverTcp(publisher, `${url}?a=b`, syntheticSdp());
  await reader.request("SETUP", `${url}/trackID=0`, { Transport: overTcp(), "User-Agent": "test/1" });
  assert.equal(site.sessions.list("rtspConn").length, 2);
  const [published, read] = site.sessions.list("rtspSession");
  assert.deepEqual([published!.state, read!.state], ["publish", "idle"]);
  await reader.request("PLAY", url);
  assert.equal(read!.state, "read");
  assert.deepEqual([published!.path, published!.query, read!.path], ["cam", "a=b", "cam"]);
  assert.deepEqual([read!.transport, read!.userAgent, read!.remote?.address], ["TCP", "test/1", "127.0.0.1"]);
  assert.deepEqual(
    site.sessions.list("rtspConn").map(({ state, path }) => `${state} ${path}`),
    ["publish cam", "read cam"],
  );
  const packets = rtpOf(new SyntheticVideo().nextBurst());
  for (const packet of packets) publisher.sendPacket(0, packet);
  await reader.when("the frame", () => reader.on(0).length >= packets.length);
  const bytes = packets.reduce((sum, packet) => sum + packet.length, 0);
  assert.equal(published!.counters()["inboundRTPPackets"], packets.length);
  assert.equal(published!.counters()["inboundBytes"], bytes);
  assert.equal(read!.counters()["outboundRTPPackets"], packets.length);
  assert.equal(read!.counters()["outboundRTPPacketsDiscarded"], 0);
  const [publisherConnection] = site.sessions.list("rtspConn");
  assert.ok(publisherConnection!.counters()["inboundBytes"]! > bytes);
  assert.deepEqual(
    site.registry
      .get("cam")
      ?.snapshot()
      .readers.map(({ id }) => id),
    [read!.id],
  );
  publisher.close();
  await reader.closed;
  while (site.sessions.size > 0) await setImmediate();
  assert.deepEqual(site.registry.list(), []);
});

test("a kick: of a session or of a connection", async (t) => {
  const { connect, url, site } = await setUp(t);
  const camera = await PublishedPath.open(site.registry, "cam");
  const [one, two, three] = [await connect(), await connect(), await connect()];
  await playOverTcp(one, url);
  site.sessions.list("rtspSession")[0]!.close();
  await one.closed;
  await playOverTcp(two, url);
  site.sessions
    .list("rtspConn")
    .find(({ state }) => state === "read")!
    .close();
  await two.closed;
  await recordOverTcp(three, site.url("other"), syntheticSdp());
  site.sessions.list("rtspSession")[0]!.close();
  await three.closed;
  while (site.sessions.size > 0) await setImmediate();
  assert.deepEqual(
    site.registry.list().map(({ name }) => name),
    ["cam"],
  );
  assert.deepEqual(camera.ends, []);
});

test("requests that come at once are answered one after the other, in order", async (t) => {
  const { connect, url, site } = await setUp(t);
  const camera = await PublishedPath.open(site.registry, "cam");
  camera.frame();
  const client = await connect();
  client.send(
    client.write("OPTIONS", url) +
      client.write("DESCRIBE", url) +
      client.write("SETUP", `${url}/trackID=0`, { Transport: overTcp() }) +
      client.write("PLAY", url) +
      client.write("GET_PARAMETER", url),
  );
  for (const sequence of ["1", "2", "3", "4", "5"]) {
    const { status, headers } = await client.response();
    assert.deepEqual([status, headers.get("cseq")], [200, sequence]);
  }
  await client.when("the frame", () => client.on(0).length > 0);
});

test("a request cut anywhere is a request", async (t) => {
  const { connect, url } = await setUp(t);
  const client = await connect();
  const bytes = client.write("OPTIONS", url);
  for (let at = 0; at < bytes.length; at += 7) {
    client.send(bytes.slice(at, at + 7));
    await setImmediate();
  }
  assert.equal((await client.response()).status, 200);
});

test("more than 32 requests that wait close the connection", async (t) => {
  const held = deferred<void>();
  const { connect, url } = await setUp(t, {
    authorize: () => held.promise.then(() => ({ allowed: true, user: "" })),
  });
  const client = await connect();
  client.send(Array.from({ length: 33 }, () => client.write("DESCRIBE", url)).join(""));
  const marker = await connect();
  assert.equal((await marker.request("OPTIONS", url)).status, 200);
  assert.equal(client.isClosed, false);
  client.send(client.write("DESCRIBE", url));
  await client.closed;
  held.resolve();
});

test("what is not RTSP closes the connection", async (t) => {
  const { connect, url } = await setUp(t);
  for (const bytes of [
    Buffer.from([0x16, 3, 1, 2, 0]),
    "SSH-2.0-OpenSSH_9\r\n\r\n",
    `OPTIONS ${"x".repeat(5000)}`,
    "OPTIONS * RTSP/1.0\r\nA: \u0000\r\n\r\n",
  ]) {
    const client = await connect();
    client.send(bytes);
    await client.closed;
  }
  const client = await connect();
  client.send(`OPTIONS ${url} RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 2147483648\r\n\r\n`);
  await client.closed;
});

test("who sends no request is closed in time, however he trickles", async (t) => {
  const { connect, site } = await setUp(t, { server: { handshakeTimeoutMs: 60 } });
  const [silent, trickling] = [await connect(), await connect()];
  trickling.send("OPTIONS * RTSP/1.0\r\nUser-Agent: ");
  const trickle = setInterval(() => trickling.send("x"), 5);
  t.after(() => clearInterval(trickle));
  await Promise.all([silent.closed, trickling.closed]);
  while (site.sessions.size > 0) await setImmediate();
});

test("IPv6: listener, readers over TCP and UDP", async (t) => {
  const loopback = { host: "::1", port: 0 };
  const { connect, site } = await setUp(t, {
    server: { address: loopback, udp: { rtp: loopback, rtcp: loopback, readBufferBytes: 0 } },
  });
  const camera = await PublishedPath.open(site.registry, "cam");
  const url = `rtsp://[::1]:${site.port}/cam`;
  const client = await connect("::1");
  await playOverTcp(client, url);
  camera.frame();
  await client.when("the frame", () => client.on(0).length > 0);
  assert.equal(site.sessions.list("rtspSession")[0]?.remote?.address, "::1");
  const { createSocket } = await import("node:dgram");
  const rtp = createSocket("udp6").bind(0, "::1");
  await once(rtp, "listening");
  t.after(() => rtp.close());
  const other = await connect("::1");
  const { port } = rtp.address();
  assert.equal(
    (await other.request("SETUP", `${url}/trackID=0`, { Transport: `RTP/AVP;unicast;client_port=${port}-${port}` })).status,
    200,
  );
  const datagram = once(rtp, "message");
  await other.request("PLAY", url);
  camera.frame();
  assert.equal((await datagram)[1].address, "::1");
});

test("on every address: a client over IPv4 is known by its IPv4 address, over TCP and UDP", async (t) => {
  const anywhere = { host: undefined, port: 0 };
  const { connect, site } = await setUp(t, {
    server: { address: anywhere, udp: { rtp: anywhere, rtcp: anywhere, readBufferBytes: 0 } },
  });
  const camera = await PublishedPath.open(site.registry, "cam");
  const { createSocket } = await import("node:dgram");
  const rtp = createSocket("udp4").bind(0, "127.0.0.1");
  await once(rtp, "listening");
  t.after(() => rtp.close());
  const client = await connect();
  const { port } = rtp.address();
  const url = site.url("cam");
  await client.request("SETUP", `${url}/trackID=0`, { Transport: `RTP/AVP;unicast;client_port=${port}-${port}` });
  assert.equal(site.sessions.list("rtspSession")[0]?.remote?.address, "127.0.0.1");
  const datagram = once(rtp, "message");
  await client.request("PLAY", url);
  camera.frame();
  await datagram;
});

test("an address that is taken is an error that names it, and leaves nothing open", async (t) => {
  const taken = createServer();
  taken.listen(0, "127.0.0.1");
  await once(taken, "listening");
  t.after(() => taken.close());
  const { port } = taken.address() as { port: number };
  await assert.rejects(startSite({ server: { address: { host: "127.0.0.1", port } } }), {
    code: "EADDRINUSE",
    message: new RegExp(`127\\.0\\.0\\.1:${port}`),
  });
});

test("close ends every connection and every session, those of UDP included", async (t) => {
  const { connect, site, url } = await setUp(t);
  const camera = await PublishedPath.open(site.registry, "cam");
  const [tcp, udp, idle] = [await connect(), await connect(), await connect()];
  await playOverTcp(tcp, url);
  await udp.request("SETUP", `${url}/trackID=0`, { Transport: "RTP/AVP;unicast;client_port=50000-50001" });
  await udp.request("PLAY", url);
  await site.server.close();
  await Promise.all([tcp.closed, udp.closed, idle.closed]);
  assert.equal(site.sessions.size, 0);
  assert.deepEqual(site.registry.get("cam")?.snapshot().readers, []);
  camera.frame();
});
