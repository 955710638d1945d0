// Puts the tracks of a source on the stream's one timeline: ticks since the stream's epoch.

/** Tracks are drawn together no faster than this: a viewer hears and sees nothing of it. */
const MAX_SLEW = 500e-6;
/** Nearer than this they are together, by the sender's clock. */
const ALIGNED_US = 1000;
/** By ours, which knows of captures as much as arrivals tell: less is no drift, and nobody notices it. */
const ALIGNED_BY_CAPTURE_US = 20_000;
/** Sender clocks of two tracks that differ by more are not of one clock. */
const MAX_SKEW_US = 10_000_000;

/**
 * One per track. A source counts ptsTicks from any origin; the first unit of each session is placed by its capture time, the others
 * follow by their own distance. So the timeline goes on over a reconnect by the time that passed. Two tracks are slewed together, never
 * stepped: by the sender's clock once it is known of both, else by ours.
 */
export class TrackTimeline {
  readonly #clockRateHz: number;
  #offsetTicks: number | undefined;
  #lastTicks: number | undefined;
  /** How far the timeline is ahead of the sender's clock, µs; undefined without one. */
  #aheadOfSenderUs: number | undefined;
  /** How far it is ahead of our clock at capture, µs. */
  #aheadOfCaptureUs: number | undefined;
  #slewedUs: number | undefined;

  constructor(clockRateHz: number) {
    this.#clockRateHz = clockRateHz;
  }

  /** A new session of the source begins: its next unit is placed anew. */
  restart(): void {
    this.#offsetTicks = undefined;
    this.#aheadOfSenderUs = undefined;
    this.#aheadOfCaptureUs = undefined;
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

  /**
   * Follow `reference`: by the sender's clock, which said `senderUtcUs` at a unit placed at `ptsTicks`, where it is known of both; else by ours, the
   * unit having been captured `sinceEpochUs` after the epoch.
   */
  align(reference: TrackTimeline, ptsTicks: number, senderUtcUs: number | undefined, sinceEpochUs: number): void {
    const ptsUs = (ptsTicks / this.#clockRateHz) * 1e6;
    this.#aheadOfCaptureUs = ptsUs - sinceEpochUs;
    if (senderUtcUs !== undefined) this.#aheadOfSenderUs = ptsUs - senderUtcUs;
    const elapsedUs = sinceEpochUs - (this.#slewedUs ?? sinceEpochUs);
    this.#slewedUs = sinceEpochUs;
    const skewUs = reference === this ? 0 : this.#skewUs(reference);
    if (skewUs === 0 || this.#offsetTicks === undefined) return;
    const limitUs = Math.max(0, elapsedUs) * MAX_SLEW;
    this.#offsetTicks -= (Math.max(-limitUs, Math.min(limitUs, skewUs)) * this.#clockRateHz) / 1e6;
  }

  /** How far this track is ahead of `reference`; 0 for what is near enough. */
  #skewUs(reference: TrackTimeline): number {
    const bySenderUs = difference(this.#aheadOfSenderUs, reference.#aheadOfSenderUs);
    if (bySenderUs !== undefined && Math.abs(bySenderUs) <= MAX_SKEW_US) return Math.abs(bySenderUs) < ALIGNED_US ? 0 : bySenderUs;
    const byCaptureUs = difference(this.#aheadOfCaptureUs, reference.#aheadOfCaptureUs) ?? 0;
    return Math.abs(byCaptureUs) < ALIGNED_BY_CAPTURE_US || Math.abs(byCaptureUs) > MAX_SKEW_US ? 0 : byCaptureUs;
  }
}

function difference(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a - b;
}
