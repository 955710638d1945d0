// Runs rows of the fault table: a gateway pulls the faulty camera, readers watch, time goes as fast as the sockets allow, and what was expected is checked.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { FakeClock } from "../fake-clock.ts";
import { assertIn } from "./assert-in.ts";
import { checkRecording } from "./check-recording.ts";
import type { Expected, Fault, FaultCase } from "./fault.ts";
import { CLIP_FRAME_MS, FaultRig } from "./fault-rig.ts";
import { type FaultOutcome, FaultSite, type Watcher } from "./fault-site.ts";
import { gapsIn, missingIn, type SeenFrame } from "./seen-frames.ts";

/** Bounds of gaps may be off by this much. */
const TOLERANCE_US = 200_000;
/** Timers go in steps of this size, so that frames are stamped at their times; in larger ones where the row's steps are large. */
const TIMER_STEP_MS = 20;
const TIMER_STEPS = 25;
/** Turns of the event loop without a change, after which nothing is on its way any more. */
const QUIET_TURNS = 4;
const MAX_TURNS = 2000;
/** Simulated time in which everything is closed: a TEARDOWN that is not answered is waited for. */
const CLOSING_MS = 3000;

/** One test for each case of each row. */
export function testFaults(faults: readonly Fault[]): void {
  for (const { id, title, cases } of faults) {
    for (const faultCase of cases) {
      const name = faultCase.name === "" ? `${id}: ${title}` : `${id}: ${title} (${faultCase.name})`;
      test(name, (t) => runFault(t, faultCase));
    }
  }
}

/** Runs one case on simulated time and checks what its row expects. */
export async function runFault(t: TestContext, faultCase: FaultCase): Promise<void> {
  const { stimulus, expected } = faultCase;
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const clock = new FakeClock();
  const socketsBefore = openSockets();
  let site: FaultSite | undefined;
  const failures: unknown[] = [];
  const rigs: FaultRig[] = [];
  for (let copy = 0; copy < (stimulus.copies ?? 1); copy++) {
    const rig: FaultRig = await FaultRig.start(stimulus, {
      clock,
      seed: copy + 1,
      onStep: ({ actOnSite }) => {
        if (rig === rigs[0]) Promise.resolve(actOnSite?.(site!)).catch((error: unknown) => failures.push(error));
      },
    });
    rigs.push(rig);
  }
  const frameMs = rigs[0]!.camera.options.frameMs ?? CLIP_FRAME_MS;
  const stepMs = expected.stepMs ?? frameMs;
  site = await FaultSite.start(faultCase, rigs, clock, frameMs);
  const pass = async (ms: number): Promise<void> => {
    const timerStepMs = Math.max(TIMER_STEP_MS, ms / TIMER_STEPS);
    for (let passedMs = 0; passedMs < ms; passedMs += timerStepMs) {
      clock.passMs(timerStepMs);
      t.mock.timers.tick(timerStepMs);
    }
    await settle(site);
    site.joinReaders();
  };
  try {
    await settle(site);
    const startUs = rigs[0]!.startUs ?? clock.nowUs();
    while (clock.nowUs() < startUs + stimulus.lastsMs * 1000) await pass(stepMs);
    await settle(site);
    const [rtsp, inside] = site.watchers as [FaultOutcome["rtsp"], FaultOutcome["inside"]];
    assert.deepEqual(failures, []);
    await check(faultCase, { site, rig: rigs[0]!, startUs, endUs: clock.nowUs(), rtsp, inside });
  } finally {
    const closed = site.close();
    for (let ms = 0; ms < CLOSING_MS; ms += stepMs) await pass(stepMs);
    await closed;
  }
  await settle(site);
  assert.ok(openSockets() <= socketsBefore, `${openSockets() - socketsBefore} sockets are left`);
}

async function settle(site: FaultSite): Promise<void> {
  let before = site.activity;
  for (let turn = 0, quiet = 0; turn < MAX_TURNS && quiet < QUIET_TURNS; turn++) {
    await setImmediate();
    const now = site.activity;
    quiet = now === before ? quiet + 1 : 0;
    before = now;
  }
}

async function check({ stimulus, expected }: FaultCase, outcome: FaultOutcome): Promise<void> {
  const { site, startUs, endUs } = outcome;
  for (const [copy, { camera }] of site.rigs.entries()) {
    if (expected.source.states !== undefined) {
      assert.deepEqual(site.states(copy), expected.source.states, "states of the source");
      assert.deepEqual(site.faults(copy), expected.source.faults ?? [], "why its attempts ended");
    }
    for (const [method, times] of Object.entries(expected.requests ?? {})) assert.equal(camera.of(method).length, times, method);
  }
  for (const { line, times } of expected.log ?? []) assertIn(times, site.log.lines.filter((text) => line.test(text)).length, String(line));
  for (const watcher of site.watchers) checkWatcher(watcher, expected, stimulus.lastsMs, outcome);

  const witness = site.witness.frames();
  const witnessGapUs = 2 * TOLERANCE_US + 2000 * (expected.stepMs ?? 0);
  assert.deepEqual(gapsIn(witness, startUs, endUs, witnessGapUs), [], "another camera is undisturbed");
  assert.equal(missingIn(witness, Number.POSITIVE_INFINITY), 0, "another camera is undisturbed");
  await expected.also?.(outcome);
  await checkRecordings(expected, outcome);
}

async function checkRecordings(expected: Expected, outcome: FaultOutcome): Promise<void> {
  const copies = await outcome.site.recording.stop();
  for (const copy of copies) {
    for (const path of outcome.site.recording.heard.keys()) await checkRecording(copy, path, expected, outcome);
  }
}

function checkWatcher(
  watcher: Watcher,
  { readers, stepMs = CLIP_FRAME_MS }: Expected,
  lastsMs: number,
  { startUs, endUs }: FaultOutcome,
): void {
  const { name } = watcher;
  const frames = watcher.frames();
  const leastUs = TOLERANCE_US + stepMs * 1000;
  const sinceStart = (us: number): number => Math.round((us - startUs) / 1000);
  const gaps = gapsIn(frames, startUs, endUs, leastUs).map(({ fromUs, toUs }) => ({ fromMs: sinceStart(fromUs), toMs: sinceStart(toUs) }));
  if (readers.gaps !== undefined) {
    assert.equal(gaps.length, readers.gaps.length, `${name}: ${gaps.length} gaps: ${JSON.stringify(gaps)}`);
    for (const [i, { fromMs, toMs }] of readers.gaps.entries()) {
      const offMs = Math.max(Math.abs(gaps[i]!.fromMs - fromMs), Math.abs(gaps[i]!.toMs - Math.min(toMs, lastsMs)));
      assert.ok(offMs <= TOLERANCE_US / 1000, `${name}: a gap from ${gaps[i]!.fromMs} to ${gaps[i]!.toMs}, expected ${fromMs} to ${toMs}`);
    }
  }
  assertIn(readers.missing ?? 0, missingIn(frames, leastUs), `${name}: frames missing outside of gaps`);
  assertIn(readers.damaged ?? 0, frames.filter(({ damaged }) => damaged).length, `${name}: damaged frames`);
  const corrupt = frames.filter(({ intact, damaged }) => intact === false && !damaged);
  assertIn(readers.corrupt ?? 0, corrupt.length, `${name}: frames that only seem whole: ${corrupt.map(numberOf)}`);
  const numbers = frames.flatMap(({ number }) => number ?? []);
  const ordered = [...new Set(numbers)].sort((a, b) => a - b);
  if (readers.corrupt === undefined) assert.deepEqual(numbers, ordered, `${name}: frames in order, each once`);
  if (watcher.joinedUs === undefined) return;
  assert.equal(watcher.hasEnded, readers.stay === false, `${name}: ended`);
  const live = frames.filter(({ number, captureUs }) => number !== undefined && captureUs > watcher.joinedUs!);
  const latencyMs = Math.max(0, ...live.map(({ captureUs, arrivedUs }) => (arrivedUs - captureUs) / 1000));
  assert.ok(latencyMs <= (readers.latencyMs ?? 2 * stepMs), `${name}: ${latencyMs} ms from capture to the reader`);
}

function numberOf({ number }: SeenFrame): number | undefined {
  return number;
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap" || kind === "UDPWrap").length;
}
