// Compares a recording with what a reader beside it got: nothing is missing, changed, doubled or at another time, and gaps are told as they were.
import assert from "node:assert/strict";
import { fmp4Fault } from "#containers/fmp4/stored-track.ts";
import { leadingTrack } from "#record/fragment-cutter.ts";
import type { Span } from "#record/recording-index.ts";
import type { Track } from "#relay/track.ts";
import type { Unit } from "#relay/unit.ts";
import { assertIn } from "./assert-in.ts";
import type { Expected, ExpectedRecording } from "./fault.ts";
import type { RecordedCopy } from "./fault-recording.ts";
import type { FaultOutcome } from "./fault-site.ts";
import { type HeardFrame, heardFrame, type RecordedFrame, readFrames } from "./recorded-frames.ts";

/** Bounds of gaps and ends of spans may be off by this much. */
const TOLERANCE_US = 200_000;
const UTC_MS = 100;

/** One camera in one store. */
export interface RecordedOutcome {
  readonly copy: RecordedCopy;
  readonly path: string;
  /** Of the leading track. */
  readonly frames: readonly RecordedFrame[];
  readonly spans: readonly Span[];
  readonly outcome: FaultOutcome;
}

interface Hole {
  readonly fromUs: number;
  readonly toUs: number;
}

/** `leastUs`: time without media that is a gap. */
export async function checkRecording(
  copy: RecordedCopy,
  path: string,
  { recording = {}, stepMs = 0 }: Expected,
  outcome: FaultOutcome,
  leastUs: number,
): Promise<void> {
  const { units } = outcome.site.recording.heard.get(path)!;
  const what = `${path} in ${copy.store}`;
  const spans = await copy.index.spans(path);
  const leading = recordedTrack(units);
  if (leading === undefined) {
    assert.deepEqual(spans, [], `${what}: nothing to record`);
    return;
  }
  const heard = units.filter(({ track }) => track.index === leading.index).map(heardFrame);
  const frames = await readFrames(copy.index, path, leading.kind);
  const places = placesOf(frames, heard, what, recording);
  checkWhole(places, heard, what, leastUs, recording);
  checkSamples(frames, places, heard, what, leastUs, leading.kind === "video");
  checkUtc(frames, places, heard, what, (recording.utcMs ?? UTC_MS + stepMs) * 1000, outcome);
  const holes = holesIn(places, heard, leastUs);
  checkGaps(copy, path, holes, what, leastUs, recording);
  checkSpans(spans, copy, holes, places, heard, what, outcome, leastUs, recording);
  if (copy.store === "ring")
    assertIn(recording.runs ?? (frames.length > 0 ? 1 : 0), new Set(frames.map(({ runId }) => runId)).size, `${what}: runs`);
  await recording.also?.({ copy, path, frames, spans, outcome });
}

/** The leading track of those that can be recorded. */
function recordedTrack(units: readonly Unit[]): Track | undefined {
  const tracks = new Map(units.map(({ track }) => [track.index, track]));
  const recordable = [...tracks.values()].sort((a, b) => a.index - b.index).filter((track) => fmp4Fault(track) === undefined);
  return leadingTrack(recordable);
}

/** Where in `heard` each recorded frame is. */
function placesOf(
  frames: readonly RecordedFrame[],
  heard: readonly HeardFrame[],
  what: string,
  { overwrites }: ExpectedRecording,
): number[] {
  const places: number[] = [];
  let next = 0;
  for (const [i, { digest }] of frames.entries()) {
    let place = next;
    while (place < heard.length && heard[place]!.digest !== digest) place++;
    const isThere = place < heard.length;
    const before = isThere ? -1 : heard.slice(0, next).findLastIndex((frame) => frame.digest === digest);
    assert.ok(
      isThere,
      `${what}: frame ${i} of ${frames.length} ${before < 0 ? "is nobody's" : `is the reader's ${before}`}, after ${next - 1} of ${heard.length}`,
    );
    places.push(place);
    next = place + 1;
  }
  if (overwrites !== true) assert.ok(frames.length > 0 || !heard.some(isStart), `${what}: nothing is recorded of ${heard.length} frames`);
  return places;
}

function isStart({ keyframe, damaged }: HeardFrame): boolean {
  return keyframe && !damaged;
}

/** Frames are left out only where a recording waits for a keyframe: at the start, and after a gap. */
function checkWhole(
  places: readonly number[],
  heard: readonly HeardFrame[],
  what: string,
  leastUs: number,
  { overwrites }: ExpectedRecording,
): void {
  let next = overwrites === true ? (places[0] ?? 0) : 0;
  for (const place of [...places, heard.length]) {
    if (place > next) {
      const isAfterGap = next === 0 || heard[next]!.captureUs - heard[next - 1]!.captureUs > leastUs;
      const left = heard.slice(next, place);
      const where = `${what}: frames ${next} to ${place - 1} of ${heard.length} are left out`;
      assert.ok(isAfterGap, `${where}, and there is no gap before them`);
      assert.ok(!left.some(isStart), `${where}, with a keyframe among them`);
    }
    next = place + 1;
  }
}

function checkSamples(
  frames: readonly RecordedFrame[],
  places: readonly number[],
  heard: readonly HeardFrame[],
  what: string,
  leastUs: number,
  isVideo: boolean,
): void {
  const ends = new Map<string, number>();
  for (const [i, { runId, dtsTicks, durationTicks, clockRateHz, keyframe }] of frames.entries()) {
    const place = places[i]!;
    const frame = `${what}: frame ${i}`;
    const end = ends.get(runId) ?? 0;
    assert.ok(dtsTicks >= end, `${frame} is decoded ${end - dtsTicks} ticks before the end of the one before`);
    assert.ok(durationTicks > 0, `${frame} lasts no time`);
    const durationUs = (durationTicks * 1e6) / clockRateHz;
    assert.ok(durationUs <= leastUs, `${frame} lasts ${durationUs / 1000} ms`);
    ends.set(runId, dtsTicks + durationTicks);
    if (isVideo) assert.equal(keyframe, isStart(heard[place]!), `${frame} is a keyframe`);
  }
}

function checkUtc(
  frames: readonly RecordedFrame[],
  places: readonly number[],
  heard: readonly HeardFrame[],
  what: string,
  mostUs: number,
  { site: { clock } }: FaultOutcome,
): void {
  let worst = { offUs: 0, i: 0 };
  for (const [i, { utcUs }] of frames.entries()) {
    const offUs = utcUs - clock.utcOf(heard[places[i]!]!.captureUs).utcUs;
    if (Math.abs(offUs) > Math.abs(worst.offUs)) worst = { offUs, i };
  }
  assert.ok(Math.abs(worst.offUs) <= mostUs, `${what}: frame ${worst.i} of ${frames.length} is ${worst.offUs / 1000} ms off its capture`);
}

/** Between recorded frames. */
function holesIn(places: readonly number[], heard: readonly HeardFrame[], leastUs: number): Hole[] {
  const holes: Hole[] = [];
  let fromUs = Number.POSITIVE_INFINITY;
  for (const place of places) {
    const { captureUs } = heard[place]!;
    if (captureUs - fromUs > leastUs) holes.push({ fromUs, toUs: captureUs });
    fromUs = fromUs === Number.POSITIVE_INFINITY ? captureUs : Math.max(fromUs, captureUs);
  }
  return holes;
}

/** What the recorder told. */
function checkGaps(
  { gaps, store }: RecordedCopy,
  path: string,
  holes: readonly Hole[],
  what: string,
  leastUs: number,
  { cause = "source", shortGaps = 0, overwrites }: ExpectedRecording,
): void {
  const told = gaps.get(path) ?? [];
  const isShort = ({ fromUs, toUs }: Hole): boolean => toUs - fromUs <= leastUs;
  assertIn(shortGaps, told.filter(isShort).length, `${what}: gaps that nobody notices`);
  const long = told.filter((gap) => !isShort(gap));
  const ofHoles = overwrites === true && store === "ring" ? long.slice(Math.max(0, long.length - holes.length)) : long;
  assertGaps(ofHoles, holes, `${what}: gaps that the recorder told of`, leastUs);
  for (const gap of told) assert.equal(gap.cause, cause, `${what}: cause of a gap`);
}

function checkSpans(
  spans: readonly Span[],
  { store }: RecordedCopy,
  holes: readonly Hole[],
  places: readonly number[],
  heard: readonly HeardFrame[],
  what: string,
  { site: { clock } }: FaultOutcome,
  leastUs: number,
  { cause = "source" }: ExpectedRecording,
): void {
  const offsetUs = clock.utcOf(0).utcUs;
  const stretches = spans.map(({ startUtcUs, durationUs }) => ({
    startUs: startUtcUs - offsetUs,
    endUs: startUtcUs + durationUs - offsetUs,
  }));
  const between: Hole[] = [];
  for (const [i, { startUs }] of stretches.entries()) {
    if (i === 0) continue;
    const { endUs } = stretches[i - 1]!;
    assert.ok(startUs >= endUs - TOLERANCE_US, `${what}: span ${i} begins ${(endUs - startUs) / 1000} ms before the one before it ends`);
    if (startUs - endUs <= leastUs) continue;
    between.push({ fromUs: endUs, toUs: startUs });
    if (store === "ring") assert.equal(spans[i]!.gapBefore, cause, `${what}: cause of the gap before span ${i}`);
  }
  assertGaps(between, holes, `${what}: gaps between spans`, leastUs);
  const captures = places.map((place) => heard[place]!.captureUs);
  if (captures.length === 0) return;
  const startOffMs = (stretches[0]!.startUs - Math.min(...captures.slice(0, 20))) / 1000;
  const endOffMs = (stretches.at(-1)!.endUs - Math.max(...captures.slice(-20))) / 1000;
  assert.ok(Math.abs(startOffMs) <= leastUs / 1000, `${what}: spans begin ${startOffMs} ms after the first frame`);
  assert.ok(Math.abs(endOffMs) <= leastUs / 1000, `${what}: spans end ${endOffMs} ms after the last frame`);
}

function assertGaps(gaps: readonly Hole[], holes: readonly Hole[], what: string, mostUs: number): void {
  const text = JSON.stringify(gaps.map(inMs));
  assert.equal(gaps.length, holes.length, `${what}: ${text}, missing are ${JSON.stringify(holes.map(inMs))}`);
  for (const [i, { fromUs, toUs }] of gaps.entries()) {
    const hole = holes[i]!;
    const offUs = Math.max(Math.abs(fromUs - hole.fromUs), Math.abs(toUs - hole.toUs));
    assert.ok(offUs <= mostUs, `${what}: ${text}, missing are ${JSON.stringify(holes.map(inMs))}`);
  }
}

function inMs({ fromUs, toUs }: Hole): readonly number[] {
  return [Math.round(fromUs / 1000), Math.round(toUs / 1000)];
}
