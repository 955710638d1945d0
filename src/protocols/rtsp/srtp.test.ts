// SRTP under RTSPS, over UDP and over the connection: with our source, and with clients that a test makes by hand.
import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { connect as tlsConnect } from "node:tls";
import { FRAMING_BYTES } from "#rtp/burst.ts";
import { parseRtcp, writeReceiverReport } from "#rtp/rtcp.ts";
import { parseSdp } from "#rtp/sdp.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { PublishedPath } from "#testing/published-path.ts";
import { pull } from "#testing/pulled-source.ts";
import { expect200, RawRtspClient } from "#testing/raw-rtsp-client.ts";
import { pulled, type SiteOptions, startSite } from "#testing/rtsp-site.ts";
import { writeSelfSigned } from "#testing/self-signed.ts";
import { frameNumberOfPacket, SyntheticVideo, syntheticSdp } from "#testing/synthetic-track.ts";
import { rtpOf } from "#testing/unit-tap.ts";
import { keyOfAttributes, parseKeyMgmtHeader, writeKeyMgmtHeader } from "./key-mgmt.ts";
import { newMikeyKey, SecureTrack } from "./secure-track.ts";

async function startSecureSite(t: TestContext, options: SiteOptions = {}) {
  const pair = await writeSelfSigned(await temporaryFolder(t));
  const certificate = { ...pair, keySetting: "rtspServerKey", certSetting: "rtspServerCert" };
  const site = await startSite({ ...options, server: { certificate, ...options.server } });
  t.after(() => site.close());
  const connect = async (): Promise<RawRtspClient> => {
    const socket = tlsConnect({ host: "127.0.0.1", port: site.port, ca: pair.cert });
    await once(socket, "secureConnect");
    const client = RawRtspClient.on(socket);
    t.after(() => client.close());
    return client;
  };
  return { site, pair, connect, url: `rtsps://127.0.0.1:${site.port}/cam` };
}

async function udpSocket(t: TestContext): Promise<{ readonly socket: Socket; readonly port: number; readonly datagrams: Buffer[] }> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  t.after(() => socket.close());
  const datagrams: Buffer[] = [];
  socket.on("message", (bytes) => datagrams.push(bytes));
  return { socket, port: socket.address().port, datagrams };
}

/** The packets that are authentic, without their protection. */
function opened(track: SecureTrack, packets: readonly Buffer[], isRtcp = false): Buffer[] {
  const found: Buffer[] = [];
  for (const packet of packets)
    track.open(isRtcp, Buffer.from(packet), 0, packet.length, (bytes, start, end) => found.push(Buffer.from(bytes.subarray(start, end))));
  return found;
}

/** Without those of parameter sets. */
function frameNumbers(packets: readonly Buffer[]): number[] {
  return [...new Set(packets.flatMap((packet) => frameNumberOfPacket(packet) ?? []))];
}

test("our source pulls from our server over UDP: every frame, encrypted on the way", async (t) => {
  const { site: camera, pair, url } = await startSecureSite(t);
  const published = await PublishedPath.open(camera.registry, "cam");
  published.frame(1);
  const gateway = await startSite({ paths: { cam: { source: pulled(url, { transport: "udp", fingerprint: pair.fingerprint }) } } });
  t.after(() => gateway.close());
  await until("the reader", () => camera.sessions.list("rtspsSession").some(({ state }) => state === "read"));
  published.frame(5);
  await until("the stream", () => gateway.registry.get("cam")?.state === "available");
  const [session] = camera.sessions.list("rtspsSession") as readonly {
    transport?: string;
    profile?: string;
    counters(): Record<string, number>;
  }[];
  assert.deepEqual([session!.transport, session!.profile], ["UDP", "SAVP"]);
  const reader = await RawRtspClient.connect(gateway.port);
  t.after(() => reader.close());
  await expect200(reader.request("SETUP", `${gateway.url("cam")}/trackID=0`, { Transport: "RTP/AVP/TCP;unicast;interleaved=0-1" }));
  await expect200(reader.request("PLAY", gateway.url("cam")));
  published.frame(20);
  await reader.when("the newest frame", () => reader.on(0).some((packet) => frameNumberOfPacket(packet) === 25));
  const numbers = frameNumbers(reader.on(0));
  assert.deepEqual(
    numbers,
    Array.from({ length: numbers.length }, (_, i) => numbers[0]! + i),
    "none is missing",
  );
});

test("a reader over UDP: the key is in the description and in the answer; what is sent is nobody else's", async (t) => {
  const { site, connect, url } = await startSecureSite(t);
  const published = await PublishedPath.open(site.registry, "cam");
  published.frame(1);
  const client = await connect();
  const sdp = parseSdp((await expect200(client.request("DESCRIBE", url))).body)!;
  assert.equal(sdp.medias[0]!.protocol, "RTP/SAVP");
  const described = keyOfAttributes(sdp.medias[0]!.attributes)!;
  const [rtp, rtcp] = [await udpSocket(t), await udpSocket(t)];
  const own = newMikeyKey([7]);
  const setup = await expect200(
    client.request("SETUP", `${url}/trackID=0`, {
      Transport: `RTP/AVP;unicast;client_port=${rtp.port}-${rtcp.port},RTP/SAVP;unicast;client_port=${rtp.port}-${rtcp.port}`,
      KeyMgmt: writeKeyMgmtHeader(url, own, Date.now()),
    }),
  );
  assert.match(setup.headers.get("transport")!, /^RTP\/SAVP;unicast;/);
  const key = parseKeyMgmtHeader(setup.headers.get("keymgmt"))!;
  assert.deepEqual(key, described);
  await expect200(client.request("PLAY", url));
  published.frame(5);
  const open = (): Buffer[] => opened(new SecureTrack({ local: own, remote: key }), rtp.datagrams);
  await until("packets", () => frameNumbers(open()).includes(5));
  const track = new SecureTrack({ local: own, remote: key });
  const plain = open();
  assert.equal(plain.length, rtp.datagrams.length);
  assert.deepEqual(frameNumbers(plain), [0, 1, 2, 3, 4, 5]);
  assert.ok(rtp.datagrams.every((packet, i) => packet.length === plain[i]!.length + 10 && !packet.includes(plain[i]!.subarray(12))));
  assert.equal(plain[0]!.readUInt32BE(8), key.streams[0]!.ssrc);
  assert.deepEqual(opened(new SecureTrack({ local: own, remote: newMikeyKey([]) }), rtp.datagrams), []);

  await until("a report", () => rtcp.datagrams.length > 0);
  const [report] = opened(track, rtcp.datagrams, true);
  assert.equal(parseRtcp(report!, 0, report!.length)[0]!.kind, "sender-report");
  const serverPort = Number(/server_port=\d+-(\d+)/.exec(setup.headers.get("transport")!)![1]);
  const ours = writeReceiverReport(7, undefined);
  rtcp.socket.send(ours, serverPort, "127.0.0.1"); // in clear: nobody's word
  rtcp.socket.send(track.protectReport(ours)!, serverPort, "127.0.0.1");
  await until("our report counts", () => site.sessions.list("rtspsSession")[0]!.counters()["inboundRTCPPackets"] === 1);
});

test("a second session has keys of its own, and so has one that was not described", async (t) => {
  const { site, connect, url } = await startSecureSite(t);
  (await PublishedPath.open(site.registry, "cam")).frame(1);
  const keys: string[] = [];
  const client = await connect();
  await expect200(client.request("DESCRIBE", url));
  for (let session = 0; session < 3; session++) {
    client.session = undefined;
    const setup = await client.request("SETUP", `${url}/trackID=0`, { Transport: "RTP/SAVP/TCP;unicast;interleaved=0-1" });
    assert.equal(setup.status, 200);
    keys.push(parseKeyMgmtHeader(setup.headers.get("keymgmt"))!.masterKey.toString("hex"));
    await expect200(client.request("TEARDOWN", url));
  }
  assert.equal(new Set(keys).size, 3);
});

test("SRTP in the connection, where the client wants that", async (t) => {
  const { site, connect, url } = await startSecureSite(t);
  const published = await PublishedPath.open(site.registry, "cam");
  published.frame(1);
  const client = await connect();
  const setup = await expect200(client.request("SETUP", `${url}/trackID=0`, { Transport: "RTP/SAVP/TCP;unicast;interleaved=4-5" }));
  assert.match(setup.headers.get("transport")!, /^RTP\/SAVP\/TCP;unicast;interleaved=4-5/);
  await expect200(client.request("PLAY", url));
  published.frame(3);
  const received = (from: number): number[] => {
    const track = new SecureTrack({ local: newMikeyKey([]), remote: parseKeyMgmtHeader(setup.headers.get("keymgmt")) });
    return frameNumbers(opened(track, client.on(4).slice(from)));
  };
  await client.when("the newest frame", () => received(0).includes(3));
  assert.deepEqual(received(0), [0, 1, 2, 3]);

  // After a pause the open group comes again, under the numbers it had.
  await expect200(client.request("PAUSE", url));
  const before = client.on(4).length;
  await expect200(client.request("PLAY", url));
  published.frame(2);
  await client.when("the newest frame", () => received(before).includes(5));
  assert.deepEqual(received(before), [0, 1, 2, 3, 4, 5]);
});

for (const lower of ["udp", "tcp"] as const) {
  test(`a publisher over ${lower}: its packets count once they are opened`, async (t) => {
    const { site, connect, url } = await startSecureSite(t);
    const client = await connect();
    const [rtp, rtcp] = [await udpSocket(t), await udpSocket(t)];
    const sdp = syntheticSdp().replace("RTP/AVP", "RTP/SAVP");
    await expect200(client.request("ANNOUNCE", url, { "Content-Type": "application/sdp" }, sdp));
    const transport =
      lower === "udp"
        ? `RTP/SAVP;unicast;client_port=${rtp.port}-${rtcp.port};mode=record`
        : "RTP/SAVP/TCP;unicast;interleaved=0-1;mode=record";
    const without = await client.request("SETUP", `${url}/trackID=0`, { Transport: transport });
    assert.equal(without.status, 400, "no key");
    const video = new SyntheticVideo();
    const first = video.nextBurst();
    const ssrc = rtpOf(first)[0]!.readUInt32BE(8);
    const own = newMikeyKey([ssrc]);
    const setup = await expect200(
      client.request("SETUP", `${url}/trackID=0`, { Transport: transport, KeyMgmt: writeKeyMgmtHeader(url, own, Date.now()) }),
    );
    await expect200(client.request("RECORD", url));
    const remote = parseKeyMgmtHeader(setup.headers.get("keymgmt"));
    const track = new SecureTrack({ local: own, remote, sends: { ssrc, payloadType: first.bytes[FRAMING_BYTES + 1]! & 0x7f } });
    const serverPort = Number(/server_port=(\d+)/.exec(setup.headers.get("transport")!)?.[1]);
    const send = (packet: Buffer): void => {
      if (lower === "tcp") client.sendPacket(0, packet);
      else rtp.socket.send(packet, serverPort, "127.0.0.1");
    };
    for (const packet of rtpOf(first)) send(packet); // in clear
    for (let burst = first; site.registry.get("cam")?.state !== "available"; burst = video.nextBurst()) {
      const { bytes, offsets, count } = track.protect(burst)!;
      for (let i = 0; i < count; i++) send(Buffer.from(bytes.subarray(offsets[i]!, offsets[i + 1]!)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [session] = site.sessions.list("rtspsSession");
    assert.equal(session!.counters()["inboundRTPPacketsInError"], 0);
  });
}

test("SRTP without TLS, or without UDP, is not offered and not taken", async (t) => {
  const plain = await startSite();
  t.after(() => plain.close());
  (await PublishedPath.open(plain.registry, "cam")).frame(1);
  const client = await RawRtspClient.connect(plain.port);
  t.after(() => client.close());
  assert.match((await client.request("DESCRIBE", plain.url("cam"))).body, /RTP\/AVP/);
  const refused = await client.request("SETUP", `${plain.url("cam")}/trackID=0`, { Transport: "RTP/SAVP/TCP;unicast;interleaved=0-1" });
  assert.equal(refused.status, 461);

  const { site, connect, url, pair } = await startSecureSite(t, { server: { udp: undefined } });
  (await PublishedPath.open(site.registry, "cam")).frame(1);
  const secure = await connect();
  assert.match((await secure.request("DESCRIBE", url)).body, /RTP\/AVP/);
  assert.equal((await secure.request("SETUP", `${url}/trackID=0`, { Transport: "RTP/SAVP/TCP;unicast;interleaved=0-1" })).status, 461);
  const fault = await pull(t, url, { transport: "udp", fingerprint: pair.fingerprint }).fault();
  assert.match(fault.message, /offers no SRTP.*rtspTransport: tcp/);
});
