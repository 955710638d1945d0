// Which packets of one sender are missing, and when to ask for them (RFC 4585 §6.2.1).

/** Asked again so often, as long as it can still be of use. */
const RETRY_US = 40_000;
const MAX_TRIES = 5;
/** More missing at once is an outage: a keyframe mends it, repetitions do not. */
const MAX_MISSING = 256;
/** A jump farther than this is a new numbering. */
const MAX_GAP = 1000;

interface Missing {
  tries: number;
  askedUs: number;
}

export class LossWatch {
  #highest = -1;
  readonly #missing = new Map<number, Missing>();

  /** Something is missing that may be asked for again: call `due` within `RETRY_US`. */
  get pending(): boolean {
    return this.#missing.size > 0;
  }

  /** A packet came. True: some before it are missing. */
  came(sequence: number): boolean {
    if (this.#highest < 0) {
      this.#highest = sequence;
      return false;
    }
    const ahead = ((sequence - this.#highest) << 16) >> 16;
    if (ahead <= 0) {
      this.#missing.delete(sequence);
      return false;
    }
    if (ahead > MAX_GAP) this.#missing.clear();
    else
      for (let gap = 1; gap < ahead; gap++)
        this.#missing.set((this.#highest + gap) & 0xffff, { tries: 0, askedUs: Number.NEGATIVE_INFINITY });
    this.#highest = sequence;
    if (this.#missing.size > MAX_MISSING) this.#missing.clear();
    return ahead > 1 && this.#missing.size > 0;
  }

  /** Those to ask for now, in order; empty most of the time. */
  due(nowUs: number): readonly number[] {
    const sequences: number[] = [];
    for (const [sequence, missing] of this.#missing) {
      if (missing.tries >= MAX_TRIES) this.#missing.delete(sequence);
      else if (nowUs - missing.askedUs >= RETRY_US) {
        missing.tries++;
        missing.askedUs = nowUs;
        sequences.push(sequence);
      }
    }
    return sequences;
  }
}
