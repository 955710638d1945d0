// Records one path: takes frames from the relay, as a reader that is nobody's client, and gives a store fragments.
import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import type { Log } from "#base/log.ts";
import type { EndReason, Reader } from "#relay/reader.ts";
import type { Track } from "#relay/track.ts";
import type { Face, Unit } from "#relay/unit.ts";
import { CameraClock } from "./camera-clock.ts";
import { FragmentCutter, leadingTrack } from "./fragment-cutter.ts";
import type { FrameMemory } from "./frame-memory.ts";
import { FrameTimeline, type TimedFrame } from "./frame-timeline.ts";
import { GapLog } from "./gap-log.ts";
import type { HoldBudget } from "./hold-budget.ts";
import type { Gap, RecorderPhase, RecorderState } from "./recorder-state.ts";
import type { Fragment, GapCause, RecordingStore, StoreFault, StoreFaultCode } from "./store.ts";
import { StoreFeed } from "./store-feed.ts";
import { areSame, isComplete } from "./track-parameters.ts";
import type { HeldStretch } from "./waiting-steps.ts";

/** A step of the leading track beyond this is no long frame: footage is missing. */
const MAX_STEP_US = 5_000_000;
/** With the leading track silent for this long, what is there goes to the store. */
const SILENCE_US = 2_000_000;
const WATCH_MS = 1000;
const RETRY_FIRST_MS = 1000;
/** What is held in memory is half a minute of footage. */
const RETRY_CAP_MS = 10_000;

export interface RecorderOptions {
  /** Of the path. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: RecordingStore;
  /** Of all recorders. */
  readonly memory: FrameMemory;
  readonly budget: HoldBudget;
  /** Footage has the time of the camera's clock, where the camera tells it and is not far off. */
  readonly followsCamera?: boolean;
  /** The store can hold such a track. Asked once its parameters are complete. */
  keeps(track: Track): boolean;
  /** Attaches a reader to the path's streams, until the returned function is called. */
  follow(reader: Reader): () => void;
  onGap?(gap: Gap): void;
  /** The phase or its reason is another one. */
  onChange?(state: RecorderState): void;
  /** Calls back once after a delay, unless the returned function is called before. */
  schedule?(run: () => void, delayMs: number): () => void;
  /** Between 0 and 1. */
  random?(): number;
}

export class Recorder implements Reader {
  readonly name: string;
  readonly liveOnly = true;
  readonly #options: RecorderOptions;
  readonly #log: Log;
  readonly #feed: StoreFeed;
  readonly #gaps: GapLog;
  readonly #backoff: Backoff;
  readonly #cameraClock: CameraClock | undefined;
  readonly #schedule: (run: () => void, delayMs: number) => () => void;
  #unfollow: (() => void) | undefined;
  #phase: RecorderPhase = "off";
  #reason: string | undefined;
  #fault: StoreFaultCode | undefined;
  /** As the stream describes them now. */
  #tracks: readonly Track[] = [];
  #leading: Track | undefined;
  #isAttached = false;
  #timelines = new Map<number, FrameTimeline>();
  #run: FragmentCutter | undefined;
  /** The run's tracks are not the stream's any more: the next keyframe begins another one. */
  #isOutdated = false;
  #failed = false;
  #heardUs = 0;
  #cancelWatch: (() => void) | undefined;
  #cancelRetry: (() => void) | undefined;
  #droppedUnits = 0;
  #lastWriteUs: number | undefined;
  #bytes = 0;
  #fragments = 0;
  #skipLine = "";
  #faultLine = "";

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.name = `recorder of ${options.name}`;
    this.#log = options.log.child(`recorder ${options.name}`);
    this.#cameraClock = options.followsCamera ? new CameraClock(options.clock) : undefined;
    this.#gaps = new GapLog((gap) => this.#onGap(gap));
    this.#schedule = options.schedule ?? afterDelay;
    const random = options.random ?? Math.random;
    this.#backoff = new Backoff({ baseMs: RETRY_FIRST_MS, capMs: RETRY_CAP_MS, random });
    this.#feed = new StoreFeed({
      store: options.store,
      gaps: this.#gaps,
      budget: options.budget,
      onRefused: (fragment) => this.#leaveOut(fragment),
      onStored: (_, storedBytes) => this.#onStored(storedBytes),
      onFault: (fault, isLost, closed) => void this.#onFault(fault, isLost, closed),
    });
  }

  get state(): RecorderState {
    return {
      state: this.#phase,
      reason: this.#reason ?? (this.#phase === "recording" ? this.#options.store.shortfall : undefined),
      fault: this.#phase === "error" ? this.#fault : undefined,
      lastWriteUs: this.#lastWriteUs,
      droppedUnits: this.#droppedUnits + (this.#run?.dropped ?? 0),
      bytes: this.#bytes,
      fragments: this.#fragments,
      heldUs: this.#feed.heldUs,
      heldBytes: this.#feed.heldBytes,
      queuedBytes: this.#options.store.queuedBytes,
      gaps: this.#gaps.gaps,
      openGap: this.#gaps.open,
    };
  }

  /** Footage that waits for a medium that is out of use, oldest first. */
  get held(): readonly HeldStretch[] {
    return this.#feed.held;
  }

  /** Records from the next keyframe on. */
  start(): void {
    if (this.#unfollow !== undefined) return;
    this.#failed = false;
    this.#faultLine = "";
    this.#feed.revive();
    this.#wait();
    this.#unfollow = () => {};
    this.#unfollow = this.#options.follow(this);
  }

  /** Resolves when all that was recorded is safe. It can be started again. */
  stop(): Promise<void> {
    if (this.#unfollow === undefined) return this.#feed.close();
    this.#unfollow();
    this.#unfollow = undefined;
    this.#cancelRetry?.();
    this.#leave("off");
    this.#enter("off", undefined);
    this.#feed.discard();
    return this.#feed.close();
  }

  wants(track: Track): Face | undefined {
    this.#tracks = [...this.#tracks, track];
    return this.#mayKeep(track) ? "frame" : undefined;
  }

  onBacklogEnd(): void {
    const kept = this.#tracks.filter((track) => this.#mayKeep(track));
    this.#sayWhatIsSkipped(this.#tracks.filter((track) => !kept.includes(track)));
    this.#tracks = kept;
    this.#leading = leadingTrack(kept);
    this.#timelines = new Map(kept.map((track) => [track.index, new FrameTimeline(track)]));
    this.#isAttached = true;
    this.#wait();
  }

  onUnit(unit: Unit): void {
    const timeline = this.#timelines.get(unit.track.index);
    if (timeline === undefined || unit.frame === undefined) return;
    if (unit.track !== this.#tracks.find(({ index }) => index === unit.track.index)) this.#takeTrack(unit.track);
    if (!this.#timelines.has(unit.track.index)) return;
    const isLeading = unit.track.index === this.#leading?.index;
    if (isLeading) this.#beforeLeading(unit, timeline);
    if (isLeading) this.#cameraClock?.note(unit);
    for (const frame of timeline.next(unit, this.#cameraClock?.shiftUs)) {
      if (isLeading) this.#lead(unit, frame);
      else if (this.#isInRun(unit.track)) this.#run?.push(unit.track.index, frame);
    }
  }

  onRestart(): void {
    this.#endRun("source");
    for (const timeline of this.#timelines.values()) timeline.restart();
    this.#wait();
  }

  onEnd(reason: EndReason): void {
    this.#leave(reason === "tracks-changed" ? "tracks" : "source");
    void this.#feed.close();
    this.#wait();
  }

  #leave(cause: GapCause): void {
    this.#endRun(cause);
    this.#tracks = [];
    this.#leading = undefined;
    this.#isAttached = false;
    this.#timelines.clear();
  }

  /** A unit came with another description of its track: the same in new words, or new parameter sets. */
  #takeTrack(track: Track): void {
    this.#tracks = this.#tracks.map((known) => (known.index === track.index ? track : known));
    if (!this.#mayKeep(track)) {
      this.#tracks = this.#tracks.filter((known) => known !== track);
      this.#timelines.delete(track.index);
      this.#sayWhatIsSkipped([track]);
    }
    this.#leading = leadingTrack(this.#tracks);
    this.#isOutdated = !this.#matchesRun();
  }

  /** False: the store can never hold it. What it is may come with its first frame: the size of a JPEG picture does. */
  #mayKeep(track: Track): boolean {
    return !isComplete(track.parameters) || this.#options.keeps(track);
  }

  #matchesRun(): boolean {
    const tracks = this.#recordable();
    const now = this.#run?.tracks ?? [];
    return tracks.length === now.length && tracks.every((track, i) => areSame(track.parameters, now[i]!.parameters));
  }

  /** Those of which a container can be begun now. */
  #recordable(): readonly Track[] {
    return this.#tracks.filter((track) => isComplete(track.parameters));
  }

  /** Frames of a track that changed wait for the run that knows it. */
  #isInRun(track: Track): boolean {
    const known = this.#run?.tracks.find(({ index }) => index === track.index);
    return known !== undefined && areSame(known.parameters, track.parameters);
  }

  #beforeLeading(unit: Unit, timeline: FrameTimeline): void {
    this.#heardUs = this.#options.clock.nowUs();
    const isStep = timeline.stepUs(unit) > MAX_STEP_US;
    if (isStep) this.#endRun("source");
    const mayBegin = unit.keyframe || unit.track.kind !== "video";
    const hasDrifted = mayBegin && [...this.#timelines.values()].some(({ drifted }) => drifted);
    if (hasDrifted) this.#endRun(undefined);
    if (isStep || hasDrifted) for (const one of this.#timelines.values()) one.restart();
  }

  #lead(unit: Unit, frame: TimedFrame): void {
    if (this.#run === undefined || (this.#isOutdated && frame.keyframe)) {
      if (!this.#beginRun(frame)) return;
    }
    const run = this.#run!;
    const isAfterHole = run.isHoleBefore(frame);
    this.#offer(isAfterHole ? run.flush() : run.cutBefore(frame));
    if (isAfterHole) this.#feed.gap("source");
    run.push(unit.track.index, frame);
    if (!run.waitsForKeyframe && !this.#failed) this.#enter("recording", undefined);
  }

  #beginRun(frame: TimedFrame): boolean {
    if (!frame.keyframe) return false;
    const tracks = this.#recordable();
    if (leadingTrack(tracks)?.index !== this.#leading?.index) {
      if (!this.#failed) this.#enter("waiting", `the parameters of the ${this.#leading?.codec} track are not known yet`);
      return false;
    }
    this.#closeRun((run) => run.end(frame.dtsTicks));
    this.#run = new FragmentCutter(tracks, frame, this.#options.store.limits, this.#options.memory.keeper());
    this.#isOutdated = false;
    this.#watch();
    this.#feed.open({ tracks, captureUs: frame.captureUs });
    return this.#run !== undefined;
  }

  /** `cause`: what makes footage be missing from here on. */
  #endRun(cause: GapCause | undefined): void {
    this.#closeRun((run) => run.end());
    if (cause !== undefined) this.#feed.gap(cause);
  }

  #closeRun(end: (run: FragmentCutter) => Fragment | undefined): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#offer(end(run));
    this.#forgetRun();
  }

  #forgetRun(): void {
    this.#cancelWatch?.();
    this.#droppedUnits += this.#run?.dropped ?? 0;
    this.#run?.close();
    this.#run = undefined;
  }

  #offer(fragment: Fragment | undefined): void {
    if (fragment === undefined || this.#feed.append(fragment)) return;
    this.#leaveOut(fragment);
    this.#run?.drop();
    if (!this.#failed) this.#enter("stalled", "the store is too slow");
  }

  #leaveOut(fragment: Fragment): void {
    for (const { samples } of fragment.samples) this.#droppedUnits += samples.length;
    fragment.release?.();
  }

  #onStored(storedBytes: number): void {
    this.#backoff.reset();
    this.#lastWriteUs = this.#options.clock.nowUs();
    this.#bytes += storedBytes;
    this.#fragments++;
    if (this.#failed) this.#recover();
  }

  /** What comes is held in memory until the store can be opened again. */
  async #onFault(fault: StoreFault, isLost: boolean, closed: Promise<void>): Promise<void> {
    this.#failed = true;
    this.#fault = fault.code;
    const line = `the store failed: ${fault.message} (${fault.code})`;
    if (line !== this.#faultLine) this.#log.error(line);
    this.#faultLine = line;
    if (isLost) this.#run?.drop();
    if (this.#unfollow === undefined) this.#feed.discard();
    else this.#enter("error", `${fault.code}: ${fault.message}`);
    await closed;
    if (this.#unfollow === undefined || !this.#failed) return;
    this.#cancelRetry?.();
    this.#cancelRetry = this.#schedule(() => this.#retry(), this.#backoff.nextMs());
  }

  #retry(): void {
    this.#feed.revive();
    if (this.#run === undefined && this.#feed.held.length === 0) this.#recover(); // nothing is there to try it with
  }

  #recover(): void {
    this.#failed = false;
    this.#faultLine = "";
    if (this.#unfollow === undefined) return;
    if (this.#run === undefined) this.#wait();
    else if (!this.#run.waitsForKeyframe) this.#enter("recording", undefined);
  }

  /** While a run is open: what is there goes to the store when the source falls silent. */
  #watch(): void {
    this.#cancelWatch?.();
    this.#cancelWatch = this.#schedule(() => {
      const run = this.#run;
      if (run === undefined) return;
      if (this.#options.clock.nowUs() - this.#heardUs >= SILENCE_US) {
        this.#offer(run.flush());
        if (this.#run === run && !run.waitsForKeyframe && !this.#failed) this.#enter("stalled", "the source is silent");
      }
      if (this.#run === run) this.#watch();
    }, WATCH_MS);
  }

  #onGap(gap: Gap): void {
    const seconds = ((gap.toUs - gap.fromUs) / 1e6).toFixed(1);
    this.#log.warn(`footage of ${seconds} s is missing (${gap.cause})`);
    this.#options.onGap?.(gap);
  }

  #sayWhatIsSkipped(skipped: readonly Track[]): void {
    const line = skipped.map((track) => `track ${track.index} (${track.codec})`).join(", ");
    if (line !== "" && line !== this.#skipLine) this.#log.warn(`not recorded: ${line}`);
    this.#skipLine = line;
  }

  #wait(): void {
    if (this.#failed) return;
    const withStream = this.#leading === undefined ? "no track that can be recorded" : "no keyframe yet";
    this.#enter("waiting", this.#isAttached ? withStream : "no stream");
  }

  #enter(phase: RecorderPhase, reason: string | undefined): void {
    if (phase === this.#phase && reason === this.#reason) return;
    this.#phase = phase;
    this.#reason = reason;
    this.#options.onChange?.(this.state);
  }
}

function afterDelay(run: () => void, delayMs: number): () => void {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
}
