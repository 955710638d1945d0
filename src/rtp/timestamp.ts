// RTP timestamps as numbers that do not wrap (RFC 3550 §5.1: 32 bits, random start).

/** Turns the 32-bit timestamps of one track into ticks since its first packet; steps back (B-frames) are steps back. */
export class TimestampUnwrapper {
  #last = -1;
  #ticks = 0;
  #isRenumbered = false;

  /** Ticks of `timestamp`, 0 for the first one. */
  unwrap(timestamp: number): number {
    if (this.#last >= 0 && !this.#isRenumbered) this.#ticks += (timestamp - this.#last) | 0;
    this.#last = timestamp;
    this.#isRenumbered = false;
    return this.#ticks;
  }

  /** The next timestamp is of another numbering; it lies `ticks` after the newest one. */
  renumber(ticks: number): void {
    if (this.#last < 0) return;
    this.#ticks += ticks;
    this.#isRenumbered = true;
  }

  /** Ticks of a timestamp near the newest one, which stays the newest; undefined before the first. */
  ticksOf(timestamp: number): number | undefined {
    return this.#last < 0 || this.#isRenumbered ? undefined : this.#ticks + ((timestamp - this.#last) | 0);
  }
}
