// Puts the tracks of a source on the stream's one timeline: ticks since the stream's epoch.

/**
 * One per track. A source counts ptsTicks from any origin; the first unit of each session is placed by its capture time, the others
 * follow by their own distance. So the timeline goes on over a reconnect by the time that passed.
 */
export class TrackTimeline {
  readonly #clockRateHz: number;
  #offsetTicks: number | undefined;
  #lastTicks: number | undefined;

  constructor(clockRateHz: number) {
    this.#clockRateHz = clockRateHz;
  }

  /** A new session of the source begins: its next unit is placed anew. */
  restart(): void {
    this.#offsetTicks = undefined;
  }

  /** Stream pts of a unit of the source, `sinceEpochUs` after the stream's epoch on the monotonic clock. */
  place(sourceTicks: number, sinceEpochUs: number): number {
    if (this.#offsetTicks === undefined) {
      let ticks = Math.round((sinceEpochUs * this.#clockRateHz) / 1e6);
      if (this.#lastTicks !== undefined && ticks <= this.#lastTicks) ticks = this.#lastTicks + 1;
      this.#offsetTicks = ticks - sourceTicks;
    }
    const ticks = sourceTicks + this.#offsetTicks;
    if (this.#lastTicks === undefined || ticks > this.#lastTicks) this.#lastTicks = ticks;
    return ticks;
  }
}
