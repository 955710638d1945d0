// Known answers, loss and disorder over the whole range of sequence numbers, forgery and replay: sender and receiver of SRTP.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { burstOf, packetsOf, rtpPacket } from "#testing/rtp-capture.ts";
import { LIBSRTP_VECTORS, RFC7714_VECTORS } from "#testing/srtp-vectors.ts";
import { plainCipher } from "./packet-cipher.ts";
import { openSrtpReceiver, SrtpReceiver } from "./srtp-receiver.ts";
import { openSrtpSender, type ProtectedBurst, SrtpSender } from "./srtp-sender.ts";

/** The stream's own numbering, unchanged. */
function asIs(packet: Buffer) {
  return { ssrc: packet.readUInt32BE(8), payloadType: packet[1]! & 0x7f, sequenceOffset: 0, timestampOffset: 0 };
}

function protectedPackets({ bytes, offsets, count }: ProtectedBurst): Buffer[] {
  return Array.from({ length: count }, (_, i) => bytes.subarray(offsets[i], offsets[i + 1]));
}

/** Packets of one frame: a header with CSRC and extension, one without payload, padding, the longest. */
function oddPackets(firstSequence: number): Buffer[] {
  const withExtension = Buffer.concat([rtpPacket(Buffer.from("0badcafebede000110aa0000", "hex"), firstSequence), Buffer.alloc(50, 7)]);
  withExtension[0] = 0x91; // one CSRC, extension
  const padded = rtpPacket(Buffer.from("6161616100000004", "hex"), firstSequence + 2);
  padded[0] = 0xa0;
  return [withExtension, rtpPacket(Buffer.alloc(0), firstSequence + 1), padded, rtpPacket(Buffer.alloc(1400, 1), firstSequence + 3, true)];
}

for (const { master, rtp, srtp } of LIBSRTP_VECTORS) {
  const { name } = master.profile;

  test(`${name}: the known answer`, () => {
    const sender = openSrtpSender(master)!;
    const burst = sender.protect(burstOf([rtp]), sender.stream(asIs(rtp))!)!;
    assert.deepEqual(protectedPackets(burst), [srtp]);
    const received = Buffer.concat([Buffer.alloc(3), srtp, Buffer.alloc(3)]);
    const end = openSrtpReceiver(master)!.unprotect(received, 3, 3 + srtp.length)!;
    assert.deepEqual(received.subarray(3, end), rtp);
    assert.deepEqual([received.subarray(0, 3), received.subarray(-3)], [Buffer.alloc(3), Buffer.alloc(3)]);
  });

  test(`${name}: whole frames come through in one slab, renumbered, over three turns of the sequence numbers`, () => {
    const sender = openSrtpSender(master)!;
    const receiver = openSrtpReceiver(master)!;
    const stream = sender.stream({ ssrc: 0xfeedf00d, payloadType: 111, sequenceOffset: 60_000, timestampOffset: 0xffff_fff0 })!;
    for (let first = 0; first < 3 * 65_536; first += 1201) {
      const plain = oddPackets(first & 0xffff);
      plain.forEach((packet) => {
        packet.writeUInt32BE(first + 20, 4);
      });
      const slab = sender.protect(burstOf(plain), stream)!;
      assert.equal(slab.bytes.length, slab.offsets[slab.count]);
      protectedPackets(slab).forEach((packet, i) => {
        const end = receiver.unprotect(packet, 0, packet.length);
        const expected = Buffer.from(plain[i]!);
        expected[1] = (expected[1]! & 0x80) | 111;
        expected.writeUInt16BE((first + i + 60_000) & 0xffff, 2);
        expected.writeUInt32BE(first + 4, 4);
        expected.writeUInt32BE(0xfeedf00d, 8);
        assert.deepEqual(packet.subarray(0, end), expected);
      });
    }
    assert.deepEqual([receiver.rejected, receiver.replayed], [0, 0]);
  });

  test(`${name}: a part of a burst goes into a buffer that is given, if there is room in it`, () => {
    const burst = burstOf(oddPackets(7));
    const whole = openSrtpSender(master)!;
    const all = protectedPackets(whole.protect(burst, whole.stream(asIs(rtp))!)!);
    const sender = openSrtpSender(master)!;
    const stream = sender.stream(asIs(rtp))!;
    const room = Buffer.alloc(4096);
    const first = sender.protect(burst, stream, 0, 2, room)!;
    assert.equal(first.bytes.buffer, room.buffer);
    assert.deepEqual(protectedPackets(first), all.slice(0, 2));
    const rest = sender.protect(burst, stream, 2, 4, Buffer.alloc(100))!;
    assert.deepEqual(protectedPackets(rest), all.slice(2));
  });

  test(`${name}: a number is never used for other bytes`, () => {
    const sender = openSrtpSender(master)!;
    const stream = sender.stream(asIs(rtp))!;
    assert.equal(sender.stream(asIs(rtp)), undefined, "a second stream of the same SSRC");
    const burst = burstOf(oddPackets(65_534));
    const sent = protectedPackets(sender.protect(burst, stream)!);
    assert.equal(sender.protect(burst, stream), undefined);
    assert.equal(sender.protect(burst, stream, 2, 3), undefined);
    assert.deepEqual(protectedPackets(sender.protectAgain(burst, stream)!), sent);
    assert.deepEqual(protectedPackets(sender.protectAgain(burst, stream, 1, 2)!), [sent[1]]);
    const behind = burstOf([rtpPacket(Buffer.alloc(9), 1), rtpPacket(Buffer.alloc(9), 2)]);
    assert.equal(sender.protectAgain(behind, stream, 1, 2), undefined, "it was never sent");
    assert.deepEqual(
      protectedPackets(sender.protect(behind, stream)!).map((packet) => packet.readUInt16BE(2)),
      [2],
    );
    const before = burstOf([rtpPacket(Buffer.alloc(9), 65_000)]);
    const fresh = openSrtpSender(master)!;
    const freshStream = fresh.stream(asIs(rtp))!;
    fresh.protect(burstOf([rtpPacket(Buffer.alloc(9), 3)]), freshStream);
    assert.equal(fresh.protectAgain(before, freshStream), undefined, "it lies before the first packet");
  });

  test(`${name}: disorder and loss are no matter, what comes twice is dropped`, () => {
    const random = fuzzRandom(2);
    const sender = openSrtpSender(master)!;
    const receiver = openSrtpReceiver(master)!;
    const plain = Array.from({ length: 3000 }, (_, i) => rtpPacket(Buffer.from(`packet ${i}`), 64_000 + i));
    const sent = protectedPackets(sender.protect(burstOf(plain), sender.stream(asIs(rtp))!)!);
    const order = sent.map((_, i) => i).filter((i) => i === 0 || random(10) > 0);
    for (let i = 1; i < order.length; i++) {
      const other = Math.min(order.length - 1, i + random(60));
      [order[i], order[other]] = [order[other]!, order[i]!];
    }
    for (const i of order) {
      const once = Buffer.from(sent[i]!);
      const twice = Buffer.from(sent[i]!);
      const end = receiver.unprotect(once, 0, once.length);
      assert.deepEqual(once.subarray(12, end).toString(), `packet ${i}`);
      assert.equal(receiver.unprotect(twice, 0, twice.length), undefined);
    }
    assert.deepEqual([receiver.rejected, receiver.replayed], [0, order.length]);
  });

  test(`${name}: any bit that is turned is noticed and harms nothing after it`, () => {
    const receiver = openSrtpReceiver(master)!;
    for (let bit = 0; bit < srtp.length * 8; bit++) {
      const forged = Buffer.from(srtp);
      forged[bit >>> 3] = forged[bit >>> 3]! ^ (1 << (bit & 7));
      assert.equal(receiver.unprotect(forged, 0, forged.length), undefined, `bit ${bit}`);
    }
    assert.equal(receiver.rejected, srtp.length * 8);
    const real = Buffer.from(srtp);
    assert.equal(receiver.unprotect(real, 0, real.length), rtp.length);
    const otherKey = openSrtpReceiver({ ...master, masterKey: Buffer.alloc(16, 9) })!;
    assert.equal(otherKey.unprotect(Buffer.from(srtp), 0, srtp.length), undefined);
  });

  test(`${name}: damaged packets never get through, and the real ones always do`, () => {
    const random = fuzzRandom(3);
    const sender = openSrtpSender(master)!;
    const receiver = openSrtpReceiver(master)!;
    const stream = sender.stream(asIs(rtp))!;
    const rounds = fuzzRounds(3000);
    for (let i = 0; i < rounds; i += 4) {
      const plain = oddPackets(i & 0xffff);
      for (const [at, packet] of protectedPackets(sender.protect(burstOf(plain), stream)!).entries()) {
        const damaged = Buffer.from(mutate(packet, random));
        if (!damaged.equals(packet)) assert.equal(receiver.unprotect(damaged, 0, damaged.length), undefined);
        const end = receiver.unprotect(packet, 0, packet.length);
        assert.deepEqual(packet.subarray(12, end), plain[at]!.subarray(12));
      }
    }
  });

  test(`${name}: one peer has 64 senders at most, each with its own rollover counter`, () => {
    const sender = openSrtpSender(master)!;
    const receiver = openSrtpReceiver(master)!;
    for (let ssrc = 1; ssrc <= 65; ssrc++) {
      const stream = sender.stream({ ...asIs(rtp), ssrc })!;
      const sequences = ssrc % 2 === 0 ? [65_535, 0] : [5, 6];
      const sent = sender.protect(burstOf(sequences.map((sequence) => rtpPacket(Buffer.alloc(20), sequence))), stream)!;
      for (const packet of protectedPackets(sent)) {
        assert.equal(receiver.unprotect(packet, 0, packet.length), ssrc <= 64 ? 32 : undefined);
      }
    }
    assert.equal(receiver.rejected, 2);
  });
}

test("RFC 7714 §16.1.1", () => {
  const { keys, rtp, srtp } = RFC7714_VECTORS;
  const sender = new SrtpSender(keys, plainCipher);
  assert.deepEqual(protectedPackets(sender.protect(burstOf([rtp]), sender.stream(asIs(rtp))!)!), [srtp]);
  const received = Buffer.from(srtp);
  const end = new SrtpReceiver(keys, plainCipher).unprotect(received, 0, received.length);
  assert.deepEqual(received.subarray(0, end), rtp);
});

test("a packet whose header is longer than itself is protected as a header and does no harm", () => {
  const broken = rtpPacket(Buffer.alloc(4), 1);
  broken[0] = 0x9f; // 15 CSRCs and an extension
  for (const { master } of LIBSRTP_VECTORS) {
    const sender = openSrtpSender(master)!;
    const [packet] = protectedPackets(sender.protect(burstOf([broken]), sender.stream(asIs(broken))!)!);
    assert.deepEqual(packet!.subarray(12, 16), Buffer.alloc(4));
    assert.equal(openSrtpReceiver(master)!.unprotect(packet!, 0, packet!.length), broken.length);
  }
});

test("keys of the wrong length open nothing", () => {
  const master = { ...LIBSRTP_VECTORS[0]!.master, masterSalt: Buffer.alloc(12) };
  assert.deepEqual([openSrtpSender(master), openSrtpReceiver(master)], [undefined, undefined]);
});

test("what was protected leaves the burst as it was: others get it too", () => {
  const burst = burstOf(oddPackets(3));
  const before = packetsOf(burst).map((packet) => Buffer.from(packet));
  for (const { master, rtp } of LIBSRTP_VECTORS) {
    const sender = openSrtpSender(master)!;
    sender.protect(burst, sender.stream(asIs(rtp))!);
  }
  assert.deepEqual(packetsOf(burst), before);
});
