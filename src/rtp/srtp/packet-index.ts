// Packet indexes of SRTP: 48 bits, of which a packet carries the low 16 (RFC 3711 §3.3.1), and the list against replay (§3.3.2).

/** Indexes beyond are never used: the key would have to be changed first (§9.2). */
const MAX_INDEX = 2 ** 48 - 1;

/** The index of a packet with `sequence`, which is the one nearest to the highest so far; −1 for none so far. Negative: before the first. */
export function nearestIndex(highest: number, sequence: number): number {
  if (highest < 0) return sequence;
  const distance = ((sequence - (highest % 0x10000)) << 16) >> 16;
  const index = highest + distance;
  return index > MAX_INDEX ? -1 : index;
}

/** Packets that may come later than the newest and still count. Retransmissions are that late. */
const WINDOW_PACKETS = 1024;

/** Which indexes came already; those too old to tell count as come. To be told only of packets that are authentic. */
export class ReplayWindow {
  /** −1: nothing came. */
  highest = -1;
  readonly #seen = new Uint32Array(WINDOW_PACKETS / 32);

  isFresh(index: number): boolean {
    if (index > this.highest) return true;
    if (index < 0 || index <= this.highest - WINDOW_PACKETS) return false;
    const slot = index % WINDOW_PACKETS;
    return (this.#seen[slot >>> 5]! & (1 << (slot & 31))) === 0;
  }

  add(index: number): void {
    if (index > this.highest) {
      if (index - this.highest >= WINDOW_PACKETS) this.#seen.fill(0);
      else for (let skipped = this.highest + 1; skipped < index; skipped++) this.#set(skipped, false);
      this.highest = index;
    }
    this.#set(index, true);
  }

  #set(index: number, seen: boolean): void {
    const slot = index % WINDOW_PACKETS;
    const bit = 1 << (slot & 31);
    this.#seen[slot >>> 5] = seen ? this.#seen[slot >>> 5]! | bit : this.#seen[slot >>> 5]! & ~bit;
  }
}
