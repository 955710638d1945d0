// Whole sessions with a client of the test's making: what it gets, what it may not do, and how it ends.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { ntpToUtcUs, parseRtcp, writeLost, writePictureLoss, writeReceiverReport } from "#rtp/rtcp.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { fuzzRandom, mutate } from "#testing/mutate.ts";
import { until } from "#testing/peers/until.ts";
import { PublishedPath, type PublishedPathOptions } from "#testing/published-path.ts";
import { RawRtcClient } from "#testing/raw-rtc-client.ts";
import { startWebRtcSite, type WebRtcSiteOptions } from "#testing/webrtc-site.ts";
import { frame } from "./framed.ts";
import { B_FRAMES } from "./read-negotiation.ts";
import { parseStun, writeBindingRequest } from "./stun.ts";

async function setUp(t: TestContext, options: WebRtcSiteOptions = {}, video: PublishedPathOptions = {}) {
  const log = collectedLog();
  const site = await startWebRtcSite({ log, ...options });
  t.after(() => site.close());
  const gate = await PublishedPath.open(site.registry, "gate", { video: { maxPacketBytes: 1100, gopFrames: 10 }, ...video });
  gate.frame(3);
  const url = site.whep("gate");
  const connect = async (): Promise<RawRtcClient> => {
    const client = await RawRtcClient.connect(url);
    t.after(() => client.close());
    return client;
  };
  const sessions = () => site.sessions.list("webRTCSession");
  return { site, log, gate, url, connect, sessions };
}

const sequences = (packets: readonly Buffer[]): number[] => packets.map((packet) => packet.readUInt16BE(2));

function assertContinuous(packets: readonly Buffer[]): void {
  const numbers = sequences(packets);
  for (const [i, number] of numbers.entries()) if (i > 0) assert.equal(number, (numbers[i - 1]! + 1) & 0xffff, `packet ${i}`);
}

test("a reader gets the open GOP and goes on live, in the format of its offer, without a gap", async (t) => {
  const { gate, connect, sessions } = await setUp(t);
  const client = await connect();
  await until("the open GOP", () => client.rtp.length >= 9);
  gate.frame(20);
  await until("what follows", () => client.rtp.length >= 23 * 3);
  assertContinuous(client.rtp);
  const ssrc = Number(/a=ssrc:(\d+) cname/.exec(client.answer)![1]);
  for (const packet of client.rtp) assert.deepEqual([packet[1]! & 0x7f, packet.readUInt32BE(8)], [102, ssrc]);
  assert.ok(sequences(client.rtp)[0]! < 2 ** 14, "no receiver can guess the wrong cycle");
  const [report] = client.rtcp.flatMap((compound) => parseRtcp(compound, 0, compound.length));
  assert.equal(report?.kind === "sender-report" && report.ssrc, ssrc);
  const counters = sessions()[0]!.counters();
  assert.equal(counters["outboundRTPPackets"], client.rtp.length);
  assert.ok(counters["outboundBytes"]! > 23 * 3000);
});

test("reports tell when each picture was captured, to the millisecond", async (t) => {
  const clock = new FakeClock();
  const { gate, connect } = await setUp(t, { clock }, { clock });
  const client = await connect();
  await until("the open GOP", () => client.rtp.length >= 9);
  let capturedUs = 0;
  for (let frame = 0; frame < 5; frame++) {
    clock.passMs(40);
    capturedUs = clock.nowUs();
    gate.frame();
  }
  await until("what follows", () => client.rtp.length >= 24);
  const reports = client.rtcp.flatMap((compound) => parseRtcp(compound, 0, compound.length));
  const report = reports.findLast(({ kind }) => kind === "sender-report");
  assert.ok(report?.kind === "sender-report");
  const ticks = (client.rtp.at(-1)!.readUInt32BE(4) - report.timestamp) | 0;
  const utcUs = ntpToUtcUs(report.ntpSeconds, report.ntpFraction) + (ticks / 90_000) * 1e6;
  assert.ok(Math.abs(utcUs - clock.utcOf(capturedUs).utcUs) < 1000, `${utcUs - clock.utcOf(capturedUs).utcUs} µs`);
});

test("lost packets come again when they are asked for, live ones and those of the open GOP", async (t) => {
  const { gate, connect } = await setUp(t);
  const client = await connect();
  await until("the open GOP", () => client.rtp.length >= 9);
  gate.frame(5);
  await until("what follows", () => client.rtp.length >= 24);
  const ssrc = client.rtp[0]!.readUInt32BE(8);
  const original = [...client.rtp];
  client.forgetReplays();
  client.rtp.length = 0;
  const wanted = [1, 2, 12, 20].map((i) => original[i]!.readUInt16BE(2));
  client.sendRtcp(Buffer.concat([writeReceiverReport(7, undefined), writeLost(7, ssrc, [...wanted, 40_000])]));
  await until("they come again", () => client.rtp.length >= 4);
  assert.deepEqual(
    client.rtp.map((packet) => packet.toString("hex")),
    [1, 2, 12, 20].map((i) => original[i]!.toString("hex")),
  );
});

test("what comes again of the open GOP is what this reader got of it, not what others got of it live", async (t) => {
  const { gate, connect } = await setUp(t);
  const first = await connect();
  await until("its open GOP", () => first.rtp.length >= 9);
  gate.frame(5);
  await until("what follows", () => first.rtp.length >= 24);
  const second = await connect();
  await until("the open GOP of the other", () => second.rtp.length >= 24);
  const original = [...second.rtp];
  second.forgetReplays();
  second.rtp.length = 0;
  const ssrc = original[0]!.readUInt32BE(8);
  const wanted = original.map((packet) => packet.readUInt16BE(2));
  second.sendRtcp(Buffer.concat([writeReceiverReport(7, undefined), writeLost(7, ssrc, wanted)]));
  await until("all of it again", () => second.rtp.length >= original.length);
  assert.deepEqual(
    second.rtp.map((packet) => packet.toString("hex")),
    original.map((packet) => packet.toString("hex")),
  );
});

test("a reader that needs a keyframe has the publisher asked", async (t) => {
  const { gate, connect, sessions } = await setUp(t);
  const client = await connect();
  await until("the open GOP", () => client.rtp.length >= 9);
  const asked = gate.keyframesAsked;
  client.sendRtcp(Buffer.concat([writeReceiverReport(7, undefined), writePictureLoss(7, client.rtp[0]!.readUInt32BE(8))]));
  await until("the publisher is asked", () => gate.keyframesAsked > asked);
  assert.equal(sessions()[0]!.counters()["inboundRTCPPackets"], 1);
});

test("what a reader reports as lost is counted", async (t) => {
  const { connect, sessions } = await setUp(t);
  const client = await connect();
  await until("the open GOP", () => client.rtp.length >= 9);
  const block = { fractionLost: 1, highestSequence: 9, jitter: 0, lastSenderReport: 0, delaySinceLast: 0 };
  const ours = client.rtp[0]!.readUInt32BE(8);
  client.sendRtcp(writeReceiverReport(7, { ssrc: ours + 1, cumulativeLost: 100, ...block }));
  client.sendRtcp(writeReceiverReport(7, { ssrc: ours, cumulativeLost: 3, ...block }));
  await until("both reports", () => sessions()[0]!.counters()["inboundRTCPPackets"] === 2);
  assert.equal(sessions()[0]!.counters()["outboundRTPPacketsReportedLost"], 3);
});

test("B-frames that nothing announced are found while they are sent: the session ends, and the next offer is refused", async (t) => {
  const { site, log, gate, url, connect, sessions } = await setUp(t);
  const client = await connect();
  await until("the open GOP", () => client.rtp.length >= 9);
  // Decode order I P B P B …: every second frame is to be shown before the one that came before it.
  for (let i = 0; i < 8; i++) gate.frameAt(10 + 2 * i + (i % 2 === 0 ? 2 : -1));
  await until("it is over", () => client.dtlsClosed);
  assert.equal(sessions().length, 0);
  await client.post(url);
  assert.deepEqual([client.response!.status, JSON.parse(client.answer).error], [400, B_FRAMES]);
  assert.equal(log.lines.filter((line) => line === `path 'gate': ${B_FRAMES}`).length, 1);
  assert.equal(site.registry.get("gate")!.state, "available");
});

test("a session that is kicked says goodbye, and so does a stream that ends", async (t) => {
  const { gate, connect, sessions } = await setUp(t);
  const [kicked, other] = [await connect(), await connect()];
  assert.equal(sessions().length, 2);
  sessions()[0]!.close();
  await until("the goodbye", () => kicked.dtlsClosed);
  assert.deepEqual([sessions().length, other.dtlsClosed], [1, false]);
  gate.close();
  await until("the goodbye", () => other.dtlsClosed);
  assert.equal(sessions().length, 0);
});

test("a client that is silent is gone; one that checks is not", async (t) => {
  const clock = new FakeClock();
  const { log, connect, sessions } = await setUp(t, { clock }, { clock });
  const [silent, alive] = [await connect(), await connect()];
  clock.passMs(14_000);
  await alive.check();
  clock.passMs(2000);
  await until("one session ends", () => sessions().length === 1);
  assert.ok(log.lines.some((line) => line.endsWith("is over: the client is gone")));
  await alive.check();
  await until("it was told", () => silent.dtlsClosed);
  assert.equal(alive.dtlsClosed, false);
});

test("a client that never comes is given up, and its place is free again", async (t) => {
  const limits = { perSecond: 1000, burst: 1000, halfOpen: 4, halfOpenPerAddress: 4 };
  const { log, url, sessions } = await setUp(t, { webrtc: { limits, handshakeTimeoutMs: 300 } });
  const client = await RawRtcClient.open();
  t.after(() => client.close());
  for (let i = 0; i < 4; i++) await client.post(url);
  await client.post(url);
  assert.equal(client.response!.status, 503);
  await until("all are given up", () => sessions().length === 0);
  assert.ok(log.lines.some((line) => /no connection within 0\.3 s: no check of the client came through/.test(line)));
  await client.post(url);
  assert.equal(client.response!.status, 201);
  await client.check();
  await until("given up", () => sessions().length === 0);
  assert.ok(log.lines.some((line) => /no DTLS handshake within 0\.3 s/.test(line)));
});

test("another certificate than the offer's is no client of this session", async (t) => {
  const { log, url, connect, sessions } = await setUp(t);
  const rightful = await connect();
  const fingerprint = Array(32).fill("AA").join(":");
  const impostor = await RawRtcClient.open({ fingerprint });
  t.after(() => impostor.close());
  await impostor.post(url);
  await impostor.check();
  void impostor.handshake().catch(() => {});
  await until("it is over", () => log.lines.some((line) => line.includes("is not the one of its offer")));
  assert.equal(sessions().length, 1);
  assert.equal(rightful.dtlsClosed, false);
});

test("checks: nobody is answered who does not know the password; no answer is longer than its question", async (t) => {
  const { url } = await setUp(t);
  const client = await RawRtcClient.open();
  t.after(() => client.close());
  await client.post(url);
  const { ufrag } = client.server!;
  void client.check({ password: "wrong".repeat(6) });
  void client.check({ username: `nobody:${client.ufrag}` });
  void client.check({ username: "" });
  assert.equal((await client.check({ role: "controlled" })).errorCode, 487);
  assert.deepEqual([(await client.check()).kind, client.datagrams.stun], ["success", 2]);
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  t.after(() => socket.close());
  await once(socket, "listening");
  const request = writeBindingRequest({
    transactionId: Buffer.alloc(12, 1),
    username: `${ufrag}:x`,
    password: client.server!.password,
    priority: 1,
    useCandidate: false,
    role: "controlling",
    tieBreaker: Buffer.alloc(8),
  });
  socket.send(request, client.server!.port, "127.0.0.1");
  const [response] = (await once(socket, "message")) as [Buffer];
  assert.ok(response.length <= request.length, `${response.length} for ${request.length}`);
});

test("media follows the client to another address", async (t) => {
  const { gate, connect } = await setUp(t);
  const client = await connect();
  await until("the open GOP", () => client.rtp.length >= 9);
  await client.move();
  await client.check();
  const before = client.rtp.length;
  gate.frame(5);
  await until("it goes on", () => client.rtp.length >= before + 15);
  assertContinuous(client.rtp);
});

test("a TCP connection begins with a check of a session, or is closed", async (t) => {
  const { site, gate, url, sessions } = await setUp(t, { webrtc: { tcp: { host: "127.0.0.1", port: 0 } } });
  const open = async (): Promise<Socket> => {
    const socket = connect(site.webrtc.tcpPort!, "127.0.0.1");
    t.after(() => socket.destroy());
    await once(socket, "connect");
    return socket;
  };
  const rude = await open();
  rude.write("GET / HTTP/1.1\r\n\r\n");
  await once(rude, "close");
  const early = await open();
  early.write(frame(Buffer.from(`16feff${"00".repeat(20)}`, "hex")));
  await once(early, "close");
  const client = await RawRtcClient.open();
  t.after(() => client.close());
  await client.post(url);
  const socket = await open();
  const request = writeBindingRequest({
    transactionId: Buffer.alloc(12, 1),
    username: `${client.server!.ufrag}:${client.ufrag}`,
    password: client.server!.password,
    priority: 1,
    useCandidate: true,
    role: "controlling",
    tieBreaker: Buffer.alloc(8),
  });
  socket.write(frame(request));
  const [answer] = (await once(socket, "data")) as [Buffer];
  assert.equal(parseStun(answer.subarray(2))!.kind, "success");
  assert.match((sessions()[0] as unknown as { remoteCandidate: string }).remoteCandidate, /^prflx\/tcp\/127\.0\.0\.1\/\d+$/);
  sessions()[0]!.close();
  await once(socket, "close");
  gate.frame();
});

test("a port of both families serves IPv4 as such", async (t) => {
  const { site, gate, connect } = await setUp(t, { webrtc: { udp: { address: { host: undefined, port: 0 }, readBufferBytes: 0 } } });
  const client = await connect();
  await until("the open GOP", () => client.rtp.length >= 9);
  const answer = await client.check();
  assert.deepEqual(answer.mappedAddress, { address: "127.0.0.1", port: client.socket.address().port });
  const [session] = site.sessions.list("webRTCSession") as unknown as readonly { localCandidate: string; remoteCandidate: string }[];
  assert.equal(session!.remoteCandidate, `prflx/udp/127.0.0.1/${client.socket.address().port}`);
  assert.equal(session!.localCandidate, `host/udp/127.0.0.1/${site.webrtc.udpPort}`);
  gate.frame(2);
  await until("what follows", () => client.rtp.length >= 15);
});

test("garbage at the port, from strangers and from a client: a reader beside it misses nothing", async (t) => {
  const { gate, connect, sessions } = await setUp(t);
  const [reader, rude] = [await connect(), await connect()];
  await until("the open GOP", () => reader.rtp.length >= 9);
  const stranger = createSocket("udp4").bind(0, "127.0.0.1");
  t.after(() => stranger.close());
  await once(stranger, "listening");
  const random = fuzzRandom(5);
  const check = writeBindingRequest({
    transactionId: Buffer.alloc(12, 2),
    username: `${rude.server!.ufrag}:${rude.ufrag}`,
    password: rude.server!.password,
    priority: 1,
    useCandidate: true,
    role: "controlling",
    tieBreaker: Buffer.alloc(8),
  });
  const seeds = [
    check,
    Buffer.from(`16fefd0001000000000001004001${"00".repeat(62)}`, "hex"), // DTLS, encrypted
    Buffer.from(`16feff000000000000000000300100002400000000000000${"24".repeat(38)}`, "hex"), // a ClientHello
    Buffer.from(`15fefd000000000000000900020200`, "hex"), // an alert in the clear
    Buffer.from(`8066${"12".repeat(40)}`, "hex"), // RTP
    Buffer.from(`80c8${"12".repeat(40)}`, "hex"), // RTCP
    Buffer.alloc(1400, 0x17),
  ];
  const sent = reader.rtp.length;
  for (let round = 0; round < 30; round++) {
    for (const seed of seeds) {
      const bytes = round === 0 ? seed : mutate(seed, random);
      stranger.send(bytes, rude.server!.port, "127.0.0.1");
      rude.send(bytes);
    }
    gate.frame();
    await until("the frame", () => reader.rtp.length >= sent + (round + 1) * 3);
  }
  assertContinuous(reader.rtp);
  assert.equal(sessions().length, 2, "nor is the rude one's session ended by what anybody may have sent");
  gate.frame();
  await until("it still reads", () => rude.rtp.length >= sent);
});
