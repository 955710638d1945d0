import assert from "node:assert/strict";
import { test } from "node:test";
import type { RecorderState } from "#record/recorder-state.ts";
import type { Span } from "#record/recording-index.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { RecordingWatch, type RecordingWatchOptions } from "./recording-health.ts";

const HOUR_US = 3_600_000_000;

const RECORDING: RecorderState = {
  state: "recording",
  reason: undefined,
  lastWriteUs: 900_000,
  droppedUnits: 3,
  bytes: 5000,
  fragments: 2,
  fault: undefined,
  heldUs: 0,
  heldBytes: 0,
  queuedBytes: 0,
  gaps: [],
  openGap: undefined,
};

function setUp(spansOf: (path: string) => Promise<readonly Span[]>, more: Partial<RecordingWatchOptions> = {}) {
  const clock = new FakeClock();
  const looked: string[] = [];
  const watch = new RecordingWatch({
    clock,
    recorders: () => [
      { path: "gate", state: { ...RECORDING, queuedBytes: 700_000, heldBytes: 300_000 } },
      { path: "yard", state: { ...RECORDING, state: "error", reason: "the disk is full", lastWriteUs: undefined } },
    ],
    indexOf: (path) => ({
      spans: (name) => {
        looked.push(path);
        return spansOf(name);
      },
    }),
    ring: () => undefined,
    ...more,
  });
  /** Begins and ends so many hours ago. */
  const span = (fromHours: number, toHours: number, gapBefore?: Span["gapBefore"]): Span => {
    const nowUs = clock.utcOf(clock.nowUs()).utcUs;
    const durationUs = (fromHours - toHours) * HOUR_US;
    const rest = { timeQuality: "ntp", timeErrorMs: 1, sizeBytes: 4e9, locked: false, open: false } as const;
    return { path: "gate", startUtcUs: nowUs - fromHours * HOUR_US, durationUs, gapBefore, ...rest };
  };
  return { clock, watch, looked, span, ago: (hours: number) => Math.round((clock.utcOf(clock.nowUs()).utcUs - hours * HOUR_US) / 1000) };
}

test("what there is, what is missing of the last day, and what each recorder does", async () => {
  const spans: Span[] = [];
  const { watch, span, ago } = setUp(async (path) => (path === "gate" ? spans : []));
  spans.push(span(100, 50), span(40, 30, "power"), span(23, 2, "source"), span(1, 0, "disk"));
  const { cams, ...whole } = await watch.read();
  const gapS = 24 * 3600 - 23 * 3600 + 3600;
  assert.deepEqual(whole, { oldest: ago(100), newest: ago(0), gaps_24h: 2, gap_s_24h: gapS, wq_bytes: 1_000_000 });
  assert.deepEqual(cams["gate"], {
    st: "recording",
    why: null,
    oldest: ago(100),
    newest: ago(0),
    gaps_24h: 2,
    gap_s_24h: gapS,
    span_s: (50 + 10 + 21 + 1) * 3600,
    mb: 16_000,
    dropped: 3,
    write_age_ms: 100,
    held_s: 0,
  });
  const nothing = { oldest: null, newest: null, gaps_24h: 0, gap_s_24h: 0, span_s: 0, mb: 0 };
  assert.deepEqual(cams["yard"], { st: "error", why: "the disk is full", ...nothing, dropped: 3, write_age_ms: null, held_s: 0 });
});

test("spans are gone through every half minute at most, once for everybody; states are of now", async () => {
  const spans: Span[] = [];
  const { watch, clock, looked, span } = setUp(async () => spans);
  spans.push(span(2, 1));
  await Promise.all([watch.read(), watch.recorders("gate")]);
  assert.deepEqual(looked, ["gate", "yard"]);
  clock.passMs(29_999);
  assert.equal((await watch.recorders("gate"))["gate"]!.write_age_ms, 30_099);
  assert.equal(looked.length, 2);
  clock.passMs(1);
  await watch.recorders("gate");
  assert.deepEqual(looked, ["gate", "yard", "gate"]);
});

test("the first footage of a camera is soon known", async () => {
  const spans: Span[] = [];
  const { watch, clock, span } = setUp(async () => spans);
  assert.equal((await watch.recorders("gate"))["gate"]!.oldest, null);
  spans.push(span(2, 1));
  clock.passMs(1999);
  assert.equal((await watch.recorders("gate"))["gate"]!.oldest, null);
  clock.passMs(1);
  assert.notEqual((await watch.recorders("gate"))["gate"]!.oldest, null);
});

test("footage that cannot be looked up holds nothing up", async () => {
  const { watch } = setUp(() => Promise.reject(new Error("EIO")));
  const { cams, oldest } = await watch.read();
  assert.deepEqual([oldest, cams["gate"]!.st, cams["gate"]!.mb], [null, "recording", 0]);
});

test("the ring, mounted and not", async () => {
  const usage = { chunkBytes: 16e6, chunks: 100, withFootage: 60, locked: 5, bad: 1 };
  const mounted = setUp(async () => [], { ring: () => ({ status: "recording", usage }) }).watch;
  assert.deepEqual(mounted.ring(), { st: "recording", ring_mb: 1600, locked_mb: 80, chunks: 100, bad_chunks: 1 });
  assert.deepEqual([(await mounted.read()).ring_mb, (await mounted.read()).locked_mb], [1600, 80]);
  const closed = setUp(async () => [], { ring: () => ({ status: "mount-check", usage: undefined }) }).watch;
  assert.deepEqual(closed.ring(), { st: "mount-check", ring_mb: null, locked_mb: null, chunks: null, bad_chunks: null });
  assert.equal(setUp(async () => []).watch.ring(), undefined);
});
