// Keeps account of the footage that is missing: one gap at a time, of the cause that came first.
import type { Gap } from "./recorder-state.ts";
import type { GapCause } from "./store.ts";

const KEPT_GAPS = 8;

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

  /** There is footage again. */
  end(toUs: number): void {
    if (this.#open === undefined) return;
    const gap = { ...this.#open, toUs: Math.max(toUs, this.#open.fromUs) };
    this.#open = undefined;
    this.#gaps = [...this.#gaps, gap].slice(-KEPT_GAPS);
    this.#onGap(gap);
  }
}
