// The time of one replay: a clock that stands still with it, and whose UTC is that of the recording.
import type { Clock, UtcTime } from "#base/clock.ts";

/** Play time of the first frame: what comes a little earlier is still behind 0. */
const START_US = 10_000_000;

/**
 * `nowUs` is play time: it passes only while the replay runs, whatever it shows. `utcOf` is the time that the footage was recorded at, as long as it goes on without
 * a break; each break sets it anew with `place`.
 */
export class ReplayClock implements Clock {
  readonly #clock: Clock;
  #playUs = START_US;
  /** On the real clock, since when it runs; undefined: it stands. */
  #sinceUs: number | undefined;
  /** UTC of play time 0. */
  #offsetUs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  nowUs(): number {
    return this.#sinceUs === undefined ? this.#playUs : this.#playUs + this.#clock.nowUs() - this.#sinceUs;
  }

  utcOf(playUs: number): UtcTime {
    return { utcUs: this.#offsetUs + playUs, quality: "est", errorMs: undefined };
  }

  /** Play time of an instant of the recording. */
  playTimeOf(utcUs: number): number {
    return utcUs - this.#offsetUs;
  }

  start(): void {
    this.#sinceUs ??= this.#clock.nowUs();
  }

  stop(): void {
    this.#playUs = this.nowUs();
    this.#sinceUs = undefined;
  }

  /** It is `playUs` now. */
  set(playUs: number): void {
    this.#playUs = playUs;
    if (this.#sinceUs !== undefined) this.#sinceUs = this.#clock.nowUs();
  }

  /** From now on, footage of `utcUs` is played at the play time `playUs`, which is now. */
  place(utcUs: number, playUs: number): void {
    this.set(playUs);
    this.#offsetUs = utcUs - playUs;
  }
}
