import assert from "node:assert/strict";
import { test } from "node:test";
import { BurstBuilder, type PacketBurst } from "#rtp/burst.ts";
import { rtpOf, sequencesOf } from "#testing/unit-tap.ts";
import { restamped, TrackOutput } from "./track-output.ts";

/** Packets as a source sends them; `offsets` are ticks from the frame's time, for those that are made here. */
function burst(sequences: readonly number[], { ssrc = 7, tickOffsets = [] as readonly number[] } = {}): PacketBurst {
  const builder = new BurstBuilder(0, 512);
  for (const [i, sequence] of sequences.entries()) {
    const at = builder.add(20, i === sequences.length - 1, tickOffsets[i] ?? 0) - 12;
    builder.bytes.writeUInt16BE(sequence & 0xffff, at + 2);
    builder.bytes.writeUInt32BE(ssrc, at + 8);
  }
  return builder.finish();
}

function copied(output: TrackOutput, ...args: Parameters<typeof burst>): number[] {
  const one = burst(...args);
  output.stampCopied(one, 0);
  return sequencesOf(one);
}

test("copied packets keep their distances over the wrap, from our own start", () => {
  const output = new TrackOutput(96);
  output.nextSequence = 65_534;
  assert.deepEqual(copied(output, [65_535, 65_536, 65_538]), [65_534, 65_535, 1]);
  assert.equal(output.nextSequence, 2);
});

test("a jump of 3000 is a loss, a farther one and a step back are a new numbering", () => {
  const output = new TrackOutput(96);
  output.nextSequence = 0;
  assert.deepEqual(copied(output, [100]), [0]);
  assert.deepEqual(copied(output, [101 + 3000]), [3001]);
  assert.deepEqual(copied(output, [3102 + 3001]), [3002]);
  assert.deepEqual(copied(output, [50]), [3003]);
  assert.deepEqual(copied(output, [60], { ssrc: 8 }), [3004], "another SSRC is another numbering");
  output.renumber();
  assert.deepEqual(copied(output, [70], { ssrc: 8 }), [3005]);
});

test("made packets follow each other; a damaged frame leaves a gap of one", () => {
  const output = new TrackOutput(96);
  output.nextSequence = 65_535;
  const [first, second] = [burst([0, 0]), burst([0])];
  output.stampMade(first, 0, false);
  output.stampMade(second, 0, true);
  assert.deepEqual([sequencesOf(first), sequencesOf(second)], [[65_535, 0], [2]]);
  output.skip();
  assert.equal(output.nextSequence, 4);
});

test("timestamps are the stream's, with what a packet is later than its frame", () => {
  const output = new TrackOutput(97);
  const one = burst([0, 0], { tickOffsets: [0, 960] });
  output.stampMade(one, 2 ** 40, false);
  const base = output.rtpTimestamp(2 ** 40);
  assert.equal(base, (output.timestampBase + 2 ** 40) % 2 ** 32);
  assert.deepEqual(
    rtpOf(one).map((packet) => (packet.readUInt32BE(4) - base) >>> 0),
    [0, 960],
  );
  const again = restamped(one, 65_535, 0xffff_ff00);
  assert.deepEqual(sequencesOf(again), [65_535, 0]);
  assert.deepEqual(
    rtpOf(again).map((packet) => packet.readUInt32BE(4)),
    [0xffff_ff00, (0xffff_ff00 + 960) >>> 0],
  );
  assert.equal(sequencesOf(one)[0] === 65_535, output.nextSequence === 1, "the original is as it was");
});

test("the stream time of an instant goes by the newest unit", () => {
  const output = new TrackOutput(96);
  output.lastPtsTicks = 90_000;
  output.lastCaptureUs = 5_000_000;
  assert.equal(output.ptsTicksAt(5_500_000, 90_000), 135_000);
  assert.equal(output.ptsTicksAt(4_900_000, 90_000), 81_000);
});
