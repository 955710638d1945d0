// Recorded footage as a live source: played at normal speed from an instant on, for readers that know nothing of recordings.
import type { Clock } from "#base/clock.ts";
import { deferred } from "#base/deferred.ts";
import { PeerFault } from "#base/errors.ts";
import { reorderFramesOf } from "#codecs/reorder.ts";
import type { Sample } from "#containers/sample.ts";
import type { Source, SourceSink } from "#relay/source.ts";
import type { Track } from "#relay/track.ts";
import type { Unit } from "#relay/unit.ts";
import type { RecordingIndex } from "../recording-index.ts";
import { type ClipEnd, type ClipPart, ClipReader } from "./clip-reader.ts";
import type { Placement } from "./clip-timeline.ts";
import type { ClipTracks } from "./clip-tracks.ts";
import { notBeforeStart } from "./early-frames.ts";

export interface PlaybackSourceOptions {
  readonly index: RecordingIndex;
  readonly path: string;
  readonly fromUtcUs: number;
  /** Undefined: to the end of what is recorded when it comes there. */
  readonly toUtcUs?: number;
  readonly clock: Clock;
  /** Runs once after a delay; returns what cancels it. */
  schedule(run: () => void, delayMs: number): () => void;
}

/** Less is not worth a timer: frames before the start follow each other in microseconds. */
const MIN_WAIT_US = 5000;

/** Plays once, in one `run`. Where footage is missing it goes on with what comes next, after another `ready`. */
export class PlaybackSource implements Source {
  readonly #options: PlaybackSourceOptions;
  #positionUtcUs: number;
  #isPaused = false;
  /** Monotonic time since when it is held; undefined: it is not. */
  #heldSinceUs: number | undefined;
  /** By how much the holds have delayed what is played now. */
  #lateUs = 0;
  /** Ends what is played now: the position has changed, or it stands still. */
  #leg = new AbortController();
  /** Goes on with what waits. */
  #wake: (() => void) | undefined;

  constructor(options: PlaybackSourceOptions) {
    this.#options = options;
    this.#positionUtcUs = options.fromUtcUs;
  }

  /** UTC of what was played last, or where it will begin. */
  get positionUtcUs(): number {
    return this.#positionUtcUs;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Nothing of the recording is held while it stands still. */
  pause(): void {
    this.#isPaused = true;
    this.#leg.abort();
  }

  /** Goes on where it stopped, from the keyframe before. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#wake?.();
  }

  /** Stops before the next frame, with all that it reads kept open: for a reader that is slow, or that will go on where it stopped. */
  hold(): void {
    this.#heldSinceUs ??= this.#options.clock.nowUs();
  }

  /** Goes on with the very next frame. */
  release(): void {
    if (this.#heldSinceUs === undefined) return;
    this.#lateUs += this.#options.clock.nowUs() - this.#heldSinceUs;
    this.#heldSinceUs = undefined;
    this.#wake?.();
  }

  /** Paused or playing, as before. */
  seek(utcUs: number): void {
    this.#positionUtcUs = utcUs;
    this.#leg.abort();
  }

  /** Rejects with a PeerFault: `ended` at the end of the footage, `not-found` where there is none. */
  async run(sink: SourceSink, signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#leg.abort();
    signal.addEventListener("abort", stop);
    try {
      while (!signal.aborted) {
        this.#leg = new AbortController();
        if (this.#isPaused) await this.#wait(undefined, this.#leg.signal);
        else await this.#play(sink, this.#leg.signal);
      }
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  async #play(sink: SourceSink, signal: AbortSignal): Promise<void> {
    const { index, path, toUtcUs = Number.MAX_SAFE_INTEGER } = this.#options;
    this.#lateUs = 0;
    if (this.#heldSinceUs !== undefined) this.#heldSinceUs = this.#options.clock.nowUs();
    let hasPlayed = false;
    let next: ClipEnd | undefined = { fromUtcUs: this.#positionUtcUs };
    while (next !== undefined) {
      const reader: ClipReader = new ClipReader(index, { ...next, path, toUtcUs, skipGaps: true, choice: "all" });
      const player = new ClipPlayer(sink, this.#options.clock);
      for await (const part of reader.parts(signal)) {
        for (const due of player.take(part)) {
          await this.#waitForTurn(due.atUs, signal);
          if (signal.aborted) return;
          due.publish(this.#lateUs);
          hasPlayed = true;
          this.#positionUtcUs = due.utcUs;
        }
      }
      if (signal.aborted) return;
      next = reader.next;
    }
    throw hasPlayed ? new PeerFault("ended", "the recording ends here") : new PeerFault("not-found", "nothing is recorded there");
  }

  /** Until a frame is due and nothing holds it. */
  async #waitForTurn(atUs: number, signal: AbortSignal): Promise<void> {
    const isHeld = (): boolean => this.#heldSinceUs !== undefined;
    do await this.#wait(isHeld() ? undefined : atUs + this.#lateUs, signal);
    while (!signal.aborted && (isHeld() || atUs + this.#lateUs - this.#options.clock.nowUs() >= MIN_WAIT_US));
  }

  /** Until an instant of the monotonic clock, or until woken; not longer than until `signal` is aborted. */
  async #wait(untilUs: number | undefined, signal: AbortSignal): Promise<void> {
    const waitUs = untilUs === undefined ? Number.POSITIVE_INFINITY : untilUs - this.#options.clock.nowUs();
    if (waitUs < MIN_WAIT_US || signal.aborted) return;
    let cancel: (() => void) | undefined;
    const { promise, resolve } = deferred<void>();
    const go = (): void => resolve();
    signal.addEventListener("abort", go);
    this.#wake = go;
    if (Number.isFinite(waitUs)) cancel = this.#options.schedule(go, waitUs / 1000);
    await promise;
    cancel?.();
    this.#wake = undefined;
    signal.removeEventListener("abort", go);
  }
}

interface DueUnit {
  /** Monotonic. */
  readonly atUs: number;
  readonly utcUs: number;
  /** `lateUs`: how much later than planned. */
  publish(lateUs: number): void;
}

/** Makes units of a clip's samples, and says when each is due. */
class ClipPlayer {
  readonly #sink: SourceSink;
  readonly #clock: Clock;
  #placement: Placement | undefined;
  #tracks: readonly (Track | undefined)[] = [];
  #publish: ((unit: Unit) => void) | undefined;
  /** Monotonic clock at the start of the clip. */
  #startUs: number | undefined;

  constructor(sink: SourceSink, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
  }

  /** In the order in which they are due. */
  take({ placement, samples }: ClipPart): readonly DueUnit[] {
    const isOther = placement.runId !== this.#placement?.runId || placement.originTicks !== this.#placement.originTicks;
    let begin: (() => void) | undefined;
    if (isOther) {
      this.#tracks = relayTracks(placement.tracks);
      const tracks = this.#tracks.filter((track) => track !== undefined);
      begin = () => {
        this.#publish = this.#sink.ready(tracks, "frame");
        this.#sink.state?.("live");
      };
    }
    this.#placement = placement;
    this.#startUs ??= this.#clock.nowUs();
    const due: DueUnit[] = [];
    for (const { trackIndex, samples: own } of samples) {
      const track = this.#tracks[trackIndex]!;
      const wanted = track.kind === "video" ? notBeforeStart(own) : own.filter(({ dtsTicks }) => dtsTicks >= 0);
      for (const sample of wanted) due.push(this.#due(track, sample, placement.originTicks[trackIndex]!, placement.epochUtcUs));
    }
    due.sort((a, b) => a.atUs - b.atUs);
    const [first, ...others] = due;
    if (first === undefined || begin === undefined) return due;
    const starts = begin;
    const publish = (lateUs: number): void => {
      starts();
      first.publish(lateUs);
    };
    return [{ ...first, publish }, ...others];
  }

  #due(track: Track, sample: Sample, originTicks: number, epochUtcUs: number): DueUnit {
    const { dtsTicks, ptsOffsetTicks, keyframe, frame } = sample;
    const toUs = (ticks: number): number => Math.round((ticks * 1e6) / track.clockRateHz);
    const atUs = this.#startUs! + toUs(dtsTicks);
    const utcUs = epochUtcUs + toUs(dtsTicks + originTicks);
    const ptsTicks = dtsTicks + ptsOffsetTicks;
    const senderUtcUs = utcUs + toUs(ptsOffsetTicks);
    return {
      atUs,
      utcUs,
      publish: (lateUs) => this.#publish?.({ track, ptsTicks, captureUs: atUs + lateUs, senderUtcUs, keyframe, damaged: false, frame }),
    };
  }
}

/** By trackIndex; the relay counts only those that are played. */
function relayTracks(tracks: ClipTracks): readonly (Track | undefined)[] {
  let index = 0;
  return tracks.map((stored) => {
    if (stored === undefined) return undefined;
    const { kind, clockRateHz, parameters } = stored.track;
    return { index: index++, kind, codec: parameters.codec, clockRateHz, parameters, reorderFrames: reorderFramesOf(parameters) };
  });
}
