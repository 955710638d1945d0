// Keeps account of the footage that is missing: one gap at a time, of the cause that came first.
import type { Gap } from "./recorder-state.ts";
import type { GapCause } from "./store.ts";

const KEPT_GAPS = 8;
/** A disk that failed and was given everything in the end, once it was back, leaves no gap; times differ by less. */
const LEAST_DISK_GAP_US = 100_000;

export class GapLog {
  readonly #onGap: (gap: Gap) => void;
  #gaps: readonly Gap[] = [];
  #open: { readonly fromUs: number; readonly cause: GapCause } | undefined;

  constructor(onGap: (gap: Gap) => void) {
    this.#onGap = onGap;
  }

  /** The last few, oldest first. */
  get gaps(): readonly Gap[] {
    return this.#gaps;
  }

  get open(): { readonly fromUs: number; readonly cause: GapCause } | undefined {
    return this.#open;
  }

  /** Footage is missing from here on. A gap that is open already stays, from the earlier of the two. */
  begin(cause: GapCause, fromUs: number): void {
    this.#open = { cause: this.#open?.cause ?? cause, fromUs: Math.min(this.#open?.fromUs ?? fromUs, fromUs) };
  }

  /** Why footage is missing before an instant at which there is some again; undefined: none is. */
  causeAt(toUs: number): GapCause | undefined {
    if (this.#open?.cause === "disk" && toUs - this.#open.fromUs < LEAST_DISK_GAP_US) return undefined;
    return this.#open?.cause;
  }

  /** There is footage again. */
  end(toUs: number): void {
    if (this.#open === undefined) return;
    if (this.causeAt(toUs) === undefined) {
      this.#open = undefined;
      return;
    }
    const gap = { ...this.#open, toUs: Math.max(toUs, this.#open.fromUs) };
    this.#open = undefined;
    this.#gaps = [...this.#gaps, gap].slice(-KEPT_GAPS);
    this.#onGap(gap);
  }
}
