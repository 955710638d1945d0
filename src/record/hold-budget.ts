// How much footage may wait in memory for a medium that is out of use: 30 s of each camera, and all together so much of the machine.
import { totalmem } from "node:os";

const MAX_HELD_US = 30e6;
/** Of the memory this process may have. */
const SHARE = 1 / 8;
const MAX_BYTES = 256 * 2 ** 20;

export interface Holder {
  readonly heldUs: number;
  readonly heldBytes: number;
  /** Leaves out its oldest group of pictures; false: there is none. */
  leaveOut(): boolean;
}

export class HoldBudget {
  readonly #maxBytes: number;
  readonly #holders = new Set<Holder>();

  constructor(maxBytes = bytesOfThisMachine()) {
    this.#maxBytes = maxBytes;
  }

  /** A holder got more: whoever has too much, or the most, leaves out its oldest. */
  grown(holder: Holder): void {
    this.#holders.add(holder);
    while (holder.heldUs > MAX_HELD_US && holder.leaveOut());
    while (this.#heldBytes > this.#maxBytes) {
      let most = holder;
      for (const other of this.#holders) if (other.heldUs > most.heldUs) most = other;
      if (!most.leaveOut()) return;
    }
  }

  /** It holds nothing any more. */
  left(holder: Holder): void {
    this.#holders.delete(holder);
  }

  get #heldBytes(): number {
    let bytes = 0;
    for (const { heldBytes } of this.#holders) bytes += heldBytes;
    return bytes;
  }
}

function bytesOfThisMachine(): number {
  const limit = process.constrainedMemory();
  return Math.min(MAX_BYTES, SHARE * (limit > 0 ? Math.min(limit, totalmem()) : totalmem()));
}
