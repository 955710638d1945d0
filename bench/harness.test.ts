import assert from "node:assert/strict";
import { test } from "node:test";
import { median, ratios, runInterleaved, summarize } from "./harness.ts";
import { parseStraceSummary } from "./process-figures.ts";
import { type Report, reportJson, reportText } from "./report.ts";
import { CAMERA_LOAD, readCameraPacket, SyntheticCamera } from "./synthetic-h264.ts";

test("contenders take turns, setting by setting", async () => {
  const order: string[] = [];
  const contender = (name: string) => ({ name, run: async (readers: number) => ({ cost: order.push(`${name}${readers}`) }) });
  const results = await runInterleaved([contender("a"), contender("b")], [1, 2], 3, () => {});
  assert.deepEqual(order, ["a1", "b1", "a1", "b1", "a1", "b1", "a2", "b2", "a2", "b2", "a2", "b2"]);
  assert.deepEqual(results[0]?.figures, { cost: { median: 3, min: 1, max: 5 } });
});

test("a median of an even number of values lies between the middle two", () => {
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([9, 1, 5]), 5);
});

test("figures that a run could not take are left out of the summary", () => {
  assert.deepEqual(summarize([{ a: 1, b: Number.NaN }, { a: 3 }]), { a: { median: 2, min: 1, max: 3 } });
});

test("ratios are made of shared figures alone", () => {
  const summary = (value: number) => ({ median: value, min: value, max: value });
  assert.deepEqual(ratios({ a: summary(1), b: summary(2) }, { a: summary(4), c: summary(2) }), { a: 0.25 });
});

test("the calls in strace's table are summed", () => {
  const table = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 99.02    0.070000          10      7000           write
  0.98    0.000700           7       100         3 sendmsg
------ ----------- ----------- --------- --------- ----------------
100.00    0.070700          10      7100         3 total
`;
  assert.equal(parseStraceSummary(table), 7100);
  assert.equal(parseStraceSummary("strace: attach: Operation not permitted"), undefined);
});

test("the synthetic camera sends whole frames at its bit rate and can be read back", () => {
  const camera = new SyntheticCamera();
  let gopBytes = 0;
  for (let frame = 0; frame < CAMERA_LOAD.gopFrames; frame += 1) {
    const bytes = camera.next(1_000_000 + frame);
    gopBytes += bytes.length;
    const packets = [];
    for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt16BE(at + 2)) {
      packets.push(readCameraPacket(bytes.subarray(at + 4, at + 4 + bytes.readUInt16BE(at + 2))));
    }
    const slices = packets.filter((packet) => packet !== undefined);
    assert.equal(slices[0]?.sentAtUs, 1_000_000 + frame);
    assert.equal(slices[0]?.keyframe, frame === 0);
    assert.deepEqual(
      slices.map(({ marker }) => marker),
      slices.map((_, i) => i === slices.length - 1),
    );
  }
  const bitsPerSecond = (gopBytes * 8 * CAMERA_LOAD.framesPerSecond) / CAMERA_LOAD.gopFrames;
  assert.ok(Math.abs(bitsPerSecond / CAMERA_LOAD.bitsPerSecond - 1) < 0.02, `${bitsPerSecond} bit/s`);
});

test("a report shows medians, spread, ratio and goal", () => {
  const server = { version: "1", file: "", args: [] };
  const result = (contender: string, value: number) => ({
    contender,
    parameters: { readers: 50 },
    figures: { cost: { median: value, min: value - 1, max: value + 1 } },
    samples: [],
  });
  const report: Report = {
    name: "fan-out",
    load: "a camera",
    rounds: 3,
    servers: [
      { name: "own", ...server },
      { name: "peer", ...server },
    ],
    columns: [{ figure: "cost", title: "cost", digits: 1, goal: 0.3 }],
    results: [result("own", 2), result("peer", 8)],
  };
  assert.match(reportText(report), /50 readers +own +2\.0 \(1\.0–3\.0\)/);
  assert.match(reportText(report), /own \/ peer +0\.25× \(goal 0\.30: reached\)/);
  assert.deepEqual(JSON.parse(reportJson(report)).comparisons, [{ setting: "50 readers", of: "own", to: "peer", ratios: { cost: 0.25 } }]);
});
