// A replay for one session: footage through a stream of its own, started, paused and moved by PLAY and PAUSE.
import type { Clock } from "#base/clock.ts";
import { CallerFault } from "#base/errors.ts";
import type { ReadLease } from "#relay/path.ts";
import type { Reader } from "#relay/reader.ts";
import type { Stream } from "#relay/stream.ts";
import type { Track } from "#relay/track.ts";
import type { Face, Unit } from "#relay/unit.ts";
import { ReplayRefusal } from "./refusal.ts";
import { ReplayClock } from "./replay-clock.ts";
import type { Announcement, FirstFrame, ReplayRun, RunTaker } from "./replay-run.ts";

/** Between the last frame before a break and the first one behind it: RTP time goes on over it (RFC 2326 Appendix B). */
const FRAME_US = 40_000;
/** What lies nearer is the same instant: times are told in milliseconds. */
const SAME_INSTANT_US = 1000;

export interface ReplayPlayerOptions {
  readonly clock: Clock;
  /** Footage from an instant on, held at its first frame. Throws a CallerFault where there is none. */
  open(fromUtcUs: number): Promise<{ readonly run: ReplayRun; readonly first: FirstFrame }>;
  /** A stream for this replay alone. */
  makeStream(tracks: readonly Track[], native: Face, clock: Clock): Stream;
  /** It is over and nothing of it is open any more. Called once. */
  onClosed(): void;
}

export class ReplayPlayer implements RunTaker {
  readonly stream: Stream;
  readonly clock: ReplayClock;
  /** UTC that normal play time counts from. */
  readonly startUtcUs: number;
  /** Told once nothing more comes, until a `seek`: the end of the footage or of the range, or what `fault` says. */
  whenEnded: (fault: string | undefined) => void = () => {};
  readonly #options: ReplayPlayerOptions;
  #run: ReplayRun;
  #publish: (unit: Unit) => void = () => {};
  /** No range goes beyond it; undefined: the end of the footage. */
  readonly #limitUtcUs: number | undefined;
  /** Where to stop, not behind the limit. */
  #untilUtcUs: number | undefined;
  /** Frames of the leading track at or behind `untilUtcUs`. */
  #behindEnd = 0;
  #state: "held" | "playing" | "ended" | "closed" = "held";
  #seeking = false;
  /** Nothing was sent since the footage was opened. */
  #fresh = true;
  /** The next unit starts a new stretch of the recording. */
  #broken = false;
  /** The next unit tells what the time is: a pause need not last a whole number of frames. */
  #adjust = false;
  #newestPlayUs = 0;

  private constructor(options: ReplayPlayerOptions, run: ReplayRun, first: FirstFrame, startUtcUs: number, limitUtcUs: number | undefined) {
    this.#options = options;
    this.#run = run;
    this.#limitUtcUs = limitUtcUs;
    this.#untilUtcUs = limitUtcUs;
    this.clock = new ReplayClock(options.clock);
    this.startUtcUs = startUtcUs;
    this.stream = options.makeStream(first.tracks, first.native, this.clock);
    this.#begin(first);
    this.#place(startUtcUs, this.clock.nowUs());
  }

  /** Held at `fromUtcUs`, or at the first footage after it. */
  static async open(options: ReplayPlayerOptions, fromUtcUs: number, limitUtcUs: number | undefined): Promise<ReplayPlayer> {
    const { run, first } = await options.open(fromUtcUs);
    return new ReplayPlayer(options, run, first, Math.max(fromUtcUs, first.utcUs), limitUtcUs);
  }

  /** UTC of what is shown or would come next. */
  get positionUtcUs(): number {
    return this.clock.utcOf(this.clock.nowUs()).utcUs;
  }

  /** Where it ends, as far as is known. */
  get endUtcUs(): number | undefined {
    return earlier(this.#limitUtcUs, this.#run.replay.endUtcUs);
  }

  get ended(): boolean {
    return this.#state === "ended";
  }

  /**
   * Goes to an instant; `positionUtcUs` says where it really is then, and it is held there. Without one it stays where it is. Throws a refusal where
   * there is no footage that the session could show, and goes on as before.
   */
  async seek(utcUs: number | undefined, untilUtcUs: number | undefined): Promise<void> {
    if (this.#seeking) throw new ReplayRefusal(455, "another request moves the replay");
    if (this.#limitUtcUs !== undefined && utcUs !== undefined && utcUs >= this.#limitUtcUs)
      throw new ReplayRefusal(457, "that is behind the duration that the URL asks for");
    const isThere = utcUs === undefined || (this.#fresh && Math.abs(utcUs - this.positionUtcUs) < SAME_INSTANT_US);
    if (!isThere) {
      this.#seeking = true;
      try {
        await this.#move(utcUs);
      } finally {
        this.#seeking = false;
      }
    }
    this.#untilUtcUs = earlier(this.#limitUtcUs, untilUtcUs);
    this.#behindEnd = 0;
  }

  /** Delivers to the stream's reader from where it is. */
  play(): void {
    if (this.#state !== "held") return;
    this.#state = "playing";
    this.#adjust = true;
    this.clock.start();
    this.#run.flow(this);
  }

  pause(): void {
    if (this.#state !== "playing") return;
    this.#state = "held";
    this.#run.hold();
    this.clock.stop();
  }

  /** For RTP-Info: the number of each track's next packet, and the RTP time of `positionUtcUs`. */
  startOfPlay(): readonly { readonly sequence: number; readonly timestamp: number }[] {
    return this.stream.startOfPlay();
  }

  lease(reader: Reader): ReadLease {
    return {
      stream: this.stream,
      start: () => {
        this.stream.addReader(reader);
        this.play();
      },
      pause: () => {
        this.pause();
        this.stream.removeReader(reader);
      },
      close: () => {
        this.stream.removeReader(reader);
        this.close();
      },
    };
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#run.close();
    this.clock.stop();
    this.#options.onClosed();
  }

  onAnnounced(announcement: Announcement): void {
    if (this.stream.accepts(announcement.tracks)) this.#begin(announcement);
    else this.onEnd("the tracks changed");
  }

  onUnit(unit: Unit): void {
    const { senderUtcUs: utcUs, ...rest } = unit;
    if (utcUs === undefined) return;
    if (this.#isBehindEnd(unit.track, utcUs)) {
      this.onEnd(undefined);
      return;
    }
    if (this.#broken) this.#place(utcUs, this.#nextPlayUs());
    const playUs = this.clock.playTimeOf(utcUs);
    if (this.#adjust) this.clock.set(playUs);
    this.#adjust = false;
    this.#fresh = false;
    this.#newestPlayUs = Math.max(this.#newestPlayUs, playUs);
    this.#publish({ ...rest, captureUs: playUs });
  }

  onEnd(fault: string | undefined): void {
    if (this.#state !== "playing") return;
    this.#state = "ended";
    this.clock.stop();
    this.#run.close();
    this.whenEnded(fault);
  }

  async #move(utcUs: number): Promise<void> {
    const { run, first } = await this.#options.open(utcUs).catch((error: unknown) => {
      if (error instanceof CallerFault && error.code === "no-stream") throw new ReplayRefusal(457, error.message);
      throw error;
    });
    if (this.#state === "closed" || !this.stream.accepts(first.tracks)) {
      run.close();
      if (this.#state === "closed") throw new ReplayRefusal(454, "the session was closed meanwhile");
      throw new ReplayRefusal(457, "the footage there has other tracks");
    }
    this.pause();
    this.#run.close();
    this.#run = run;
    this.#state = "held";
    this.#fresh = true;
    this.#begin(first);
    this.#place(Math.max(utcUs, first.utcUs), this.#nextPlayUs());
  }

  /** What comes next does not continue what came before. */
  #begin({ tracks, native }: Announcement): void {
    this.#publish = this.stream.begin(tracks, native);
    this.#broken = true;
  }

  #place(utcUs: number, playUs: number): void {
    this.clock.place(utcUs, playUs);
    this.#broken = false;
  }

  /** RTP time goes on where it was, whatever the recording's does. */
  #nextPlayUs(): number {
    return Math.max(this.clock.nowUs(), this.#newestPlayUs + FRAME_US);
  }

  /** Frames that come before the end may be decoded after one behind it, as many as the track reorders. */
  #isBehindEnd(track: Track, utcUs: number): boolean {
    if (this.#untilUtcUs === undefined || utcUs < this.#untilUtcUs) return false;
    if (track.index === Math.max(0, this.stream.videoIndex)) this.#behindEnd++;
    return this.#behindEnd > track.reorderFrames;
  }
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}
