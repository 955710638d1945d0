// Which command counters of a key have been used: a window that slides up, as IPsec's (RFC 4303 §3.4.3).

export const REPLAY_WINDOW_SIZE = 1024;

/** The window's state as it is kept on disk. */
export interface ReplayState {
  /** The highest counter accepted; −1 before the first. */
  readonly top: number;
  /** Bit i of byte i / 8 says whether `top − i` was accepted; hexadecimal. */
  readonly seen: string;
}

export class ReplayWindow {
  #top: number;
  readonly #seen: Buffer;

  constructor(state: ReplayState = { top: -1, seen: "" }) {
    this.#top = state.top;
    this.#seen = Buffer.alloc(REPLAY_WINDOW_SIZE / 8);
    this.#seen.write(state.seen, "hex");
  }

  /** Whether a counter may still be accepted: above the window, or in it and not yet seen. */
  isFresh(counter: number): boolean {
    if (!Number.isSafeInteger(counter) || counter < 0) return false;
    const behind = this.#top - counter;
    if (behind < 0) return true;
    return behind < REPLAY_WINDOW_SIZE && !this.#isSeen(behind);
  }

  /** Above all that was accepted: what a gateway without a clock takes. */
  isAhead(counter: number): boolean {
    return Number.isSafeInteger(counter) && counter > this.#top;
  }

  /** False: it was used, or is older than the window tells. */
  accept(counter: number): boolean {
    if (!this.isFresh(counter)) return false;
    if (counter > this.#top) {
      this.#shift(this.#top < 0 ? REPLAY_WINDOW_SIZE : counter - this.#top);
      this.#top = counter;
    }
    const behind = this.#top - counter;
    this.#seen[behind >> 3]! |= 1 << (behind & 7);
    return true;
  }

  get state(): ReplayState {
    return { top: this.#top, seen: this.#seen.toString("hex") };
  }

  #isSeen(behind: number): boolean {
    return ((this.#seen[behind >> 3]! >> (behind & 7)) & 1) === 1;
  }

  #shift(by: number): void {
    if (by >= REPLAY_WINDOW_SIZE) {
      this.#seen.fill(0);
      return;
    }
    const old = Buffer.from(this.#seen);
    this.#seen.fill(0);
    for (let i = 0; i + by < REPLAY_WINDOW_SIZE; i++) {
      if (((old[i >> 3]! >> (i & 7)) & 1) === 0) continue;
      const to = i + by;
      this.#seen[to >> 3]! |= 1 << (to & 7);
    }
  }
}
