// The open GOP of a stream's first video track, so that a new reader has a picture at once.
import { type Unit, unitBytes } from "./unit.ts";

const MAX_PATH_BYTES = 8 << 20;
const MAX_TOTAL_BYTES = 64 << 20;

/** What all GOP caches of a gateway may hold together. */
export class GopCacheBudget {
  readonly maxBytes: number;
  usedBytes = 0;

  constructor(maxBytes = MAX_TOTAL_BYTES) {
    this.maxBytes = maxBytes;
  }
}

/** Holds the units from the last whole keyframe on; gives up until the next one when they grow too large. */
export class GopCache {
  readonly #budget: GopCacheBudget;
  readonly #maxBytes: number;
  #units: Unit[] = [];
  #bytes = 0;

  constructor(budget: GopCacheBudget, maxBytes = MAX_PATH_BYTES) {
    this.#budget = budget;
    this.#maxBytes = maxBytes;
  }

  /** In decode order, a keyframe first; empty when there is nothing to start from. */
  get units(): readonly Unit[] {
    return this.#units;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(unit: Unit): void {
    if (unit.keyframe) this.clear();
    else if (this.#units.length === 0) return;
    if (unit.keyframe && unit.damaged) return;
    const size = unitBytes(unit);
    if (this.#bytes + size > this.#maxBytes || this.#budget.usedBytes + size > this.#budget.maxBytes) {
      this.clear();
      return;
    }
    this.#units.push(unit);
    this.#bytes += size;
    this.#budget.usedBytes += size;
  }

  clear(): void {
    this.#budget.usedBytes -= this.#bytes;
    this.#bytes = 0;
    if (this.#units.length > 0) this.#units = [];
  }
}
