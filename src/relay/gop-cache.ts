// The open GOP of a stream's first video track, so that a new reader has a picture at once.
import { type Unit, unitBytes } from "./unit.ts";

const MAX_PATH_BYTES = 8 << 20;
const MAX_TOTAL_BYTES = 64 << 20;
const BLOCK_BYTES = 64 << 10;
const MAX_FREE_BYTES = 1 << 20;

/** The blocks that all GOP caches of a gateway keep their packets in, and what these may hold together. */
export class GopMemory {
  readonly maxBytes: number;
  /** Blocks that hold something, and frames that are kept as they came. */
  usedBytes = 0;
  #freeBytes = 0;
  readonly #free: Buffer[] = [];

  constructor(maxBytes = MAX_TOTAL_BYTES) {
    this.maxBytes = maxBytes;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Counts what lies elsewhere. False: there is no room. */
  reserve(sizeBytes: number): boolean {
    if (this.usedBytes + sizeBytes > this.maxBytes) return false;
    this.#trim(this.maxBytes - this.usedBytes - sizeBytes);
    this.usedBytes += sizeBytes;
    return true;
  }

  /** A block of at least `sizeBytes`, free or new; undefined: there is no room. */
  take(sizeBytes: number): Buffer | undefined {
    let best = -1;
    for (const [i, { length }] of this.#free.entries()) {
      if (length >= sizeBytes && (best < 0 || length < this.#free[best]!.length)) best = i;
    }
    if (best >= 0) {
      const [block] = this.#free.splice(best, 1);
      this.#freeBytes -= block!.length;
      this.usedBytes += block!.length;
      return block;
    }
    const blockBytes = Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
    return this.reserve(blockBytes) ? Buffer.allocUnsafeSlow(blockBytes) : undefined;
  }

  /** Blocks that nobody reads any more. 1 MiB, or a quarter of what is in use, may lie free. */
  give(blocks: readonly Buffer[]): void {
    for (const block of blocks) {
      this.#free.push(block);
      this.#freeBytes += block.length;
      this.usedBytes -= block.length;
    }
    this.#trim(Math.max(MAX_FREE_BYTES, this.usedBytes / 4));
  }

  /** `sizeBytes` that were taken or reserved are the collector's now. */
  forget(sizeBytes: number): void {
    this.usedBytes -= sizeBytes;
  }

  #trim(mostFreeBytes: number): void {
    while (this.#freeBytes > mostFreeBytes) {
      const { length } = this.#free.shift()!;
      this.#freeBytes -= length;
    }
  }
}

/**
 * Holds the units from the last whole keyframe on; gives up until the next one when they grow too large.
 *
 * Packets are copied into blocks that later GOPs write over: slabs that were kept for seconds would be freed only by a major collection,
 * and sixteen cameras would hold twice the memory. A cached unit has its packets alone; its frame can be made again.
 */
export class GopCache {
  readonly #memory: GopMemory;
  readonly #maxBytes: number;
  #units: Unit[] = [];
  #bytes = 0;
  /** In the order they were filled. */
  #blocks: Buffer[] = [];
  /** Filled, of the last block. */
  #blockUsed = 0;
  /** Bytes of frames that are kept as they came. */
  #reservedBytes = 0;
  /** Someone may still read the blocks of this GOP. */
  #lent = false;

  constructor(memory: GopMemory, maxBytes = MAX_PATH_BYTES) {
    this.#memory = memory;
    this.#maxBytes = maxBytes;
  }

  /** In decode order, a keyframe first; empty when there is nothing to start from. Packets are good until the next `push`. */
  get units(): readonly Unit[] {
    return this.#units;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What `units` holds now stays as it is for as long as somebody refers to it. */
  lend(): void {
    this.#lent = true;
  }

  push(unit: Unit): void {
    if (unit.keyframe) this.clear();
    else if (this.#units.length === 0) return;
    if (unit.keyframe && unit.damaged) return;
    const size = unitBytes(unit);
    if (this.#bytes + size > this.#maxBytes || !this.#keep(unit, size)) {
      this.clear();
      return;
    }
    this.#bytes += size;
  }

  clear(): void {
    let blockBytes = 0;
    for (const { length } of this.#blocks) blockBytes += length;
    if (!this.#lent) this.#memory.give(this.#blocks);
    this.#memory.forget(this.#reservedBytes + (this.#lent ? blockBytes : 0));
    this.#lent = false;
    this.#bytes = 0;
    this.#reservedBytes = 0;
    if (this.#blocks.length > 0) this.#blocks = [];
    if (this.#units.length > 0) this.#units = [];
  }

  /** False: there is no room. */
  #keep(unit: Unit, size: number): boolean {
    const { packets } = unit;
    if (packets === undefined) {
      if (!this.#memory.reserve(size)) return false;
      this.#reservedBytes += size;
      this.#units.push(unit);
      return true;
    }
    let block = this.#blocks.at(-1);
    if (block === undefined || this.#blockUsed + size > block.length) {
      block = this.#memory.take(size);
      if (block === undefined) return false;
      this.#blocks.push(block);
      this.#blockUsed = 0;
    }
    const bytes = block.subarray(this.#blockUsed, this.#blockUsed + size);
    packets.bytes.copy(bytes);
    this.#blockUsed += size;
    const { frame: _, ...rest } = unit;
    this.#units.push({ ...rest, packets: { bytes, offsets: packets.offsets, count: packets.count } });
    return true;
  }
}
