import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { PublishedPath } from "#testing/published-path.ts";
import { expect200, overTcp, playOverTcp, type RawResponse, RawRtspClient, recordOverTcp } from "#testing/raw-rtsp-client.ts";
import { type SiteOptions, startSite } from "#testing/rtsp-site.ts";
import { frameNumberOfPacket, SyntheticVideo, syntheticAudioTrack, syntheticSdp, syntheticTrack } from "#testing/synthetic-track.ts";
import { rtpOf } from "#testing/unit-tap.ts";

/** Of a synthetic keyframe: its parameter sets, and three fragments. */
const PACKETS = 4;

async function setUp(t: TestContext, options: SiteOptions = {}) {
  const site = await startSite(options);
  t.after(() => site.close());
  const connect = async (): Promise<RawRtspClient> => {
    const client = await RawRtspClient.connect(site.port);
    t.after(() => client.close());
    return client;
  };
  const camera = await PublishedPath.open(site.registry, "cam", { tracks: [syntheticTrack(), syntheticAudioTrack()] });
  const url = site.url("cam");
  const client = await connect();
  const setUpTrack = (transport: string, track = 0, by = client): Promise<RawResponse> =>
    by.request("SETUP", `${url}/trackID=${track}`, { Transport: transport });
  return { site, connect, camera, client, url, setUpTrack };
}

/** A UDP socket of a client, and what it got. */
async function udpSocket(
  t: TestContext,
): Promise<{ readonly socket: Socket; readonly port: number; readonly got: Buffer[]; next(): Promise<unknown> }> {
  const socket = createSocket("udp4");
  const got: Buffer[] = [];
  socket.on("message", (bytes) => got.push(bytes));
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  t.after(() => socket.close());
  return { socket, port: socket.address().port, got, next: () => once(socket, "message") };
}

const transportOf = (response: RawResponse): string => response.headers.get("transport") ?? "";

test("461 for what is not there: multicast, SRTP, foreign protocols, no ports, port 0, nothing", async (t) => {
  const { setUpTrack, site } = await setUp(t);
  for (const transport of [
    "RTP/AVP;multicast;port=5000-5001",
    "RTP/SAVP;unicast;client_port=5000-5001",
    "RTP/SAVP/TCP;unicast;interleaved=0-1",
    "RAW/RAW/UDP;unicast;client_port=5000-5001",
    "RTP/AVP;unicast",
    "RTP/AVP;unicast;client_port=0-1",
    "RTP/AVP;unicast;client_port=5000-0",
    "RTP/AVP;unicast;client_port=65535",
    "",
  ])
    assert.equal((await setUpTrack(transport)).status, 461, transport);
  assert.equal(site.sessions.list("rtspSession").length, 0, "a first SETUP that fails leaves no session");
});

test("461 for a transport that is switched off", async (t) => {
  const withoutUdp = await setUp(t, { server: { udp: undefined } });
  assert.equal((await withoutUdp.setUpTrack("RTP/AVP;unicast;client_port=5000-5001")).status, 461);
  assert.equal((await withoutUdp.setUpTrack(`RTP/AVP;unicast;client_port=5000-5001,${overTcp()}`)).status, 200, "the next offer is taken");
  const withoutTcp = await setUp(t, { server: { tcp: false } });
  assert.equal((await withoutTcp.setUpTrack(overTcp())).status, 461);
});

test("the tracks of a session share one transport", async (t) => {
  const { setUpTrack } = await setUp(t);
  assert.equal((await setUpTrack(overTcp())).status, 200);
  assert.equal((await setUpTrack("RTP/AVP;unicast;client_port=5000-5001", 1)).status, 461);
  assert.equal((await setUpTrack(`RTP/AVP;unicast;client_port=5000-5001,${overTcp(2)}`, 1)).status, 200);
});

test("404 for a track that the stream does not have; without a number only where there is one track", async (t) => {
  const { setUpTrack, client, url, site, connect } = await setUp(t);
  assert.equal((await setUpTrack(overTcp(), 2)).status, 404);
  assert.equal((await client.request("SETUP", url, { Transport: overTcp() })).status, 404);
  await PublishedPath.open(site.registry, "one");
  const other = await connect();
  assert.equal((await other.request("SETUP", site.url("one"), { Transport: overTcp() })).status, 200);
});

test("a session is for one path", async (t) => {
  const { setUpTrack, client, site } = await setUp(t);
  await PublishedPath.open(site.registry, "other", { tracks: [syntheticTrack(), syntheticAudioTrack()] });
  await setUpTrack(overTcp());
  assert.equal((await client.request("SETUP", `${site.url("other")}/trackID=1`, { Transport: overTcp(2) })).status, 400);
});

test("channels: those that were asked for, else the canonical ones; a pair that is taken is refused and stays as it was", async (t) => {
  const { setUpTrack, client, camera, url } = await setUp(t);
  assert.match(transportOf(await setUpTrack("RTP/AVP/TCP;unicast;interleaved=7-8")), /interleaved=7-8/);
  assert.equal((await setUpTrack(overTcp(8), 1)).status, 400);
  assert.equal((await setUpTrack(overTcp(6), 1)).status, 400);
  assert.match(transportOf(await setUpTrack(overTcp(255), 1)), /interleaved=2-3/, "there is no channel 256");
  await expect200(client.request("PLAY", url));
  camera.frame();
  await client.when("the frame", () => client.on(7).length >= PACKETS);
  assert.equal(frameNumberOfPacket(client.on(7)[1]!), 0);
});

test("at most three other channels a track: the fourth reader is answered with the canonical one, and gets it", async (t) => {
  const { setUpTrack, connect, camera, url } = await setUp(t);
  const channels: string[] = [];
  const clients: RawRtspClient[] = [];
  for (const wanted of [10, 12, 14, 16, 10, 0]) {
    const client = await connect();
    clients.push(client);
    channels.push(/interleaved=(\d+)/.exec(transportOf(await setUpTrack(overTcp(wanted), 0, client)))?.[1] ?? "");
    await expect200(client.request("PLAY", url));
  }
  assert.deepEqual(channels, ["10", "12", "14", "0", "10", "0"]);
  camera.frame();
  for (const [i, client] of clients.entries()) {
    await client.when("the frame", () => client.on(Number(channels[i])).length >= PACKETS);
    assert.deepEqual(client.on(Number(channels[i])), clients[0]!.on(10), "the same packets on every channel");
  }
  clients[1]!.close();
  await clients[1]!.closed;
  const late = await connect();
  assert.match(transportOf(await setUpTrack(overTcp(16), 0, late)), /interleaved=(16|0)-/);
});

test("over UDP: the ports of both sides, packets of the frame as datagrams, sender reports on the second port", async (t) => {
  const { setUpTrack, client, camera, url, site } = await setUp(t);
  const [rtp, rtcp] = [await udpSocket(t), await udpSocket(t)];
  const response = await setUpTrack(`RTP/AVP;unicast;client_port=${rtp.port}-${rtcp.port}`);
  assert.match(transportOf(response), new RegExp(`client_port=${rtp.port}-${rtcp.port};server_port=\\d+-\\d+;ssrc=[0-9A-F]{8}`));
  await expect200(client.request("PLAY", url));
  camera.frame();
  while (rtp.got.length < PACKETS) await rtp.next();
  while (rtcp.got.length < 1) await rtcp.next();
  assert.deepEqual(rtp.got.map(frameNumberOfPacket), [undefined, 0, undefined, undefined]);
  assert.equal(rtcp.got[0]![1], 200);
  const [entry] = site.sessions.list("rtspSession");
  assert.equal(entry?.transport, "UDP");
  assert.equal(entry?.counters()["outboundRTPPackets"], PACKETS);
});

test("a publisher over UDP: packets in any order, from its ports only; readers get them in order", async (t) => {
  const { site, connect } = await setUp(t);
  const url = site.url("pushed");
  const [publisher, reader] = [await connect(), await connect()];
  const [rtp, rtcp, stranger] = [await udpSocket(t), await udpSocket(t), await udpSocket(t)];
  await expect200(publisher.request("ANNOUNCE", url, { "Content-Type": "application/sdp" }, syntheticSdp()));
  const transport = `RTP/AVP;unicast;client_port=${rtp.port}-${rtcp.port};mode=record`;
  const response = await expect200(publisher.request("SETUP", `${url}/trackID=0`, { Transport: transport }));
  const serverPort = Number(/server_port=(\d+)/.exec(transportOf(response))?.[1]);
  await expect200(publisher.request("RECORD", url));
  await playOverTcp(reader, url);
  const packets = rtpOf(new SyntheticVideo({ frameBytes: 6000 }).nextBurst());
  for (const packet of packets.slice(0, 2)) stranger.socket.send(packet, serverPort, "127.0.0.1");
  const [first, ...rest] = packets;
  for (const packet of [first!, ...rest.reverse()]) rtp.socket.send(packet, serverPort, "127.0.0.1");
  await reader.when("the frame", () => reader.on(0).length >= packets.length);
  assert.deepEqual(
    reader.on(0).map((packet) => packet.subarray(12)),
    rtpOf(new SyntheticVideo({ frameBytes: 6000 }).nextBurst()).map((packet) => packet.subarray(12)),
  );
  const entry = site.sessions.list("rtspSession").find(({ state }) => state === "publish");
  assert.deepEqual([entry?.counters()["inboundRTPPackets"], entry?.counters()["inboundRTPPacketsLost"]], [packets.length, 0]);
});

test("a publisher whose control URLs are its own", async (t) => {
  const { site, connect } = await setUp(t);
  const url = site.url("own");
  for (const [control, target] of [
    ["streamid=0", `${url}/streamid=0`],
    [`${url}/video?x=1`, `${url}/video?x=1`],
    ["trackID=1", `${url}/trackID=1`],
  ] as const) {
    const client = await connect();
    const sdp = syntheticSdp().replace("a=control:trackID=0", `a=control:${control}`);
    await expect200(client.request("ANNOUNCE", url, { "Content-Type": "application/sdp" }, sdp));
    await expect200(client.request("SETUP", target, { Transport: `${overTcp()};mode=record` }));
  }
});

test("a session over TCP stays on its connection", async (t) => {
  const { setUpTrack, client, connect } = await setUp(t);
  await setUpTrack(overTcp());
  const other = await connect();
  other.session = client.session;
  assert.equal((await setUpTrack(overTcp(2), 1, other)).status, 400);
});

test("a SETUP that fails for a taken channel can be made again on another", async (t) => {
  const { site, connect } = await setUp(t);
  const url = site.url("two");
  const client = await connect();
  const sdp = `${syntheticSdp()}m=audio 0 RTP/AVP 8\r\na=control:trackID=1\r\n`;
  await expect200(client.request("ANNOUNCE", url, { "Content-Type": "application/sdp" }, sdp));
  const ask = async (track: number, channel: number): Promise<number> =>
    (await client.request("SETUP", `${url}/trackID=${track}`, { Transport: `${overTcp(channel)};mode=record` })).status;
  assert.deepEqual([await ask(0, 4), await ask(1, 3), await ask(1, 2)], [200, 400, 200]);
  await recordOverTcp(await connect(), site.url("three"), syntheticSdp(), 200);
});
