import assert from "node:assert/strict";
import { test } from "node:test";
import { aacPayload, klvPayload, opusPayload, picturePayload, wholeFramesPayload } from "./frame-payload.ts";
import { MAX_BOUNDED_PAYLOAD_BYTES } from "./pes.ts";

function sampleOf(frame: readonly Buffer[], durationTicks = 0) {
  return { dtsTicks: 0, ptsOffsetTicks: 0, durationTicks, keyframe: true, frame };
}

test("frames of a sample share a PES packet", () => {
  const payloads = wholeFramesPayload()(sampleOf([Buffer.of(1, 2), Buffer.alloc(0), Buffer.of(3)]));
  assert.equal(payloads.length, 1);
  assert.deepEqual(Buffer.concat(payloads[0]!.pieces), Buffer.of(1, 2, 3));
  assert.equal(payloads[0]!.sizeBytes, 3);
});

test("more frames than a PES packet holds go on in the next, at their time", () => {
  const frames = Array.from({ length: 5 }, (_, i) => Buffer.alloc(30_000, i));
  const payloads = wholeFramesPayload()(sampleOf(frames, 5 * 1024));
  assert.deepEqual(
    payloads.map(({ sizeBytes, delayTicks }) => ({ sizeBytes, delayTicks })),
    [
      { sizeBytes: 60_000, delayTicks: 0 },
      { sizeBytes: 60_000, delayTicks: 2048 },
      { sizeBytes: 30_000, delayTicks: 4096 },
    ],
  );
  assert.deepEqual(Buffer.concat(payloads.flatMap(({ pieces }) => pieces)), Buffer.concat(frames));
});

test("frames that cannot be sent are left out", () => {
  const tooLong = Buffer.alloc(MAX_BOUNDED_PAYLOAD_BYTES + 1);
  assert.deepEqual(wholeFramesPayload()(sampleOf([tooLong])), []);
  assert.deepEqual(wholeFramesPayload()(sampleOf([])), []);
  const aac = aacPayload(Buffer.from("fff14c80001ffc", "hex"));
  const [payload] = aac(sampleOf([Buffer.alloc(8185), Buffer.alloc(8184, 7), Buffer.of(9)], 3072));
  assert.equal(payload!.sizeBytes, 8191 + 8);
  assert.equal(payload!.delayTicks, 1024);
});

test("Opus: the control header says how long the packet is", () => {
  for (const [sizeBytes, header] of [
    [3, "7fe003"],
    [254, "7fe0fe"],
    [255, "7fe0ff00"],
    [600, "7fe0ffff5a"],
  ] as const) {
    const [payload] = opusPayload()(sampleOf([Buffer.alloc(sizeBytes, 0x55)]));
    const bytes = Buffer.concat(payload!.pieces);
    assert.equal(bytes.toString("hex", 0, header.length / 2), header);
    assert.equal(bytes.length, header.length / 2 + sizeBytes);
    assert.equal(payload!.sizeBytes, bytes.length);
  }
});

test("KLV: a unit is a cell, a long one several in order", () => {
  const klv = klvPayload();
  const small = klv(sampleOf([Buffer.of(0x06, 0x0e)]));
  assert.deepEqual(
    small.map(({ pieces }) => Buffer.concat(pieces).toString("hex")),
    ["0000df0002060e"],
  );
  const unit = Buffer.alloc(150_000, 0x2b);
  const cells = klv(sampleOf([unit]));
  assert.deepEqual(
    cells.map(({ pieces }) => pieces[0]!.toString("hex", 0, 3)),
    ["00009f", "00010f", "00024f"],
  );
  for (const { pieces, sizeBytes } of cells) {
    assert.equal(pieces[0]!.readUInt16BE(3), pieces[1]!.length);
    assert.equal(sizeBytes, 5 + pieces[1]!.length);
    assert.ok(sizeBytes <= MAX_BOUNDED_PAYLOAD_BYTES);
  }
  assert.deepEqual(Buffer.concat(cells.map(({ pieces }) => pieces[1]!)), unit);
  assert.deepEqual(klv(sampleOf([Buffer.alloc(0)])), []);
  assert.equal(klv(sampleOf([Buffer.of(1)]))[0]!.pieces[0]![1], 0); // each unit counts anew
});

test("a picture of any length is one PES packet", () => {
  const payloads = picturePayload(({ frame }) => frame)(sampleOf([Buffer.alloc(100_000), Buffer.alloc(1)]));
  assert.deepEqual(
    payloads.map(({ sizeBytes }) => sizeBytes),
    [100_001],
  );
});
