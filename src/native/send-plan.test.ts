import assert from "node:assert/strict";
import { test } from "node:test";
import { runEnd } from "./send-plan.ts";

/** How packets of these sizes are divided into runs. */
function runsOf(sizes: readonly number[], headBytes = 4): number[][] {
  const offsets = new Int32Array(sizes.length + 1);
  for (const [i, size] of sizes.entries()) offsets[i + 1] = offsets[i]! + headBytes + size;
  const slab = { bytes: Buffer.alloc(0), offsets, count: sizes.length };
  const runs: number[][] = [];
  for (let first = 0; first < sizes.length; ) {
    const end = runEnd(slab, headBytes, first);
    runs.push(sizes.slice(first, end));
    first = end;
  }
  return runs;
}

test("a run is of equal packets, the last of which may be shorter", () => {
  const cases: [string, number[][]][] = [
    ["one packet", [[100]]],
    ["all equal", [[100, 100, 100]]],
    ["a shorter one ends the run", [[100, 100, 60]]],
    ["a shorter one does not start it anew", [[100, 60], [60]]],
    [
      "a longer one breaks it",
      [
        [30, 10],
        [100, 100, 70],
      ],
    ],
    [
      "parameter sets in front of a keyframe",
      [
        [29, 8],
        [1212, 1212, 1212, 900],
      ],
    ],
    ["slices", [[1200, 1200, 500], [1200, 1200, 300], [1200]]],
    ["growing sizes", [[1], [2], [3]]],
    ["an empty packet is alone", [[10], [0], [0], [10]]],
  ];
  for (const [name, runs] of cases) assert.deepEqual(runsOf(runs.flat()), runs, name);
  assert.deepEqual(runsOf([5, 5, 3], 0), [[5, 5, 3]], "without anything in front");
});

test("a run has 64 packets and the bytes of one datagram at most", () => {
  const lengths = (sizes: number[]) => runsOf(sizes).map((run) => run.length);
  assert.deepEqual(lengths(Array(130).fill(100)), [64, 64, 2]);
  assert.deepEqual(lengths(Array(100).fill(1400)), [46, 46, 8]);
  assert.deepEqual(lengths([32_753, 32_753, 32_754, 32_754]), [2, 1, 1]);
  assert.deepEqual(lengths([65_507, 65_507]), [1, 1]);
  assert.deepEqual(lengths([70_000, 70_000]), [1, 1], "too long for any datagram: left to the system to refuse");
});
