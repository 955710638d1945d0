// Puts the tracks of a source on the stream's one timeline: ticks since the stream's epoch.

/** Tracks are drawn together no faster than this: a viewer hears and sees nothing of it. */
const MAX_SLEW = 500e-6;
/** Nearer than this they are together. */
const ALIGNED_US = 1000;
/** Sender clocks of two tracks that differ by more are not of one clock. */
const MAX_SKEW_US = 10_000_000;

/**
 * One per track. A source counts ptsTicks from any origin; the first unit of each session is placed by its capture time, the others
 * follow by their own distance. So the timeline goes on over a reconnect by the time that passed. Once the sender's clock is known on two
 * tracks, theirs are slewed together, never stepped.
 */
export class TrackTimeline {
  readonly #clockRateHz: number;
  #offsetTicks: number | undefined;
  #lastTicks: number | undefined;
  /** How far the timeline is ahead of the sender's clock, µs; undefined without one. */
  #aheadUs: number | undefined;
  #slewedUs: number | undefined;

  constructor(clockRateHz: number) {
    this.#clockRateHz = clockRateHz;
  }

  /** A new session of the source begins: its next unit is placed anew. */
  restart(): void {
    this.#offsetTicks = undefined;
    this.#aheadUs = undefined;
    this.#slewedUs = undefined;
  }

  /** Stream pts of a unit of the source, `sinceEpochUs` after the stream's epoch on the monotonic clock. */
  place(sourceTicks: number, sinceEpochUs: number): number {
    if (this.#offsetTicks === undefined) {
      let ticks = Math.round((sinceEpochUs * this.#clockRateHz) / 1e6);
      if (this.#lastTicks !== undefined && ticks <= this.#lastTicks) ticks = this.#lastTicks + 1;
      this.#offsetTicks = ticks - sourceTicks;
    }
    const ticks = Math.round(sourceTicks + this.#offsetTicks);
    if (this.#lastTicks === undefined || ticks > this.#lastTicks) this.#lastTicks = ticks;
    return ticks;
  }

  /** The sender's clock said `senderUtcUs` at a unit placed at `ptsTicks`, `sinceEpochUs` after the epoch: follow `reference` by it. */
  align(reference: TrackTimeline, ptsTicks: number, senderUtcUs: number, sinceEpochUs: number): void {
    this.#aheadUs = (ptsTicks / this.#clockRateHz) * 1e6 - senderUtcUs;
    const elapsedUs = sinceEpochUs - (this.#slewedUs ?? sinceEpochUs);
    this.#slewedUs = sinceEpochUs;
    if (reference === this || reference.#aheadUs === undefined || this.#offsetTicks === undefined) return;
    const skewUs = this.#aheadUs - reference.#aheadUs;
    if (Math.abs(skewUs) < ALIGNED_US || Math.abs(skewUs) > MAX_SKEW_US) return;
    const limitUs = Math.max(0, elapsedUs) * MAX_SLEW;
    this.#offsetTicks -= (Math.max(-limitUs, Math.min(limitUs, skewUs)) * this.#clockRateHz) / 1e6;
  }
}
