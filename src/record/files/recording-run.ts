// One run of a recording as it goes into files: where the next file begins, and where it stands among the others of its stream.
import { randomBytes } from "node:crypto";
import type { BootClock, UtcTime } from "#base/clock.ts";
import type { ClockStamp } from "#containers/clock-stamp.ts";
import type { Mtxi } from "#containers/fmp4/mtxi.ts";
import type { TrackSamples } from "#containers/sample.ts";
import type { Fragment, GapCause, RunStart } from "../store.ts";
import type { SegmentFormat } from "./segment-format.ts";

/** An audio track that lags may make a file begin this much before its first picture; what lies further back is left out. */
const MAX_LEAD_S = 1;
/** Without footage for longer, the next file begins another stream. */
const MAX_STEP_S = 1;
/** The clock was set when UTC has left the run's time by more. */
const MAX_CLOCK_SHIFT_US = 5e6;

/** A fragment with its place in time. Seconds count from the start of the run. */
export interface PlacedFragment {
  readonly fragment: Fragment;
  /** What the files hold of it. */
  readonly samples: readonly TrackSamples[];
  /** The leading track. */
  readonly leadS: number;
  /** The first sample of any track that belongs to it. */
  readonly startS: number;
  readonly endS: number;
}

/** A file's place, as it is begun. */
export interface SegmentStart {
  readonly mtxi: Mtxi;
  readonly stamp: ClockStamp;
  readonly startS: number;
  readonly utc: UtcTime;
  /** Why footage is missing before it. */
  readonly gapBefore: GapCause | undefined;
}

/** How a fragment goes on with a file. `broken`: footage is missing, or the clock was set, and another stream begins. `misnamed`: it is known better by now when the file began. */
export type Sequel = "same" | "misnamed" | "broken";

export class RecordingRun {
  readonly format: SegmentFormat;
  readonly #start: RunStart;
  readonly #leadIndex: number;
  readonly #clock: BootClock;
  #streamId = randomBytes(16);
  #nextNumber = 0;
  #hasBegun = false;

  constructor(start: RunStart, format: SegmentFormat, clock: BootClock) {
    this.#start = start;
    this.format = format;
    this.#clock = clock;
    const isHeld = (index: number) => format.holds[index] === true;
    const firstVideo = start.tracks.findIndex(({ kind }, index) => kind === "video" && isHeld(index));
    this.#leadIndex = firstVideo >= 0 ? firstVideo : format.holds.indexOf(true);
  }

  /** Undefined: the files hold nothing of it. */
  place(fragment: Fragment): PlacedFragment | undefined {
    const held = fragment.samples.filter(({ trackIndex, samples }) => this.format.holds[trackIndex] === true && samples.length > 0);
    const lead = held.find(({ trackIndex }) => trackIndex === this.#leadIndex) ?? held[0];
    if (lead === undefined) return undefined;
    const leadS = lead.samples[0]!.dtsTicks / this.#rateOf(lead.trackIndex);
    let startS = leadS;
    let endS = leadS;
    for (const { trackIndex, samples } of held) {
      const rate = this.#rateOf(trackIndex);
      const first = samples.find(({ dtsTicks }) => dtsTicks / rate >= leadS - MAX_LEAD_S);
      const last = samples[samples.length - 1]!;
      if (first !== undefined) startS = Math.min(startS, first.dtsTicks / rate);
      endS = Math.max(endS, (last.dtsTicks + last.durationTicks) / rate);
    }
    return { fragment, samples: held, leadS, startS, endS };
  }

  /** The file that the fragment begins. `isNewStream`: it does not go on with the one before. */
  begin(placed: PlacedFragment, isNewStream: boolean, senderClock: boolean): SegmentStart {
    const isFirst = !this.#hasBegun;
    this.#hasBegun = true;
    if (isNewStream && this.#nextNumber > 0) {
      this.#streamId = randomBytes(16);
      this.#nextNumber = 0;
    }
    // rounded down: no sample lies before it
    const startDtsUs = Math.floor(placed.startS * 1e6);
    const { fragment, leadS } = placed;
    const toStartUs = leadS * 1e6 - startDtsUs;
    const monoUs = Math.max(0, Math.round(fragment.captureUs - toStartUs));
    const isCameraTime = senderClock && fragment.senderUtcUs !== undefined;
    const utc = this.#clock.utcOf(monoUs);
    const utcUs = isCameraTime ? Math.round(fragment.senderUtcUs! - toStartUs) : utc.utcUs;
    return {
      mtxi: { streamId: this.#streamId, segmentNumber: this.#nextNumber++, startDtsUs, startNtpUs: utcUs },
      stamp: { bootId: this.#clock.bootId, monoUs, isCameraTime },
      startS: startDtsUs / 1e6,
      utc: { ...utc, utcUs },
      gapBefore: fragment.gapBefore ?? (isFirst ? this.#start.gapBefore : undefined),
    };
  }

  /** `writtenS`: where the file ends so far. */
  sequel(segment: SegmentStart, writtenS: number, placed: PlacedFragment, senderClock: boolean): Sequel {
    const { fragment, startS, leadS } = placed;
    if (!fragment.keyframe) return "same";
    if (fragment.gapBefore !== undefined || leadS - writtenS > MAX_STEP_S) return "broken";
    const { stamp, utc } = segment;
    const beganUs = stamp.isCameraTime ? utc.utcUs : this.#clock.utcOf(stamp.monoUs).utcUs;
    const expectedUs = beganUs + (Math.floor(startS * 1e6) - segment.mtxi.startDtsUs);
    if (Math.abs(this.#utcUsAt(placed, senderClock) - expectedUs) > MAX_CLOCK_SHIFT_US) return "broken";
    return Math.abs(beganUs - utc.utcUs) > MAX_CLOCK_SHIFT_US ? "misnamed" : "same";
  }

  /** How far the monotonic clock has left the file's time, µs. */
  driftUs({ stamp, startS }: SegmentStart, { fragment, leadS }: PlacedFragment): number {
    return fragment.captureUs - (leadS - startS) * 1e6 - stamp.monoUs;
  }

  /** Samples that would lie before the file's start are left out. */
  samplesFrom(segment: SegmentStart, placed: PlacedFragment): readonly TrackSamples[] {
    const { startDtsUs } = segment.mtxi;
    return placed.samples.map((track) => {
      const originTicks = (startDtsUs * this.#rateOf(track.trackIndex)) / 1e6;
      if (track.samples[0]!.dtsTicks >= Math.floor(originTicks)) return track;
      return { ...track, samples: track.samples.filter(({ dtsTicks }) => dtsTicks >= originTicks) };
    });
  }

  #rateOf(trackIndex: number): number {
    return this.#start.tracks[trackIndex]!.clockRateHz;
  }

  /** Of where it starts. `senderClock`: by the camera's own, where it has an accepted one. */
  #utcUsAt({ fragment, leadS, startS }: PlacedFragment, senderClock: boolean): number {
    const isCameraTime = senderClock && fragment.senderUtcUs !== undefined;
    const leadUtcUs = isCameraTime ? fragment.senderUtcUs! : this.#clock.utcOf(fragment.captureUs).utcUs;
    return leadUtcUs - (leadS * 1e6 - Math.floor(startS * 1e6));
  }
}
