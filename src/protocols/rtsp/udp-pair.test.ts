import assert from "node:assert/strict";
import { after, test } from "node:test";
import { PeerFault } from "#base/errors.ts";
import { BurstBuilder } from "#rtp/burst.ts";
import { listenUdpPair, openUdpPair, type UdpPair } from "./udp-pair.ts";

const ANY = { host: "127.0.0.1", port: 0 };
const DEFAULTS = { readBufferBytes: 0 };

const pairs: UdpPair[] = [];
after(() => {
  for (const pair of pairs) pair.close();
});

async function open(host = "127.0.0.1"): Promise<UdpPair> {
  const pair = await listenUdpPair({ host, port: 0 }, { host, port: 0 }, DEFAULTS);
  pairs.push(pair);
  return pair;
}

/** Two packets, of the sequence numbers `first` and the one behind it. */
function burstOf(first: number) {
  const builder = new BurstBuilder(6, 0);
  for (const sequence of [first, first + 1]) {
    const at = builder.add(100, true);
    builder.bytes.writeUInt16BE(sequence, at - 10);
  }
  return builder.finish();
}

/** Resolves with the sequence numbers of the first `count` packets. */
function sequences(port: UdpPair["rtp"], address: string, fromPort: number | undefined, count: number): Promise<number[]> {
  return new Promise((resolve) => {
    const received: number[] = [];
    port.expect(address, fromPort, (bytes) => {
      assert.equal(bytes.length, 112, "the RTP packet without the framing in front");
      if (received.push(bytes.readUInt16BE(2)) === count) resolve(received);
    });
  });
}

test("a frame arrives at the peer that expects it, packet by packet", async () => {
  const [sender, receiver] = [await open(), await open()];
  const received = sequences(receiver.rtp, "127.0.0.1", sender.rtp.port, 4);
  const to = sender.rtp.destination(sender.rtp.addressFor("127.0.0.1"), receiver.rtp.port);
  sender.rtp.sendBurst(burstOf(1), to);
  sender.rtp.sendBurst(burstOf(3), to);
  assert.deepEqual(await received, [1, 2, 3, 4]);
});

test("an IPv4 peer of a socket for both families", async () => {
  const both = await listenUdpPair({ host: undefined, port: 0 }, { host: undefined, port: 0 }, DEFAULTS);
  pairs.push(both);
  const plain = await open();
  const there = sequences(plain.rtp, "127.0.0.1", both.rtp.port, 2);
  both.rtp.sendBurst(burstOf(1), both.rtp.destination(both.rtp.addressFor("127.0.0.1"), plain.rtp.port));
  assert.deepEqual(await there, [1, 2]);
  const back = sequences(both.rtp, "127.0.0.1", plain.rtp.port, 2);
  plain.rtp.sendBurst(burstOf(3), plain.rtp.destination("127.0.0.1", both.rtp.port));
  assert.deepEqual(await back, [3, 4]);
});

test("strangers are counted and heard by nobody; a port may be left open", async () => {
  const [sender, other, receiver] = [await open(), await open(), await open()];
  receiver.rtp.expect("127.0.0.1", other.rtp.port, () => assert.fail("heard"));
  const to = receiver.rtp.port;
  const strange = new Promise<void>((resolve) => receiver.rtp.socket.on("message", () => receiver.rtp.strangers === 2 && resolve()));
  sender.rtp.sendBurst(burstOf(1), sender.rtp.destination("127.0.0.1", to));
  await strange;
  const received = sequences(receiver.rtp, "127.0.0.1", undefined, 2);
  sender.rtp.sendBurst(burstOf(3), sender.rtp.destination("127.0.0.1", to));
  assert.deepEqual(await received, [3, 4]);
  assert.equal(receiver.rtp.strangers, 2);
});

test("a session's own pair has an even RTP port and the next one", async () => {
  const pair = await openUdpPair("127.0.0.1", [20_001, 40_000], Math.random, DEFAULTS);
  pairs.push(pair);
  assert.equal(pair.rtp.port % 2, 0);
  assert.equal(pair.rtcp.port, pair.rtp.port + 1);
  const taken: [number, number] = [pair.rtp.port, pair.rtcp.port];
  await assert.rejects(
    openUdpPair("127.0.0.1", taken, Math.random, DEFAULTS),
    (error: unknown) => error instanceof PeerFault && error.code === "limit",
  );
});

test("a pair that cannot be had in full is not kept in part", async () => {
  const [free, taken] = [await open(), await open()];
  const first = { ...ANY, port: free.rtp.port };
  free.close();
  await assert.rejects(listenUdpPair(first, { ...ANY, port: taken.rtp.port }, DEFAULTS), { code: "EADDRINUSE" });
  pairs.push(await listenUdpPair(first, ANY, DEFAULTS));
});
