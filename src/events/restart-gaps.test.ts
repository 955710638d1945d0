// What a restart cost: told once for each path that was recorded until the stop, and for no other.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Span } from "#record/recording-index.ts";
import { RestartGaps } from "./restart-gaps.ts";

const STOP_S = 1_795_360_000;
const span = (fromS: number, toS: number, open = false): Span =>
  ({ path: "gate", startUtcUs: fromS * 1e6, durationUs: (toS - fromS) * 1e6, open }) as Span;

function setUp({
  spans,
  nowS = STOP_S + 8,
  upS = 5,
  isStopped = true,
}: {
  spans: readonly Span[];
  nowS?: number;
  upS?: number;
  isStopped?: boolean;
}) {
  const told: unknown[] = [];
  const gaps = new RestartGaps({
    stopped: isStopped ? { bootCounter: 1, monoUs: 7 } : undefined,
    utcUs: () => STOP_S * 1e6,
    nowUtcUs: () => nowS * 1e6,
    upUs: () => upS * 1e6,
    indexOf: (path) => (path === "nowhere" ? undefined : { spans: async () => spans }),
    onGap: (path, gap) => told.push([path, (gap.from - STOP_S * 1000) / 1000, (gap.to - STOP_S * 1000) / 1000, gap.cause]),
  });
  return { gaps, told };
}

test("from the last footage to where it goes on, once", async () => {
  const { gaps, told } = setUp({
    spans: [span(STOP_S - 900, STOP_S - 20), span(STOP_S - 19, STOP_S - 1), span(STOP_S + 7, STOP_S + 8, true)],
  });
  for (const state of ["waiting", "recording", "stalled", "recording"] as const) await gaps.onRecorder("gate", state);
  assert.deepEqual(told, [["gate", -1, 8, "restart"]]);
});

test("a camera that comes back long after the start was away by itself", async () => {
  const { gaps, told } = setUp({ spans: [span(STOP_S - 900, STOP_S)], nowS: STOP_S + 300, upS: 290 });
  await gaps.onRecorder("gate", "recording");
  assert.deepEqual(told, [["gate", 0, 300, "cam"]]);
});

test("nothing is told of what was not recorded then, of a run that was cut off, and of less than a second", async () => {
  for (const site of [
    { spans: [] },
    { spans: [span(STOP_S - 900, STOP_S)], isStopped: false },
    { spans: [span(STOP_S - 900, STOP_S)], nowS: STOP_S + 0.9 },
    { spans: [span(STOP_S - 5, STOP_S + 8, true)] },
  ]) {
    const { gaps, told } = setUp(site);
    await gaps.onRecorder("gate", "recording");
    await gaps.onRecorder("nowhere", "recording");
    assert.deepEqual(told, []);
  }
});
