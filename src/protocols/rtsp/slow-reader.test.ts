// One site, one camera, many readers over real sockets: the slow one is dropped and closed, nobody else notices.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { collectedLog } from "#testing/collected-log.ts";
import { until } from "#testing/peers/until.ts";
import { playOverTcp, RawRtspClient, recordOverTcp } from "#testing/raw-rtsp-client.ts";
import { startSite } from "#testing/rtsp-site.ts";
import { frameNumberOfPacket, isKeyframePacket, SyntheticVideo, syntheticSdp } from "#testing/synthetic-track.ts";
import { rtpOf } from "#testing/unit-tap.ts";

/** A site with a publisher that sends a frame whenever the test says so. */
async function setUp(t: TestContext, frameBytes: number, writeTimeoutMs: number) {
  const log = collectedLog();
  const site = await startSite({ server: { writeTimeoutMs }, log });
  t.after(() => site.close());
  const connect = async (): Promise<RawRtspClient> => {
    const client = await RawRtspClient.connect(site.port);
    t.after(() => client.close());
    return client;
  };
  const publisher = await connect();
  const url = site.url("cam");
  await recordOverTcp(publisher, url, syntheticSdp());
  const camera = new SyntheticVideo({ gopFrames: 25, frameBytes });
  let sent = 0;
  const sendFrame = async (): Promise<void> => {
    for (const packet of rtpOf(camera.nextBurst())) publisher.sendPacket(0, packet);
    sent++;
    if (publisher.socket.writableNeedDrain) await new Promise((resolve) => publisher.socket.once("drain", resolve));
    await setImmediate();
  };
  /** Faster than the write timeout of these tests: what a socket's buffers hold goes by in a moment. */
  const sendFrames = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await sendFrame();
  };
  return { site, connect, publisher, url, sendFrame, sendFrames, log, sent: () => sent };
}

/** What a reader over UDP gets from now on. */
async function playOverUdp(t: TestContext, client: RawRtspClient, url: string): Promise<readonly Buffer[]> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  t.after(() => socket.close());
  await once(socket, "listening");
  const got: Buffer[] = [];
  socket.on("message", (bytes, { port }) => {
    if (port === serverPort) got.push(bytes);
  });
  const { port } = socket.address();
  const transport = `RTP/AVP;unicast;client_port=${port}-${port}`;
  const { headers } = await client.request("SETUP", `${url}/trackID=0`, { Transport: transport });
  const serverPort = Number(/server_port=(\d+)/.exec(headers.get("transport") ?? "")?.[1]);
  await client.request("PLAY", url);
  return got;
}

/** Fails unless the reader began at a keyframe and got every packet from there on. */
function assertWhole(reader: RawRtspClient, lastFrame: number): void {
  const packets = reader.on(0);
  const numbers = packets.flatMap((packet) => frameNumberOfPacket(packet) ?? []);
  assert.ok(packets.findIndex(isKeyframePacket) <= 2, "a keyframe first");
  assert.deepEqual(
    numbers,
    Array.from({ length: numbers.length }, (_, i) => numbers[0]! + i),
  );
  assert.equal(numbers.at(-1), lastFrame);
  for (let i = 1; i < packets.length; i++)
    assert.equal(packets[i]!.readUInt16BE(2), (packets[i - 1]!.readUInt16BE(2) + 1) & 0xffff, "no gap in the numbers");
}

test("200 readers that join at random: each begins at a keyframe and misses nothing", async (t) => {
  const { connect, url, sendFrame, sent, site } = await setUp(t, 1500, 10_000);
  const readers: RawRtspClient[] = [];
  let state = 12_345;
  const random = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    return state % below;
  };
  const joining: Promise<unknown>[] = [];
  while (readers.length < 200) {
    for (let i = random(12); i >= 0 && readers.length < 200; i--) {
      const reader = await connect();
      readers.push(reader);
      joining.push(playOverTcp(reader, url, [0, 0, 0, 20][random(4)]));
    }
    await sendFrame();
  }
  await Promise.all(joining);
  const datagrams = await playOverUdp(t, await connect(), url);
  await sendFrame();
  await sendFrame();
  const last = sent() - 1;
  for (const reader of readers) {
    const others = reader.packets;
    await reader.when("the last frame", () =>
      others.some(({ channel, bytes }) => channel % 2 === 0 && frameNumberOfPacket(bytes) === last),
    );
    for (const packet of others) if (packet.channel === 20) Object.assign(packet, { channel: 0 });
    assertWhole(reader, last);
  }
  await until("the datagrams of the last frame", () => datagrams.some((packet) => frameNumberOfPacket(packet) === last));
  assert.ok(isKeyframePacket(datagrams[0]!) || isKeyframePacket(datagrams[1]!));
  for (let i = 1; i < datagrams.length; i++) assert.equal(datagrams[i]!.readUInt16BE(2), (datagrams[i - 1]!.readUInt16BE(2) + 1) & 0xffff);
  const counters = site.sessions
    .list("rtspSession")
    .filter((session) => session.state === "read")
    .map((session) => session.counters());
  assert.equal(counters.length, 201);
  assert.ok(counters.every((one) => one["outboundRTPPacketsDiscarded"] === 0));
});

test("a reader that never reads is skipped, then closed; the publisher and the others go on", async (t) => {
  const { connect, url, sendFrame, sendFrames, sent, site, log } = await setUp(t, 60_000, 800);
  const [slow, healthy] = [await connect(), await connect()];
  await playOverTcp(slow, url);
  await playOverTcp(healthy, url);
  slow.socket.pause();
  const session = site.sessions.list("rtspSession").find(({ remote }) => remote?.port === slow.socket.localPort)!;
  const connection = site.sessions.list("rtspConn").find(({ remote }) => remote?.port === slow.socket.localPort)!;
  await until("the slow reader is closed", async () => {
    await sendFrames();
    return site.sessions.get(session.id) === undefined;
  });
  const { outboundRTPPacketsDiscarded = 0 } = session.counters();
  assert.ok(outboundRTPPacketsDiscarded > 0);
  await until("its connection is gone", () => site.sessions.get(connection.id) === undefined);
  assert.ok(log.lines.some((line) => line.includes("too-slow")));
  for (let i = 0; i < 10; i++) await sendFrame();
  await healthy.when("the last frame", () => healthy.on(0).some((packet) => frameNumberOfPacket(packet) === sent() - 1));
  assertWhole(healthy, sent() - 1);
  assert.equal(site.registry.get("cam")?.snapshot().readers.length, 1);
  const publisher = site.sessions.list("rtspSession").find(({ state }) => state === "publish")!;
  assert.equal(publisher.counters()["inboundRTPPacketsLost"], 0);
});

test("a reader that was slow for a while goes on at a keyframe, with a gap in its numbers", async (t) => {
  const { connect, url, sendFrame, sendFrames, sent, site } = await setUp(t, 60_000, 60_000);
  const slow = await connect();
  await playOverTcp(slow, url);
  slow.socket.pause();
  const session = site.sessions.list("rtspSession").find(({ state }) => state === "read")!;
  await until("frames are dropped", async () => {
    await sendFrames();
    return session.counters()["outboundRTPPacketsDiscarded"]! > 50;
  });
  slow.socket.resume();
  await until("it has caught up", async () => {
    await sendFrame();
    return slow.on(0).some((packet) => frameNumberOfPacket(packet) === sent() - 2);
  });
  const starts = slow.on(0).filter((packet) => frameNumberOfPacket(packet) !== undefined);
  const numbers = starts.map((packet) => frameNumberOfPacket(packet)!);
  const breaks = numbers.flatMap((number, i) => (i > 0 && number !== numbers[i - 1]! + 1 ? [i] : []));
  assert.ok(breaks.length >= 1);
  for (const i of breaks) assert.ok(isKeyframePacket(starts[i]!));
  const packets = slow.on(0);
  const gaps = packets.filter((packet, i) => i > 0 && packet.readUInt16BE(2) !== ((packets[i - 1]!.readUInt16BE(2) + 1) & 0xffff));
  assert.equal(gaps.length, breaks.length, "whole frames are missing, nothing else");
});
