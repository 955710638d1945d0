// Compares a recording with all there was to record: nothing is missing, changed, doubled or at another time, and gaps are told as they were.
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
import { type HeardFrame, heardFrame, heardSounds, type RecordedFrame, readFrames } from "./recorded-frames.ts";

/** Bounds of gaps and of spans may be off by this much, and by a step of the simulated time. */
const TOLERANCE_MS = 200;
const UTC_MS = 100;
/** Times without media that are shorter are no gaps for a recording: see FragmentCutter. */
const LEAST_GAP_MS = 500;
/** Frames of sound that may be left out at each end of a span: it begins with a picture, and the newest waits for the next to tell how long it lasts. */
const SOUND_EDGE_MS = 500;

/** One camera in one store. */
export interface RecordedOutcome {
  readonly copy: RecordedCopy;
  readonly path: string;
  /** Of the leading track. */
  readonly frames: readonly RecordedFrame[];
  readonly spans: readonly Span[];
  readonly outcome: FaultOutcome;
}

interface Stretch {
  readonly fromUs: number;
  readonly toUs: number;
}

interface Hole extends Stretch {
  /** What follows can be decoded without what was before. */
  readonly endsWithKeyframe: boolean;
}

export async function checkRecording(copy: RecordedCopy, path: string, expected: Expected, outcome: FaultOutcome): Promise<void> {
  const { units } = outcome.site.recording.heard.get(path)!;
  const spans = await copy.index.spans(path);
  const leading = recordedTrack(units);
  const frames = leading === undefined ? [] : await readFrames(copy.index, path, leading.kind);
  const { recording = {} } = expected;
  if (leading === undefined || recording.nothing === true) {
    assert.deepEqual([spans.length, frames.length], [0, 0], `${path} in ${copy.store}: there is nothing that can be recorded`);
    return;
  }
  const isStamped = expected.readers.corrupt === undefined;
  const recorded = { copy, path, frames, spans, outcome };
  const heard = units.filter(({ track }) => track.index === leading.index).map((unit) => heardFrame(unit, isStamped));
  const check = new RecordingCheck(recorded, expected, leading, heard);
  check.whole();
  check.samples();
  check.times();
  check.gaps();
  check.spans();
  const sounds = await readFrames(copy.index, path, "audio");
  if (leading.kind === "video") check.sound(sounds, units);
  await recording.also?.(recorded);
}

/** The leading track of those that can be recorded. */
function recordedTrack(units: readonly Unit[]): Track | undefined {
  const tracks = new Map(units.map(({ track }) => [track.index, track]));
  const recordable = [...tracks.values()].sort((a, b) => a.index - b.index).filter((track) => fmp4Fault(track) === undefined);
  return leadingTrack(recordable);
}

class RecordingCheck {
  readonly #recorded: RecordedOutcome;
  readonly #expected: ExpectedRecording;
  readonly #leading: Track;
  readonly #heard: readonly HeardFrame[];
  /** Where in `#heard` each recorded frame is. */
  readonly #places: readonly number[];
  readonly #holes: readonly Hole[];
  readonly #what: string;
  readonly #toleranceUs: number;
  readonly #leastGapUs: number;
  readonly #utcUs: number;

  constructor(recorded: RecordedOutcome, { recording = {}, stepMs = 0 }: Expected, leading: Track, heard: readonly HeardFrame[]) {
    this.#recorded = recorded;
    this.#expected = recording;
    this.#leading = leading;
    this.#heard = heard;
    this.#what = `${recorded.path} in ${recorded.copy.store}`;
    this.#toleranceUs = (TOLERANCE_MS + stepMs) * 1000;
    this.#leastGapUs = Math.max(LEAST_GAP_MS * 1000, this.#toleranceUs);
    this.#utcUs = (recording.utcMs ?? UTC_MS + stepMs) * 1000;
    this.#places = this.#findFrames();
    this.#holes = this.#findHoles();
  }

  /** Every frame is there, but where a recording waits for a keyframe: at the start, and after a gap. */
  whole(): void {
    const heard = this.#heard;
    let next = 0;
    for (const place of [...this.#places, heard.length]) {
      if (place > next) {
        const where = `${this.#what}: frames ${next} to ${place - 1} of ${heard.length} are left out`;
        const isAfterGap = next === 0 || heard[next]!.captureUs - heard[next - 1]!.captureUs > this.#leastGapUs;
        assert.ok(isAfterGap, `${where}, and there is no gap before them`);
        assert.ok(!heard.slice(next, place).some(isStart), `${where}, with a keyframe among them`);
      }
      next = place + 1;
    }
  }

  /** Decode times rise, no frame lasts over a gap, and keyframes are those that are whole. */
  samples(): void {
    const { frames, copy } = this.#recorded;
    const ends = new Map<string, number>();
    for (const [i, { runId, dtsTicks, durationTicks, clockRateHz, keyframe }] of frames.entries()) {
      const frame = `${this.#what}: frame ${i}`;
      const end = ends.get(runId) ?? 0;
      assert.ok(dtsTicks >= end, `${frame} is decoded ${end - dtsTicks} ticks before the end of the one before`);
      const durationUs = (durationTicks * 1e6) / clockRateHz;
      assert.ok(durationUs > 0 && durationUs <= this.#leastGapUs, `${frame} lasts ${durationUs / 1000} ms`);
      ends.set(runId, dtsTicks + durationTicks);
      if (this.#leading.kind === "video") assert.equal(keyframe, isStart(this.#heard[this.#places[i]!]!), `${frame} is a keyframe`);
    }
    // files have a run for each gap
    const runs = this.#expected.runs ?? (frames.length > 0 ? 1 : 0);
    if (copy.store === "ring") assertIn(runs, new Set(frames.map(({ runId }) => runId)).size, `${this.#what}: runs`);
  }

  /** UTC of each frame is that of its capture. */
  times(): void {
    const { frames, outcome } = this.#recorded;
    for (const [i, { utcUs }] of frames.entries()) {
      const offUs = utcUs - outcome.site.clock.utcOf(this.#captureUs(i)).utcUs;
      assert.ok(Math.abs(offUs) <= this.#utcUs, `${this.#what}: frame ${i} of ${frames.length} is ${offUs / 1000} ms off its capture`);
    }
  }

  /** What the recorder told: one gap for each hole. */
  gaps(): void {
    const { copy, path } = this.#recorded;
    const { cause = "source", shortGaps = 0 } = this.#expected;
    const told = copy.gaps.get(path) ?? [];
    const long = told.filter((gap) => this.#isGap(gap));
    assertIn(shortGaps, told.length - long.length, `${this.#what}: gaps that nobody notices`);
    this.#assertGaps(long, this.#holes, "gaps that the recorder told of");
    for (const gap of told) assert.equal(gap.cause, cause, `${this.#what}: cause of a gap`);
    const { openGap } = copy.last.get(path)!;
    if (openGap === undefined || told.some(({ fromUs }) => fromUs === openGap.fromUs)) return;
    assert.equal(openGap.cause, cause, `${this.#what}: cause of the gap at the end`);
    const offUs = openGap.fromUs - this.#lastCaptureUs;
    assert.ok(
      Math.abs(offUs) <= Math.max(this.#toleranceUs, this.#utcUs),
      `${this.#what}: the gap at the end begins ${offUs / 1000} ms after the last frame`,
    );
  }

  /** What the index lists: all of the time but the holes. */
  spans(): void {
    const { spans, copy, outcome } = this.#recorded;
    const { cause = "source" } = this.#expected;
    const bootUtcUs = outcome.site.clock.utcOf(0).utcUs;
    const stretches = spans.map(({ startUtcUs, durationUs }): Stretch => {
      return { fromUs: startUtcUs - bootUtcUs, toUs: startUtcUs + durationUs - bootUtcUs };
    });
    // where a camera's clock is made good, files that do not tell of it overlap, or lie apart
    const slackUs = copy.store === "ring" ? this.#toleranceUs : Math.max(this.#toleranceUs, this.#utcUs);
    const between: Stretch[] = [];
    for (const [i, { toUs }] of stretches.slice(0, -1).entries()) {
      const { fromUs } = stretches[i + 1]!;
      assert.ok(
        fromUs >= toUs - slackUs,
        `${this.#what}: span ${i + 1} begins ${(toUs - fromUs) / 1000} ms before the end of the one before`,
      );
      if (fromUs - toUs <= Math.max(this.#leastGapUs, slackUs)) continue;
      between.push({ fromUs: toUs, toUs: fromUs });
      assert.equal(spans[i + 1]!.gapBefore, cause, `${this.#what}: cause of the gap before span ${i + 1}`);
    }
    // a file begins with a keyframe
    const apart = copy.store === "ring" ? this.#holes : this.#holes.filter(({ endsWithKeyframe }) => endsWithKeyframe);
    this.#assertGaps(between, apart, "gaps between spans");
    if (stretches.length === 0) return;
    const startOffMs = (stretches[0]!.fromUs - this.#firstCaptureUs) / 1000;
    const endOffMs = (stretches.at(-1)!.toUs - this.#lastCaptureUs) / 1000;
    const mostMs = Math.max(this.#toleranceUs, this.#utcUs) / 1000;
    assert.ok(Math.abs(startOffMs) <= mostMs, `${this.#what}: spans begin ${startOffMs} ms after the first frame`);
    assert.ok(Math.abs(endOffMs) <= mostMs, `${this.#what}: spans end ${endOffMs} ms after the last frame`);
  }

  /** Sound beside the picture: all there was while there were pictures, each frame once and at its time. */
  sound(sounds: readonly RecordedFrame[], units: readonly Unit[]): void {
    const { clock } = this.#recorded.outcome.site;
    const heard = units.filter(({ track }) => track.kind === "audio" && fmp4Fault(track) === undefined).flatMap(heardSounds);
    const places = new Set<number>();
    const ends = new Map<string, number>();
    let next = 0;
    for (const [i, { runId, dtsTicks, durationTicks, clockRateHz, utcUs, digest }] of sounds.entries()) {
      const frame = `${this.#what}: frame ${i} of the sound`;
      assert.ok(dtsTicks >= (ends.get(runId) ?? 0), `${frame} begins before the end of the one before`);
      assert.ok(durationTicks > 0 && durationTicks <= clockRateHz, `${frame} lasts ${durationTicks} ticks`);
      ends.set(runId, dtsTicks + durationTicks);
      const offUs = (place: number): number => utcUs - clock.utcOf(heard[place]!.captureUs).utcUs;
      while (next < heard.length && (heard[next]!.digest !== digest || offUs(next) > this.#utcUs)) next++;
      assert.ok(next < heard.length, `${frame} is no frame that was received about then`);
      assert.ok(Math.abs(offUs(next)) <= this.#utcUs, `${frame} is ${offUs(next) / 1000} ms off its capture`);
      places.add(next++);
    }
    const edgeUs = SOUND_EDGE_MS * 1000;
    const fromUs = Math.max(this.#firstCaptureUs, this.#recorded.outcome.startUs + (this.#expected.soundFromMs ?? 0) * 1000) + edgeUs;
    for (const [place, { captureUs }] of heard.entries()) {
      const isAmongPictures = captureUs > fromUs && captureUs < this.#lastCaptureUs - edgeUs;
      const isInHole = this.#holes.some((hole) => captureUs > hole.fromUs - edgeUs && captureUs < hole.toUs + edgeUs);
      if (isAmongPictures && !isInHole) assert.ok(places.has(place), `${this.#what}: frame ${place} of the sound is not recorded`);
    }
  }

  get #firstCaptureUs(): number {
    return Math.min(...this.#places.slice(0, 20).map((place) => this.#heard[place]!.captureUs));
  }

  get #lastCaptureUs(): number {
    return Math.max(...this.#places.slice(-20).map((place) => this.#heard[place]!.captureUs));
  }

  #captureUs(i: number): number {
    return this.#heard[this.#places[i]!]!.captureUs;
  }

  /** Throws where the recording holds what was never sent, or a frame twice. */
  #findFrames(): number[] {
    const { frames } = this.#recorded;
    const heard = this.#heard;
    const places: number[] = [];
    let next = 0;
    for (const [i, { digest }] of frames.entries()) {
      let place = next;
      while (place < heard.length && heard[place]!.digest !== digest) place++;
      if (place === heard.length) {
        const before = heard.slice(0, next).findLastIndex((frame) => frame.digest === digest);
        assert.fail(
          `${this.#what}: frame ${i} of ${frames.length} is ${before < 0 ? "no frame that was received" : `frame ${before} again`}`,
        );
      }
      places.push(place);
      next = place + 1;
    }
    assert.ok(frames.length > 0 || !heard.some(isStart), `${this.#what}: nothing is recorded of ${heard.length} frames`);
    return places;
  }

  #findHoles(): Hole[] {
    const holes: Hole[] = [];
    let fromUs = Number.POSITIVE_INFINITY;
    for (const place of this.#places) {
      const frame = this.#heard[place]!;
      const hole = { fromUs, toUs: frame.captureUs, endsWithKeyframe: isStart(frame) };
      if (this.#isGap(hole)) holes.push(hole);
      fromUs = fromUs === Number.POSITIVE_INFINITY ? frame.captureUs : Math.max(fromUs, frame.captureUs);
    }
    return holes;
  }

  #isGap({ fromUs, toUs }: Stretch): boolean {
    return toUs - fromUs > this.#leastGapUs;
  }

  #assertGaps(gaps: readonly Stretch[], holes: readonly Hole[], which: string): void {
    const text = `${this.#what}: ${which}: ${JSON.stringify(gaps.map(inMs))}, missing is ${JSON.stringify(holes.map(inMs))}`;
    assert.equal(gaps.length, holes.length, text);
    for (const [i, { fromUs, toUs }] of gaps.entries()) {
      const hole = holes[i]!;
      assert.ok(Math.max(Math.abs(fromUs - hole.fromUs), Math.abs(toUs - hole.toUs)) <= this.#toleranceUs, text);
    }
  }
}

function isStart({ keyframe, damaged }: HeardFrame): boolean {
  return keyframe && !damaged;
}

function inMs({ fromUs, toUs }: Stretch): readonly number[] {
  return [Math.round(fromUs / 1000), Math.round(toUs / 1000)];
}
