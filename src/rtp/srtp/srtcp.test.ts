import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { LIBSRTP_VECTORS, RFC7714_VECTORS } from "#testing/srtp-vectors.ts";
import { writePictureLoss, writeReceiverReport, writeSenderReport } from "../rtcp.ts";
import { openSrtcpReceiver, openSrtcpSender, SrtcpReceiver } from "./srtcp.ts";

const COMPOUNDS = [
  writeSenderReport({ ssrc: 7, utcUs: 1.7e15, timestamp: 90_000, packets: 10, octets: 1000 }),
  writePictureLoss(7, 9),
  Buffer.from("80c9000100000007", "hex"), // a report on nobody: nothing to encrypt
];

for (const { master, rtcp, srtcp } of LIBSRTP_VECTORS) {
  const { name } = master.profile;

  test(`${name}: the known answer, which is the second compound of its session`, () => {
    const sender = openSrtcpSender(master)!;
    sender.protect(rtcp);
    assert.deepEqual(sender.protect(rtcp), srtcp);
    assert.deepEqual(openSrtcpReceiver(master)!.unprotect(srtcp, 0, srtcp.length), rtcp);
    const inside = Buffer.concat([Buffer.alloc(5), srtcp, Buffer.alloc(5)]);
    assert.deepEqual(openSrtcpReceiver(master)!.unprotect(inside, 5, 5 + srtcp.length), rtcp);
  });

  test(`${name}: compounds come through in any order, and once`, () => {
    const sender = openSrtcpSender(master)!;
    const receiver = openSrtcpReceiver(master)!;
    const sent = COMPOUNDS.map((compound) => sender.protect(compound)!);
    for (const i of [1, 0, 2]) {
      assert.deepEqual(receiver.unprotect(sent[i]!, 0, sent[i]!.length), COMPOUNDS[i]);
      assert.equal(receiver.unprotect(sent[i]!, 0, sent[i]!.length), undefined);
    }
    assert.deepEqual([receiver.rejected, receiver.replayed], [0, 3]);
  });

  test(`${name}: any bit that is turned is noticed`, () => {
    const receiver = openSrtcpReceiver(master)!;
    for (let bit = 0; bit < srtcp.length * 8; bit++) {
      const forged = Buffer.from(srtcp);
      forged[bit >>> 3] = forged[bit >>> 3]! ^ (1 << (bit & 7));
      assert.equal(receiver.unprotect(forged, 0, forged.length), undefined, `bit ${bit}`);
    }
    assert.deepEqual(receiver.unprotect(srtcp, 0, srtcp.length), rtcp);
  });

  test(`${name}: damaged compounds never get through`, () => {
    const random = fuzzRandom(4);
    const sender = openSrtcpSender(master)!;
    const receiver = openSrtcpReceiver(master)!;
    for (let i = fuzzRounds(1000); i > 0; i--) {
      const compound = COMPOUNDS[i % COMPOUNDS.length]!;
      const sent = sender.protect(compound)!;
      const damaged = mutate(sent, random);
      if (!damaged.equals(sent)) assert.equal(receiver.unprotect(damaged, 0, damaged.length), undefined);
      assert.deepEqual(receiver.unprotect(sent, 0, sent.length), compound);
    }
  });

  test(`${name}: one peer reports as 64 senders at most`, () => {
    const sender = openSrtcpSender(master)!;
    const receiver = openSrtcpReceiver(master)!;
    for (let ssrc = 1; ssrc <= 65; ssrc++) {
      const sent = sender.protect(writeReceiverReport(ssrc, undefined))!;
      assert.equal(receiver.unprotect(sent, 0, sent.length) !== undefined, ssrc <= 64);
    }
    assert.equal(receiver.rejected, 1);
  });

  test(`${name}: what is no compound is not protected`, () => {
    assert.equal(openSrtcpSender(master)!.protect(Buffer.alloc(7)), undefined);
  });
}

test("RFC 7714 §17.1, and §17.3 where nothing is encrypted", () => {
  const { keys, rtcp, srtcp, clearSrtcp } = RFC7714_VECTORS;
  assert.deepEqual(new SrtcpReceiver(keys).unprotect(srtcp, 0, srtcp.length), rtcp);
  assert.deepEqual(new SrtcpReceiver(keys).unprotect(clearSrtcp, 0, clearSrtcp.length), rtcp);
});

test("keys of the wrong length open nothing", () => {
  const master = { ...LIBSRTP_VECTORS[1]!.master, masterKey: Buffer.alloc(32) };
  assert.deepEqual([openSrtcpSender(master), openSrtcpReceiver(master)], [undefined, undefined]);
});
