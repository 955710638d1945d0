import assert from "node:assert/strict";
import { test } from "node:test";
import { type Report, reportsJson, reportText } from "./report.ts";

const server = { version: "1", file: "", args: [] };
const result = (contender: string, cost: number) => ({
  contender,
  parameters: { readers: 50, lineMbit: 100 },
  figures: { cost: { median: cost, min: cost - 1, max: cost + 1 }, growth: { median: -cost, min: -cost, max: -cost } },
  samples: [],
});
const report: Report = {
  name: "fan-out",
  load: "a camera",
  rounds: 3,
  servers: [
    { name: "camgate", ...server },
    { name: "peer", ...server },
  ],
  columns: [
    { figure: "cost", title: "cost", digits: 1, goal: 0.3, most: 1.5 },
    { figure: "growth", title: "growth", digits: 0, least: -4, compared: false },
  ],
  results: [result("camgate", 2), result("peer", 8)],
};
const setting = "50 readers, line 100 Mbit/s";

test("a report shows medians, spread, ratios and goals", () => {
  const text = reportText(report);
  assert.match(text, /50 readers, line 100 Mbit\/s +camgate +2\.0 \(1\.0–3\.0\) \[≤ 1\.5: missed\] +-2 \[≥ -4: reached\]/);
  assert.match(text, /peer +8\.0 \(7\.0–9\.0\) +-8$/m);
  assert.match(text, /camgate \/ peer +0\.25× \(goal 0\.30: reached\) +–$/m);
});

test("the JSON of reports has ratios and verdicts", () => {
  const [document] = JSON.parse(reportsJson([report])).reports;
  assert.deepEqual(document.comparisons, [{ setting, of: "camgate", to: "peer", ratios: { cost: 0.25 } }]);
  assert.deepEqual(document.goals, [
    { setting, figure: "cost", value: 2, reached: false, most: 1.5 },
    { setting, figure: "cost", value: 0.25, to: "peer", most: 0.3, reached: true },
    { setting, figure: "growth", value: -2, reached: true, least: -4 },
  ]);
});
