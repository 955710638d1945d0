import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ntpToUtcUs,
  parseRtcp,
  writeBitrateEstimate,
  writeBye,
  writeLost,
  writePictureLoss,
  writeReceiverReport,
  writeSenderReport,
} from "./rtcp.ts";

test("a sender report gives back its time to the microsecond", () => {
  const utcUs = Date.UTC(2026, 10, 22, 14, 3, 20) * 1000 + 123_457;
  const bytes = writeSenderReport({ ssrc: 0xdeadbeef, utcUs, timestamp: 4_000_000_000, packets: 7, octets: 7000 });
  const [report, ...rest] = parseRtcp(bytes, 0, bytes.length);
  assert.equal(rest.length, 0);
  assert.equal(report?.kind, "sender-report");
  if (report?.kind !== "sender-report") return;
  assert.ok(Math.abs(ntpToUtcUs(report.ntpSeconds, report.ntpFraction) - utcUs) <= 1);
  assert.deepEqual([report.ssrc, report.timestamp, report.packets, report.octets], [0xdeadbeef, 4_000_000_000, 7, 7000]);
});

test("a compound is padded to words and ends with a canonical name", () => {
  const bytes = writeSenderReport({ ssrc: 1, utcUs: 0, timestamp: 0, packets: 0, octets: 0 });
  assert.equal(bytes.length % 4, 0);
  assert.equal(bytes[29], 202); // SDES
  assert.equal(28 + (bytes.readUInt16BE(30) + 1) * 4, bytes.length);
});

test("a receiver report keeps a negative cumulative loss", () => {
  const block = {
    ssrc: 5,
    fractionLost: 12,
    cumulativeLost: -3,
    highestSequence: 70_000,
    jitter: 99.6,
    lastSenderReport: 0x12345678,
    delaySinceLast: 65_536,
  };
  const bytes = writeReceiverReport(9, block);
  const [report] = parseRtcp(bytes, 0, bytes.length);
  assert.equal(report?.kind, "receiver-report");
  if (report?.kind !== "receiver-report") return;
  assert.deepEqual(report.reports, [{ ...block, jitter: 100 }]);
});

test("keyframe requests: PLI and FIR", () => {
  const pli = writePictureLoss(1, 2);
  assert.deepEqual(parseRtcp(pli, 0, pli.length), [{ kind: "keyframe-request", ssrc: 2 }]);
  const fir = Buffer.from("84ce0004000000010000000000000002010000" + "00", "hex");
  assert.deepEqual(parseRtcp(fir, 0, fir.length), [{ kind: "keyframe-request", ssrc: 2 }]);
});

test("garbage gives nothing and what stands before it", () => {
  const report = writeReceiverReport(1, undefined);
  const cut = Buffer.concat([report, Buffer.from([0x80, 200, 0xff, 0xff, 1, 2])]);
  assert.equal(parseRtcp(cut, 0, cut.length).length, 1);
  assert.deepEqual(parseRtcp(Buffer.alloc(3), 0, 3), []);
  assert.deepEqual(parseRtcp(Buffer.from([0x80, 200, 0, 1, 0, 0, 0, 1]), 0, 8), []);
});

test("a BYE behind a report is read with it", () => {
  const bytes = Buffer.concat([writeReceiverReport(7, undefined), writeBye(0xdeadbeef)]);
  assert.deepEqual(parseRtcp(bytes, 0, bytes.length), [
    { kind: "receiver-report", ssrc: 7, reports: [] },
    { kind: "bye", ssrcs: [0xdeadbeef] },
  ]);
});

test("lost packets, in runs and one by one, over the wrap", () => {
  for (const sequences of [[7], [7, 8, 23], [7, 24], [65_530, 65_535, 0, 3, 500], Array.from({ length: 40 }, (_, i) => 100 + i)]) {
    const bytes = writeLost(1, 0xdeadbeef, sequences);
    assert.deepEqual(parseRtcp(bytes, 0, bytes.length), [{ kind: "lost", ssrc: 0xdeadbeef, sequences }]);
  }
  assert.equal(writeLost(1, 2, [7, 8, 23]).length, 16);
});

test("an estimate of the bitrate", () => {
  assert.equal(
    writeBitrateEstimate(1, [2, 3], 5_000_000).toString("hex"),
    `8fce0006${"00000001"}${"00000000"}52454d42${"0216625a"}${"00000002"}${"00000003"}`,
  );
});
