// How often the medium is told to make data durable: slower while it stalls.

/** A sync that takes longer is a stall (docs/storage.md). */
export const STALL_MS = 2000;
const STALLED_PERIOD_MS = 2000;
const CALM_SYNC_MS = 500;
const CALM_US = 600e6;

/** Pace of all cameras of a medium. */
export class SyncPace {
  basePeriodMs: number;
  #stalledSinceUs: number | undefined;
  #syncs = 0;
  #slowSyncs = 0;

  constructor(basePeriodMs: number) {
    this.basePeriodMs = basePeriodMs;
  }

  get isStalled(): boolean {
    return this.#stalledSinceUs !== undefined;
  }

  get periodMs(): number {
    return this.isStalled ? Math.max(this.basePeriodMs, STALLED_PERIOD_MS) : this.basePeriodMs;
  }

  /** True: it begins. */
  stall(nowUs: number): boolean {
    const begins = !this.isStalled;
    this.#stalledSinceUs = nowUs;
    this.#syncs = 0;
    this.#slowSyncs = 0;
    return begins;
  }

  /** True: the stall is over: 99 of 100 syncs of the last ten minutes took less than half a second. */
  synced(tookMs: number, nowUs: number): boolean {
    if (this.#stalledSinceUs === undefined) return false;
    this.#syncs++;
    if (tookMs >= CALM_SYNC_MS) this.#slowSyncs++;
    if (nowUs - this.#stalledSinceUs < CALM_US) return false;
    if (this.#slowSyncs * 100 > this.#syncs) {
      this.stall(nowUs);
      return false;
    }
    this.#stalledSinceUs = undefined;
    return true;
  }
}

/**
 * When data written now is synced: at the next of the camera's moments, which come every period; those of several cameras are spread over it.
 * `phase` is 0 … 1.
 */
export function syncDueUs(nowUs: number, periodMs: number, phase: number): number {
  const periodUs = periodMs * 1000;
  if (periodUs === 0) return nowUs;
  const offsetUs = phase * periodUs;
  return (Math.floor((nowUs - offsetUs) / periodUs) + 1) * periodUs + offsetUs;
}
