// A recorder with a scripted store, a clock that a test moves, and a stream that a test makes frame by frame.
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { FrameMemory } from "#record/frame-memory.ts";
import { HoldBudget } from "#record/hold-budget.ts";
import { Recorder, type RecorderOptions } from "#record/recorder.ts";
import type { Gap, RecorderState } from "#record/recorder-state.ts";
import type { Fragment, FragmentLimits } from "#record/store.ts";
import type { EndReason } from "#relay/reader.ts";
import type { Track } from "#relay/track.ts";
import type { Unit } from "#relay/unit.ts";
import { collectedLog } from "./collected-log.ts";
import { FakeClock } from "./fake-clock.ts";
import { ManualTimers } from "./manual-timers.ts";
import { ScriptedStore } from "./scripted-store.ts";
import { frameNumberOf, SYNTHETIC_FRAME_TICKS, SyntheticVideo, type SyntheticVideoOptions } from "./synthetic-track.ts";

export interface RecorderSiteOptions {
  readonly clock?: FakeClock;
  readonly limits?: Partial<FragmentLimits>;
  readonly video?: SyntheticVideoOptions;
  readonly recorder?: Partial<RecorderOptions>;
}

export class RecorderSite {
  readonly clock: FakeClock;
  readonly timers: ManualTimers;
  readonly log = collectedLog();
  readonly store: ScriptedStore;
  readonly memory = new FrameMemory();
  readonly gaps: Gap[] = [];
  /** `phase: reason` of each change. */
  readonly states: string[] = [];
  readonly recorder: Recorder;
  readonly #video: SyntheticVideo;
  #isFollowed = false;
  /** Stream time of the next video frame, 90 kHz. */
  videoTicks = 0;

  constructor(options: RecorderSiteOptions = {}) {
    this.clock = options.clock ?? new FakeClock();
    this.timers = new ManualTimers(this.clock);
    this.store = new ScriptedStore(options.limits);
    this.#video = new SyntheticVideo({ frameBytes: 100, inBandSets: false, ...options.video });
    this.recorder = new Recorder({
      name: "cam",
      clock: this.clock,
      log: this.log,
      store: this.store,
      memory: this.memory,
      budget: new HoldBudget(),
      keeps: (track) => track.codec !== "generic",
      follow: () => {
        this.#isFollowed = true;
        return () => {
          this.#isFollowed = false;
        };
      },
      onGap: (gap) => this.gaps.push(gap),
      onChange: (state: RecorderState) => this.states.push(`${state.state}: ${state.reason ?? ""}`),
      schedule: this.timers.schedule,
      random: () => 0.5,
      ...options.recorder,
    });
    this.recorder.start();
  }

  get isFollowed(): boolean {
    return this.#isFollowed;
  }

  get fragments(): readonly Fragment[] {
    return this.store.fragments;
  }

  attach(...tracks: Track[]): void {
    for (const track of tracks) this.recorder.wants(track);
    this.recorder.onBacklogEnd();
  }

  end(reason: EndReason = "source-ended"): void {
    this.recorder.onEnd(reason);
  }

  /** The next video frames, 40 ms apart, the clock with them. */
  async frames(track: Track, count: number, changes: Partial<Unit> = {}): Promise<void> {
    for (let i = 0; i < count; i++) await this.frame(track, changes);
  }

  async frame(track: Track, changes: Partial<Unit> = {}): Promise<void> {
    const { keyframe, frame } = this.#video.next();
    const unit = { track, ptsTicks: this.videoTicks, captureUs: this.clock.us, keyframe, damaged: false, frame, ...changes };
    this.videoTicks += SYNTHETIC_FRAME_TICKS;
    this.clock.us += 40_000;
    this.recorder.onUnit(unit);
    await setImmediate();
  }

  /** The source says nothing for a while; its time goes on. */
  async silence(ms: number): Promise<void> {
    this.timers.passMs(ms);
    this.videoTicks += ms * 90;
    await setImmediate();
  }

  /** Synthetic frame numbers by fragment. */
  get numbers(): (number | undefined)[][] {
    return this.fragments.map(({ samples }) =>
      samples.flatMap((track) => (track.trackIndex === 0 ? track.samples.map(({ frame }) => frame.map(frameNumberOf).find(isKnown)) : [])),
    );
  }
}

function isKnown(number: number | undefined): boolean {
  return number !== undefined;
}

/** Checks what every store may rely on. */
export function assertSound(site: RecorderSite): void {
  for (const run of site.store.runs) {
    const ends = new Map<number, number>();
    for (const [i, fragment] of run.fragments.entries()) {
      assert.ok(fragment.durationUs >= 0);
      assert.equal(
        fragment.sizeBytes,
        fragment.samples.flatMap(({ samples }) => samples.flatMap(({ frame }) => frame)).reduce((sum, { length }) => sum + length, 0),
      );
      if (i === 0) assert.ok(fragment.keyframe, "a run begins with a keyframe");
      for (const { trackIndex, samples } of fragment.samples) {
        assert.ok(samples.length > 0);
        for (const [j, sample] of samples.entries()) {
          const end = ends.get(trackIndex) ?? 0;
          assert.ok(sample.dtsTicks >= end, `falls: ${sample.dtsTicks} before ${end}`);
          if (j > 0) assert.equal(sample.dtsTicks, end, "a hole in a fragment");
          assert.ok(sample.durationTicks > 0 && sample.ptsOffsetTicks >= 0);
          ends.set(trackIndex, sample.dtsTicks + sample.durationTicks);
        }
      }
    }
  }
}
