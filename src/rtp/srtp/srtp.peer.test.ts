// SRTP and SRTCP with GStreamer's elements over libsrtp at the other end: it opens what we protect, we open what it protects, in both profiles.
import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { freeUdpPortPair } from "#testing/free-ports.ts";
import { gstLaunch } from "#testing/peers/gst.ts";
import { startPeer, type TestScope } from "#testing/peers/run-peer.ts";
import { until } from "#testing/peers/until.ts";
import { burstOf, rtpPacket } from "#testing/rtp-capture.ts";
import { LIBSRTP_VECTORS } from "#testing/srtp-vectors.ts";
import { parseRtcp, writeSenderReport } from "../rtcp.ts";
import { openSrtcpReceiver, openSrtcpSender } from "./srtcp.ts";
import { openSrtpReceiver } from "./srtp-receiver.ts";
import { openSrtpSender } from "./srtp-sender.ts";

const HOST = "127.0.0.1";
const SSRC = 0x0badcafe;
/** Past the end of the sequence numbers: the rollover counter has to be right too. */
const FIRST_SEQUENCE = 65_500;
const PACKETS = 80;

/** What came to a port, in order. */
async function listen(scope: TestScope): Promise<{ readonly port: number; readonly received: Buffer[]; readonly socket: Socket }> {
  const received: Buffer[] = [];
  const socket = createSocket("udp4", (bytes) => received.push(bytes));
  scope.after(async () => void socket.close());
  socket.bind(0, HOST);
  await once(socket, "listening");
  return { port: socket.address().port, received, socket };
}

function plainPacket(i: number): Buffer {
  const packet = rtpPacket(Buffer.from(`payload ${i}`.repeat(50)), FIRST_SEQUENCE + i);
  packet.writeUInt32BE(i * 3000, 4);
  packet.writeUInt32BE(SSRC, 8);
  return packet;
}

function plainReport(i: number): Buffer {
  return writeSenderReport({ ssrc: SSRC, utcUs: 1.7e15, timestamp: i, packets: i, octets: 0 });
}

for (const { master } of LIBSRTP_VECTORS) {
  const { name, aead } = master.profile;

  test(`${name}: libsrtp and we open each other's packets`, { skip: gstLaunch.missing }, async (t) => {
    const scope: TestScope = { after: (cleanup) => t.after(cleanup) };
    const [rtp, rtcp, srtp, srtcp] = [await listen(scope), await listen(scope), await listen(scope), await listen(scope)];
    const [ports, morePorts] = [await freeUdpPortPair(0), await freeUdpPortPair(40_000)];
    const key = Buffer.concat([master.masterKey, master.masterSalt]).toString("hex");
    const ciphers = aead ? ["aes-128-gcm", "null"] : ["aes-128-icm", "hmac-sha1-80"];
    const names = (prefix: string): string => `${prefix}-cipher=${ciphers[0]} ${prefix}-auth=${ciphers[1]}`;
    const caps = ["srtp", "srtcp"].map((prefix) => `${prefix}-cipher=(string)${ciphers[0]},${prefix}-auth=(string)${ciphers[1]}`).join();
    const secured = `ssrc=(uint)${SSRC},srtp-key=(buffer)${key},${caps}`;
    const sink = (port: number): string => `udpsink host=${HOST} port=${port} sync=false async=false`;
    const source = (port: number, type: string): string => `udpsrc address=${HOST} port=${port} caps=${type}`;
    const pipeline = [
      `srtpdec name=dec srtpenc name=enc key=${key} ${names("rtp")} ${names("rtcp")}`,
      `${source(ports, `application/x-srtp,media=video,encoding-name=H264,payload=96,clock-rate=90000,${secured}`)} ! dec.rtp_sink`,
      `dec.rtp_src ! ${sink(rtp.port)}`,
      `${source(ports + 1, `application/x-srtcp,${secured}`)} ! dec.rtcp_sink`,
      `dec.rtcp_src ! ${sink(rtcp.port)}`,
      `${source(morePorts, "application/x-rtp,media=video,encoding-name=H264,payload=96,clock-rate=90000")} ! enc.rtp_sink_0`,
      `enc.rtp_src_0 ! ${sink(srtp.port)}`,
      `${source(morePorts + 1, "application/x-rtcp")} ! enc.rtcp_sink_0`,
      `enc.rtcp_src_0 ! ${sink(srtcp.port)}`,
    ];
    const peer = startPeer(scope, gstLaunch, ["-q", ...pipeline.join(" ").split(" ")]);
    const send = (bytes: Buffer, port: number): void => rtp.socket.send(bytes, port, HOST);

    const sender = openSrtpSender(master)!;
    const stream = sender.stream({ ssrc: SSRC, payloadType: 96, sequenceOffset: 0, timestampOffset: 0 })!;
    const reporter = openSrtcpSender(master)!;
    let sent = 0;
    await until(`${PACKETS} packets each way. ${peer.stderr}`, () => {
      send(sender.protect(burstOf([plainPacket(sent)]), stream)!.bytes, ports);
      send(reporter.protect(plainReport(sent))!, ports + 1);
      send(plainPacket(sent), morePorts);
      send(plainReport(sent), morePorts + 1);
      sent++;
      return [rtp, rtcp, srtp, srtcp].every(({ received }) => received.length >= PACKETS);
    });

    const plain = Array.from({ length: sent }, (_, i) => plainPacket(i).toString("hex"));
    const opened = rtp.received.map((packet) => plain.indexOf(packet.toString("hex")));
    assert.ok(!opened.includes(-1) && new Set(opened).size === opened.length, "libsrtp opened what we sent");
    const reports = rtcp.received.map((compound) => parseRtcp(compound, 0, compound.length)[0]);
    assert.ok(
      reports.every((report) => report?.kind === "sender-report" && report.ssrc === SSRC),
      "and our reports",
    );

    const receiver = openSrtpReceiver(master)!;
    const ours = srtp.received.map((packet) =>
      plain.indexOf(packet.subarray(0, receiver.unprotect(packet, 0, packet.length)).toString("hex")),
    );
    assert.ok(!ours.includes(-1) && new Set(ours).size === ours.length, "we opened what libsrtp sent");
    const reportReceiver = openSrtcpReceiver(master)!;
    const reported = srtcp.received.map((compound) => reportReceiver.unprotect(compound, 0, compound.length));
    assert.ok(
      reported.every((compound) => compound !== undefined && plainReport(compound.readUInt32BE(16)).equals(compound)),
      "and its reports",
    );
  });
}
