// The packets that went out a moment ago, for peers that missed some (RFC 4585 §6.2.1).
import { BlockPool } from "#base/block-pool.ts";
import { type PacketBurst, sequenceOf } from "#rtp/burst.ts";

/** What a peer can still use when it comes: longer than any jitter buffer. */
const MAX_AGE_US = 1_500_000;
const MAX_BYTES = 4 << 20;

export interface FoundPacket {
  /** Good until the next `note`. */
  readonly burst: PacketBurst;
  readonly index: number;
}

interface Block {
  readonly bytes: Buffer;
  used: number;
  /** Of the bursts in it, those that are still kept. */
  kept: number;
}

interface Entry {
  readonly burst: PacketBurst;
  readonly block: Block;
  readonly atUs: number;
}

/** Of one track, in the order they went. Bursts are copied into blocks that are used again: kept themselves they would die old. */
export class PacketHistory {
  readonly #pool = new BlockPool();
  #entries: Entry[] = [];
  /** Of the newest entry. */
  #source: PacketBurst | undefined;
  /** The one that is filled. */
  #block: Block | undefined;
  #bytes = 0;

  /** Memory, used or not. */
  get heldBytes(): number {
    return this.#pool.usedBytes + this.#pool.freeBytes;
  }

  /** The same burst again, told by another of its readers, is not kept twice. */
  note(burst: PacketBurst, nowUs: number): void {
    if (this.#source === burst) return;
    this.#source = burst;
    this.#entries.push(this.#copied(burst, nowUs));
    this.#bytes += burst.bytes.length;
    let old = 0;
    while (old < this.#entries.length - 1 && (this.#bytes > MAX_BYTES || nowUs - this.#entries[old]!.atUs > MAX_AGE_US)) {
      this.#drop(this.#entries[old++]!);
    }
    if (old > 0) this.#entries.splice(0, old);
  }

  /**
   * By its sequence number in the burst, of those that went after `sinceUs`: to who came later, those before went under other times, and never must one
   * number be used for two packets.
   */
  find(sequence: number, sinceUs: number): FoundPacket | undefined {
    for (let i = this.#entries.length - 1; i >= 0; i--) {
      const { burst, atUs } = this.#entries[i]!;
      if (atUs <= sinceUs) return undefined;
      const found = findPacket(burst, sequence);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #copied(burst: PacketBurst, atUs: number): Entry {
    const { bytes } = burst;
    let block = this.#block;
    if (block === undefined || block.used + bytes.length > block.bytes.length) {
      if (block?.kept === 0) this.#pool.give(block.bytes);
      block = { bytes: this.#pool.take(bytes.length), used: 0, kept: 0 };
      this.#block = block;
    }
    const copy = block.bytes.subarray(block.used, block.used + bytes.length);
    bytes.copy(copy);
    block.used += bytes.length;
    block.kept++;
    return { burst: { ...burst, bytes: copy }, block, atUs };
  }

  #drop({ burst, block }: Entry): void {
    this.#bytes -= burst.bytes.length;
    if (--block.kept === 0 && block !== this.#block) this.#pool.give(block.bytes);
  }
}

export function findPacket(burst: PacketBurst, sequence: number): FoundPacket | undefined {
  const first = sequenceOf(burst, 0);
  const last = sequenceOf(burst, burst.count - 1);
  if (((sequence - first) & 0xffff) > ((last - first) & 0xffff)) return undefined;
  for (let index = 0; index < burst.count; index++) if (sequenceOf(burst, index) === sequence) return { burst, index };
  return undefined;
}
