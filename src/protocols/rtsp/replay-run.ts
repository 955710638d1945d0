// One run of a replay's source: held at its first frame, then delivered as long as somebody takes it.
import { deferred } from "#base/deferred.ts";
import { errorText, PeerFault } from "#base/errors.ts";
import type { Track } from "#relay/track.ts";
import type { Face, Unit } from "#relay/unit.ts";
import type { Replay } from "./replay.ts";

/** The source's tracks, as it announces them. */
export interface Announcement {
  readonly tracks: readonly Track[];
  readonly native: Face;
}

export interface RunTaker {
  /** What comes from now on does not continue what came before. */
  onAnnounced(announcement: Announcement): void;
  onUnit(unit: Unit): void;
  /** Nothing more comes. `fault`: why, where it is not the end of the footage. */
  onEnd(fault: string | undefined): void;
}

export interface FirstFrame extends Announcement {
  /** UTC at which it was recorded, or the instant that it leads up to. */
  readonly utcUs: number;
}

/** priming → held ⇄ flowing → over */
export class ReplayRun {
  readonly replay: Replay;
  readonly #abort = new AbortController();
  readonly #first = deferred<FirstFrame | undefined>();
  /** What came while it was held: the first frame, and what a source had under way when it was paused. */
  readonly #queue: (Announcement | Unit)[] = [];
  #state: "priming" | "held" | "flowing" | "over" = "priming";
  #announcement: Announcement | undefined;
  #taker: RunTaker | undefined;
  /** The source's run is over, of this cause. */
  #end: { readonly fault: string | undefined } | undefined;

  constructor(replay: Replay) {
    this.replay = replay;
  }

  /**
   * Runs the source until the frame that decoding can begin with: a keyframe of the first video track. undefined: there is none.
   * Throws a PeerFault when the source fails, or when none comes in time.
   */
  async prime(timeoutMs: number): Promise<FirstFrame | undefined> {
    const timer = setTimeout(() => this.#first.reject(new PeerFault("timeout", `no footage was read within ${timeoutMs} ms`)), timeoutMs);
    void this.#run();
    try {
      return await this.#first.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Delivers to `taker`, until `hold`. */
  flow(taker: RunTaker): void {
    if (this.#state !== "held") return;
    this.#taker = taker;
    this.#state = "flowing";
    while (this.#isFlowing && this.#queue.length > 0) this.#deliver(this.#queue.shift()!);
    if (!this.#isFlowing) return;
    if (this.#end === undefined) this.replay.resume();
    else this.#finish();
  }

  hold(): void {
    if (this.#state !== "flowing") return;
    this.#state = "held";
    if (this.#end === undefined) this.replay.pause();
  }

  close(): void {
    this.#state = "over";
    this.#queue.length = 0;
    this.#abort.abort();
    this.#first.resolve(undefined);
  }

  /** Asked anew after each call that may have changed it. */
  get #isFlowing(): boolean {
    return this.#state === "flowing";
  }

  async #run(): Promise<void> {
    let fault: string | undefined;
    try {
      const sink = { ready: (tracks: readonly Track[], native: Face) => this.#onReady({ tracks, native }) };
      await this.replay.source.run(sink, this.#abort.signal);
    } catch (error) {
      if (!isEnd(error)) {
        if (this.#state === "priming") this.#first.reject(error);
        fault = errorText(error);
      }
    }
    this.#end = { fault };
    if (this.#state === "priming") this.#first.resolve(undefined);
    else if (this.#state === "flowing") this.#finish();
  }

  #onReady(announcement: Announcement): (unit: Unit) => void {
    this.#announcement = announcement;
    if (this.#state === "held") this.#queue.push(announcement);
    else if (this.#state === "flowing") this.#taker!.onAnnounced(announcement);
    return (unit) => {
      if (this.#announcement === announcement) this.#onUnit(unit);
    };
  }

  #onUnit(unit: Unit): void {
    if (this.#state === "flowing") this.#taker!.onUnit(unit);
    else if (this.#state === "held") this.#queue.push(unit);
    else if (this.#state === "priming") this.#tryFirst(unit);
  }

  #tryFirst(unit: Unit): void {
    const announcement = this.#announcement!;
    const video = announcement.tracks.find(({ kind }) => kind === "video");
    if (unit.senderUtcUs === undefined || (video !== undefined && (unit.track.index !== video.index || !unit.keyframe))) return;
    this.#state = "held";
    this.#queue.push(unit);
    this.replay.pause();
    this.#first.resolve({ ...announcement, utcUs: unit.senderUtcUs });
  }

  #deliver(one: Announcement | Unit): void {
    if ("tracks" in one) this.#taker!.onAnnounced(one);
    else this.#taker!.onUnit(one);
  }

  #finish(): void {
    this.#state = "over";
    this.#taker!.onEnd(this.#end!.fault);
  }
}

/** There is no more footage, or none at all. */
function isEnd(error: unknown): boolean {
  return error instanceof PeerFault && (error.code === "ended" || error.code === "not-found");
}
