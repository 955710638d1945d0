import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { ntpToUtcUs, parseRtcp, type RtcpPacket, writePictureLoss, writeReceiverReport } from "#rtp/rtcp.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { PublishedPath } from "#testing/published-path.ts";
import { expect200, overTcp, playOverTcp, RawRtspClient, recordOverTcp } from "#testing/raw-rtsp-client.ts";
import { type Site, type SiteOptions, startSite } from "#testing/rtsp-site.ts";
import { frameNumberOfPacket, SYNTHETIC_CLOCK_HZ, SyntheticVideo, syntheticSdp } from "#testing/synthetic-track.ts";
import { rtpOf } from "#testing/unit-tap.ts";

/** A site on a clock that stands still; its seconds tick when the test says so. */
async function setUp(t: TestContext, options: SiteOptions = {}) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const clock = new FakeClock();
  const site = await startSite({ clock, ...options });
  t.after(() => site.close());
  const connect = async (): Promise<RawRtspClient> => {
    const client = await RawRtspClient.connect(site.port);
    t.after(() => client.close());
    return client;
  };
  const pass = (seconds: number): void => {
    for (let i = 0; i < seconds; i++) {
      clock.passMs(1000);
      t.mock.timers.tick(1000);
    }
  };
  return { site, clock, connect, pass, url: site.url("cam") };
}

async function udpSocket(t: TestContext): Promise<{ readonly socket: Socket; readonly port: number }> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  t.after(() => socket.close());
  return { socket, port: socket.address().port };
}

/** A reader over UDP; returns the server's RTCP port. */
async function playOverUdp(client: RawRtspClient, url: string, rtpPort: number, rtcpPort: number): Promise<number> {
  const transport = `RTP/AVP;unicast;client_port=${rtpPort}-${rtcpPort}`;
  const { headers } = await expect200(client.request("SETUP", `${url}/trackID=0`, { Transport: transport }));
  await expect200(client.request("PLAY", url));
  return Number(/server_port=\d+-(\d+)/.exec(headers.get("transport") ?? "")?.[1]);
}

const sessions = (site: Site) => site.sessions.list("rtspSession");

function reportsOf(packets: readonly Buffer[]): readonly RtcpPacket[] {
  return packets.flatMap((bytes) => parseRtcp(bytes, 0, bytes.length));
}

test("a reader over UDP that gives no sign of life for 60 s is closed; a request or RTCP is one", async (t) => {
  const { site, connect, pass, url } = await setUp(t);
  await PublishedPath.open(site.registry, "cam");
  const [silent, asking, reporting] = [await connect(), await connect(), await connect()];
  const socket = await udpSocket(t);
  const rtcp = await udpSocket(t);
  await playOverUdp(silent, url, socket.port, socket.port);
  await playOverUdp(asking, url, socket.port, socket.port);
  const serverPort = await playOverUdp(reporting, url, socket.port, rtcp.port);
  pass(50);
  await asking.request("GET_PARAMETER", url);
  const reported = sessions(site)[2]!;
  rtcp.socket.send(writeReceiverReport(1, undefined), serverPort, "127.0.0.1");
  while (reported.counters()["inboundRTCPPackets"] === 0) await setImmediate();
  pass(10);
  assert.equal(sessions(site).length, 3);
  pass(1);
  await silent.closed;
  assert.equal(sessions(site).length, 2);
  pass(60);
  assert.equal(sessions(site).length, 0);
});

test("a reader over TCP may be silent while it plays, not before", async (t) => {
  const { site, connect, pass, url } = await setUp(t);
  await PublishedPath.open(site.registry, "cam");
  const [playing, waiting] = [await connect(), await connect()];
  await playOverTcp(playing, url);
  await waiting.request("SETUP", `${url}/trackID=0`, { Transport: overTcp() });
  pass(61);
  await waiting.closed;
  pass(600);
  assert.equal(sessions(site).length, 1);
  assert.equal((await playing.request("OPTIONS", url)).status, 200);
});

test("a publisher that sends no media for readTimeout is closed, whatever it asks", async (t) => {
  const { site, connect, pass, url } = await setUp(t, { server: { readTimeoutMs: 10_000 } });
  const publisher = await connect();
  await recordOverTcp(publisher, url, syntheticSdp());
  const camera = new SyntheticVideo();
  for (let i = 0; i < 3; i++) {
    pass(9);
    const before = sessions(site)[0]!.counters()["inboundRTPPackets"]!;
    for (const packet of rtpOf(camera.nextBurst())) publisher.sendPacket(0, packet);
    while (sessions(site)[0]!.counters()["inboundRTPPackets"] === before) await setImmediate();
  }
  pass(10);
  assert.equal(sessions(site).length, 1);
  pass(2);
  await publisher.closed;
  assert.equal(sessions(site).length, 0);
  assert.deepEqual(site.registry.list(), []);
});

test("the first two frames come with a sender report each; its pair of times is right, and so are the ones each 10 s", async (t) => {
  const { site, clock, connect, pass, url } = await setUp(t);
  const camera = await PublishedPath.open(site.registry, "cam", { clock });
  const client = await connect();
  await playOverTcp(client, url);
  clock.passMs(500);
  camera.frame();
  await client.when("report and frame", (packets) => packets.length >= 5);
  clock.passMs(40);
  camera.frame();
  pass(10);
  await client.when("the report that is due", () => client.on(1).length >= 3);
  const frame = client.on(0).find((packet) => frameNumberOfPacket(packet) === 1)!;
  const frameUtcUs = 1_000_000 + 540_000 + clock.utcOffsetUs;
  const reports = reportsOf(client.on(1)).filter((packet) => packet.kind === "sender-report");
  assert.equal(reports.length, 3);
  for (const report of reports) {
    const ticks = (frame.readUInt32BE(4) - report.timestamp) | 0;
    const utcUs = ntpToUtcUs(report.ntpSeconds, report.ntpFraction) + (ticks / SYNTHETIC_CLOCK_HZ) * 1e6;
    assert.ok(Math.abs(utcUs - frameUtcUs) < 20, `${utcUs - frameUtcUs} µs`);
    assert.equal(report.ssrc, frame.readUInt32BE(8));
  }
  const last = reports[2]!;
  assert.equal(last.packets, client.on(0).length);
  assert.equal(
    last.octets,
    client.on(0).reduce((sum, packet) => sum + packet.length - 12, 0),
  );
});

test("what a reader reports as lost is counted, for its tracks only; a PLI reaches the source", async (t) => {
  const { site, clock, connect, url } = await setUp(t);
  const camera = await PublishedPath.open(site.registry, "cam", { clock });
  const client = await connect();
  const { headers } = await client.request("SETUP", `${url}/trackID=0`, { Transport: overTcp() });
  const ssrc = Number.parseInt(/ssrc=([0-9A-F]{8})/.exec(headers.get("transport") ?? "")?.[1] ?? "", 16);
  await client.request("PLAY", url);
  assert.equal(camera.keyframesAsked, 1, "a reader without a picture asks for one");
  const block = { ssrc, fractionLost: 3, cumulativeLost: 17, highestSequence: 5, jitter: 0, lastSenderReport: 0, delaySinceLast: 0 };
  client.sendPacket(1, writeReceiverReport(9, block));
  client.sendPacket(1, writeReceiverReport(9, { ...block, ssrc: (ssrc ^ 1) >>> 0, cumulativeLost: 1000 }));
  client.sendPacket(1, Buffer.from("not RTCP at all"));
  clock.passMs(1000);
  client.sendPacket(1, writePictureLoss(9, ssrc));
  await client.request("OPTIONS", url);
  const counters = sessions(site)[0]!.counters();
  assert.equal(counters["outboundRTPPacketsReportedLost"], 17);
  assert.deepEqual([counters["inboundRTCPPackets"], counters["inboundRTCPPacketsInError"]], [3, 1]);
  assert.equal(camera.keyframesAsked, 2);
});

test("a publisher over UDP gets a receiver report each 10 s", async (t) => {
  const { connect, pass, url } = await setUp(t, { server: { readTimeoutMs: 60_000 } });
  const [rtp, rtcp] = [await udpSocket(t), await udpSocket(t)];
  const publisher = await connect();
  await publisher.request("ANNOUNCE", url, { "Content-Type": "application/sdp" }, syntheticSdp());
  await expect200(
    publisher.request("SETUP", `${url}/trackID=0`, { Transport: `RTP/AVP;unicast;client_port=${rtp.port}-${rtcp.port};mode=record` }),
  );
  await expect200(publisher.request("RECORD", url));
  const report = once(rtcp.socket, "message");
  pass(10);
  assert.equal(reportsOf([(await report)[0]])[0]?.kind, "receiver-report");
});

test("a publisher that pauses: what is still under way is nobody's; RECORD again goes on", async (t) => {
  const { site, connect, url } = await setUp(t);
  const publisher = await connect();
  await recordOverTcp(publisher, url, syntheticSdp());
  const camera = new SyntheticVideo({ gopFrames: 2 });
  const send = (): void => {
    for (const packet of rtpOf(camera.nextBurst())) publisher.sendPacket(0, packet);
  };
  send();
  assert.equal((await publisher.request("PAUSE", url)).status, 200);
  send();
  assert.equal((await publisher.request("OPTIONS", url)).status, 200);
  assert.deepEqual(site.registry.list(), []);
  await expect200(publisher.request("RECORD", url));
  const reader = await connect();
  await playOverTcp(reader, url);
  send();
  await reader.when("a keyframe behind the pause", () => reader.on(0).some((packet) => frameNumberOfPacket(packet) === 2));
});

test("a reader that pauses gets nothing; PLAY again gives it the open GOP, and numbers say where it starts", async (t) => {
  const { site, connect, url } = await setUp(t);
  const camera = await PublishedPath.open(site.registry, "cam");
  const client = await connect();
  await playOverTcp(client, url);
  camera.frame(2);
  await client.when("two frames", () => client.on(0).some((packet) => frameNumberOfPacket(packet) === 1));
  await expect200(client.request("PAUSE", url));
  client.packets.length = 0;
  camera.frame(3);
  const { headers } = await client.request("PLAY", url);
  camera.frame();
  await client.when("the live frame", () => client.on(0).some((packet) => frameNumberOfPacket(packet) === 5));
  const numbers = client.on(0).flatMap((packet) => frameNumberOfPacket(packet) ?? []);
  assert.deepEqual(numbers, [0, 1, 2, 3, 4, 5]);
  assert.match(headers.get("rtp-info") ?? "", new RegExp(`seq=${client.on(0)[0]!.readUInt16BE(2)};`));
});

test("the end of the stream ends the connections of its readers, those that do not play yet too", async (t) => {
  const { site, connect, url } = await setUp(t);
  const camera = await PublishedPath.open(site.registry, "cam");
  const [playing, waiting] = [await connect(), await connect()];
  await playOverTcp(playing, url);
  await waiting.request("SETUP", `${url}/trackID=0`, { Transport: overTcp() });
  camera.close();
  await Promise.all([playing.closed, waiting.closed]);
  assert.equal(sessions(site).length, 0);
});

test("a publisher without parameter sets in its SDP has a stream once they came", async (t) => {
  const { site, connect, url } = await setUp(t);
  const publisher = await connect();
  await recordOverTcp(publisher, url, syntheticSdp({ sprop: "" }));
  assert.equal(site.registry.get("cam")?.state, "empty");
  for (const packet of rtpOf(new SyntheticVideo().nextBurst())) publisher.sendPacket(0, packet);
  await publisher.request("OPTIONS", url);
  assert.equal(site.registry.get("cam")?.state, "available");
});
