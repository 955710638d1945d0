// SRTP by node:crypto and by the OpenSSL beneath it: the same packets, byte for byte, in the same order, sent and received.
import assert from "node:assert/strict";
import { test } from "node:test";
import { findSrtpLadder } from "#native/srtp-ladder.ts";
import { plainCipher } from "#rtp/srtp/packet-cipher.ts";
import { openSrtpReceiver, SrtpReceiver } from "#rtp/srtp/srtp-receiver.ts";
import { openSrtpSender, type ProtectedBurst, SrtpSender } from "#rtp/srtp/srtp-sender.ts";
import { fuzzRandom, fuzzRounds, mutate, type Random } from "#testing/mutate.ts";
import { burstOf, packetsOf, rtpPacket } from "#testing/rtp-capture.ts";
import { LIBSRTP_VECTORS, RFC7714_VECTORS } from "#testing/srtp-vectors.ts";

const { status, makeCipher } = await findSrtpLadder(undefined);
const skip = makeCipher === undefined && status.reason!;
const NUMBERING = { ssrc: 0xfeedf00d, payloadType: 96, sequenceOffset: 7, timestampOffset: 3000 };

function protectedPackets({ bytes, offsets, count }: ProtectedBurst): Buffer[] {
  return Array.from({ length: count }, (_, i) => bytes.subarray(offsets[i], offsets[i + 1]));
}

/** A frame of one to twenty packets of any length, some with CSRCs, an extension, or a header that does not end. */
function anyFrame(firstSequence: number, random: Random): Buffer[] {
  return Array.from({ length: random(20) + 1 }, (_, i) => {
    const payload = Buffer.from(Array.from({ length: random(8) === 0 ? random(3) : random(1300) }, () => random(256)));
    const packet = rtpPacket(payload, firstSequence + i, i === 0);
    packet[0] = 0x80 | (random(4) === 0 ? random(32) : 0);
    packet.writeUInt32BE(random(2 ** 32), 4);
    return packet;
  });
}

for (const { master, srtp, rtp } of LIBSRTP_VECTORS) {
  const { name } = master.profile;

  test(`${name}: both ways send and take the same packets`, { skip }, () => {
    const random = fuzzRandom(5);
    const senders = [openSrtpSender(master)!, openSrtpSender(master, makeCipher)!];
    const streams = senders.map((sender) => sender.stream(NUMBERING)!);
    const receivers = [openSrtpReceiver(master)!, openSrtpReceiver(master, makeCipher)!];
    let sequence = 65_000;
    for (let frame = fuzzRounds(400); frame > 0; frame--) {
      const burst = burstOf(anyFrame(sequence, random));
      const before = packetsOf(burst).map((packet) => Buffer.from(packet));
      const [plain, native] = senders.map((sender, i) => sender.protect(burst, streams[i]!)!);
      assert.deepEqual(native!.bytes, plain!.bytes);
      assert.deepEqual([native!.count, native!.offsets], [plain!.count, plain!.offsets]);
      assert.deepEqual(packetsOf(burst), before, "the frame is as it was");
      for (const packet of protectedPackets(plain!)) {
        const damaged = mutate(packet, random);
        for (const bytes of [damaged, packet, packet]) {
          const [a, b] = [Buffer.from(bytes), Buffer.from(bytes)];
          const [endA, endB] = [receivers[0]!.unprotect(a, 0, a.length), receivers[1]!.unprotect(b, 0, b.length)];
          assert.equal(endB, endA);
          if (endA !== undefined) assert.deepEqual(b.subarray(0, endB), a.subarray(0, endA));
        }
      }
      sequence += burst.count;
    }
    for (const counter of ["rejected", "replayed"] as const) assert.equal(receivers[1]![counter], receivers[0]![counter]);
    for (const closed of [...senders, ...receivers]) closed.close();
  });

  test(`${name}: the known answer, through OpenSSL`, { skip }, () => {
    const sender = openSrtpSender(master, makeCipher)!;
    const stream = sender.stream({ ssrc: rtp.readUInt32BE(8), payloadType: 15, sequenceOffset: 0, timestampOffset: 0 })!;
    assert.deepEqual(protectedPackets(sender.protect(burstOf([rtp]), stream)!), [srtp]);
    const received = Buffer.from(srtp);
    const end = openSrtpReceiver(master, makeCipher)!.unprotect(received, 0, received.length);
    assert.deepEqual(received.subarray(0, end), rtp);
  });

  test(`${name}: what is closed sends and takes nothing, on either way`, () => {
    for (const way of [plainCipher, makeCipher ?? plainCipher]) {
      const sender = openSrtpSender(master, way)!;
      const receiver = openSrtpReceiver(master, way)!;
      const stream = sender.stream(NUMBERING)!;
      sender.close();
      receiver.close();
      assert.equal(sender.protect(burstOf([rtp]), stream), undefined);
      assert.equal(receiver.unprotect(Buffer.from(srtp), 0, srtp.length), undefined);
    }
  });

  test(`${name}: sessions beside each other do not mix, and thousands leave nothing behind`, { skip }, () => {
    const burst = burstOf(anyFrame(1, fuzzRandom(6)));
    const expected = openSrtpSender(master)!;
    const wanted = expected.protect(burst, expected.stream(NUMBERING)!)!;
    const other = openSrtpSender({ ...master, masterKey: Buffer.alloc(16, 9) }, makeCipher)!;
    const otherStream = other.stream(NUMBERING)!;
    for (let i = 0; i < 3000; i++) {
      const sender = openSrtpSender(master, makeCipher)!;
      const stream = sender.stream(NUMBERING)!;
      if (i === 0) other.protect(burst, otherStream);
      else other.protectAgain(burst, otherStream);
      assert.ok(sender.protect(burst, stream)!.bytes.equals(wanted.bytes));
      sender.close();
    }
  });
}

test("RFC 7714 §16.1.1, through OpenSSL", { skip }, () => {
  const { keys, rtp, srtp } = RFC7714_VECTORS;
  const sender = new SrtpSender(keys, makeCipher!);
  const stream = sender.stream({ ssrc: rtp.readUInt32BE(8), payloadType: 64, sequenceOffset: 0, timestampOffset: 0 })!;
  assert.deepEqual(protectedPackets(sender.protect(burstOf([rtp]), stream)!), [srtp]);
  const received = Buffer.from(srtp);
  assert.equal(new SrtpReceiver(keys, makeCipher!).unprotect(received, 0, received.length), rtp.length);
});
