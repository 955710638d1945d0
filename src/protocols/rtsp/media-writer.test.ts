import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import type { PacketBurst } from "#rtp/burst.ts";
import { SyntheticVideo } from "#testing/synthetic-track.ts";
import { rtpOf } from "#testing/unit-tap.ts";
import { TcpMediaWriter, UdpMediaWriter } from "./media-writer.ts";
import type { UdpPair } from "./udp-pair.ts";

/** A TCP socket that keeps what is written. */
function tcpSocket() {
  const written: Buffer[] = [];
  let corks = 0;
  const socket = {
    writableLength: 0,
    write: (bytes: Buffer) => written.push(bytes),
    cork: () => corks++,
    uncork: () => corks--,
  };
  return { socket: socket as unknown as Socket, state: socket, written, corks: () => corks };
}

/** A pair of UDP sockets that keep what is sent, as copies. */
function udpPair() {
  const sent: { kind: "rtp" | "rtcp"; bytes: Buffer; port: number; address: string }[] = [];
  const rtp = {
    destination: (address: string, port: number) => ({ address, port }),
    sendBurst: (burst: PacketBurst, { address, port }: { address: string; port: number }): void => {
      for (const packet of rtpOf(burst)) sent.push({ kind: "rtp", bytes: Buffer.from(packet), port, address });
    },
  };
  const rtcp = {
    socket: { send: (bytes: Buffer, port: number, address: string): void => void sent.push({ kind: "rtcp", bytes, port, address }) },
  };
  return { pair: { rtp, rtcp } as unknown as UdpPair, sent };
}

test("TCP: a frame is one write of the shared bytes on the canonical channel, of a variant on any other", () => {
  const { socket, written } = tcpSocket();
  const burst = new SyntheticVideo().nextBurst();
  new TcpMediaWriter(socket, new Map([[0, 0]])).writeBurst(0, burst);
  assert.equal(written[0], burst.bytes);
  new TcpMediaWriter(socket, new Map([[0, 6]])).writeBurst(0, burst);
  assert.equal(written.length, 2);
  assert.equal(written[1]![1], 6);
});

test("TCP: RTCP is framed on the channel above; the backlog leaves corked; what is pending is the socket's", () => {
  const { socket, state, written, corks } = tcpSocket();
  const writer = new TcpMediaWriter(socket, new Map([[1, 6]]));
  writer.writeRtcp(1, Buffer.from([1, 2, 3]));
  assert.deepEqual(written[0], Buffer.from([0x24, 7, 0, 3, 1, 2, 3]));
  writer.beginBacklog();
  assert.equal(corks(), 1);
  writer.endBacklog();
  assert.equal(corks(), 0);
  state.writableLength = 77;
  assert.equal(writer.pendingBytes(), 77);
});

test("UDP: each packet of a frame is a datagram without framing", () => {
  const { pair, sent } = udpPair();
  const writer = new UdpMediaWriter(new Map([[0, { from: pair, address: "192.0.2.1", rtpPort: 5000, rtcpPort: 5001 }]]));
  const burst = new SyntheticVideo().nextBurst();
  writer.writeBurst(0, burst);
  writer.writeRtcp(0, Buffer.from([9]));
  assert.deepEqual(
    sent.filter(({ kind }) => kind === "rtp").map(({ bytes }) => bytes),
    rtpOf(burst),
  );
  assert.deepEqual([sent[0]!.port, sent.at(-1)!.kind, sent.at(-1)!.port, sent[0]!.address], [5000, "rtcp", 5001, "192.0.2.1"]);
});

test("UDP: a backlog leaves a little at a time, and live frames wait behind it", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { pair, sent } = udpPair();
  const writer = new UdpMediaWriter(new Map([[0, { from: pair, address: "192.0.2.1", rtpPort: 5000, rtcpPort: 5001 }]]));
  const camera = new SyntheticVideo({ frameBytes: 12_000 });
  const all: Buffer[] = [];
  const write = (): void => {
    const burst = camera.nextBurst();
    all.push(...rtpOf(burst));
    writer.writeBurst(0, burst);
  };
  writer.beginBacklog();
  for (let i = 0; i < 20; i++) write();
  assert.equal(sent.length, 0);
  writer.endBacklog();
  const atOnce = sent.length;
  assert.ok(atOnce >= 24 && atOnce < 40, `${atOnce}`);
  write();
  assert.equal(sent.length, atOnce);
  for (let ms = 0; ms < 100; ms++) t.mock.timers.tick(1);
  assert.ok(Buffer.concat(sent.map(({ bytes }) => bytes)).equals(Buffer.concat(all)));
  write();
  assert.equal(sent.length, all.length, "afterwards frames leave at once");
});

test("UDP: a writer that is closed sends nothing more of its backlog", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { pair, sent } = udpPair();
  const writer = new UdpMediaWriter(new Map([[0, { from: pair, address: "192.0.2.1", rtpPort: 5000, rtcpPort: 5001 }]]));
  const camera = new SyntheticVideo({ frameBytes: 100_000 });
  writer.beginBacklog();
  for (let i = 0; i < 5; i++) writer.writeBurst(0, camera.nextBurst());
  writer.endBacklog();
  const before = sent.length;
  writer.close();
  for (let ms = 0; ms < 100; ms++) t.mock.timers.tick(1);
  assert.equal(sent.length, before);
});

test("UDP: a report behind a backlog leaves behind it", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { pair, sent } = udpPair();
  const writer = new UdpMediaWriter(new Map([[0, { from: pair, address: "192.0.2.1", rtpPort: 5000, rtcpPort: 5001 }]]));
  const camera = new SyntheticVideo({ frameBytes: 12_000 });
  writer.beginBacklog();
  for (let i = 0; i < 10; i++) writer.writeBurst(0, camera.nextBurst());
  writer.endBacklog();
  writer.writeRtcp(0, Buffer.from([9]));
  assert.ok(sent.every(({ kind }) => kind === "rtp"));
  for (let ms = 0; ms < 20; ms++) t.mock.timers.tick(1);
  assert.equal(
    sent.findIndex(({ kind }) => kind === "rtcp"),
    sent.length - 1,
  );
});

test("UDP: a replay is paced throughout; it says what is pending and when nothing is, and finishes what it has begun", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { pair, sent } = udpPair();
  const to = new Map([[0, { from: pair, address: "192.0.2.1", rtpPort: 5000, rtcpPort: 5001 }]]);
  const writer = new UdpMediaWriter(to, true);
  const camera = new SyntheticVideo({ frameBytes: 12_000 });
  const all: Buffer[] = [];
  const write = (): void => {
    const burst = camera.nextBurst();
    all.push(...rtpOf(burst));
    writer.writeBurst(0, burst);
  };
  const drained: number[] = [];
  write();
  assert.equal(sent.length, all.length, "the first frame leaves at once");
  for (let i = 0; i < 20; i++) write();
  writer.onceDrained(() => drained.push(sent.length));
  assert.ok(sent.length < 40, `${sent.length}`);
  assert.ok(writer.pendingBytes() > 19 * 12_000, `${writer.pendingBytes()}`);
  for (let ms = 0; ms < 100; ms++) t.mock.timers.tick(1);
  assert.equal(sent.length, all.length);
  assert.deepEqual(drained, [all.length]);
  assert.equal(writer.pendingBytes(), 0);
  for (let i = 0; i < 20; i++) write();
  writer.onceDrained(() => drained.push(sent.length));
  writer.writeRtcp(0, Buffer.from([9]));
  writer.finish();
  for (let ms = 0; ms < 100; ms++) t.mock.timers.tick(1);
  assert.deepEqual([sent.length, sent.at(-1)?.kind, drained.length], [all.length + 1, "rtcp", 1]);
});
