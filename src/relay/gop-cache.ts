// The open GOP of a stream's first video track, so that a new reader has a picture at once.
import { BlockPool } from "#base/block-pool.ts";
import { type Unit, unitBytes } from "./unit.ts";

const MAX_PATH_BYTES = 8 << 20;
const MAX_TOTAL_BYTES = 64 << 20;

/** What the GOP caches of a gateway may hold together. */
export class GopMemory {
  readonly maxBytes: number;
  readonly #pool = new BlockPool();
  /** Of frames that are kept as they came. */
  #reservedBytes = 0;

  constructor(maxBytes = MAX_TOTAL_BYTES) {
    this.maxBytes = maxBytes;
  }

  get usedBytes(): number {
    return this.#pool.usedBytes + this.#reservedBytes;
  }

  get freeBytes(): number {
    return this.#pool.freeBytes;
  }

  /** Counts what lies elsewhere. False: there is no room. */
  reserve(sizeBytes: number): boolean {
    if (!this.#makesRoom(sizeBytes)) return false;
    this.#reservedBytes += sizeBytes;
    return true;
  }

  unreserve(sizeBytes: number): void {
    this.#reservedBytes -= sizeBytes;
  }

  /** A block of at least `sizeBytes`; undefined: there is no room. */
  take(sizeBytes: number): Buffer | undefined {
    return this.#pool.takeFree(sizeBytes) ?? (this.#makesRoom(BlockPool.newBytes(sizeBytes)) ? this.#pool.take(sizeBytes) : undefined);
  }

  /** `lent`: somebody may read it for longer. */
  give(block: Buffer, lent: boolean): void {
    if (lent) this.#pool.forget(block);
    else this.#pool.give(block);
  }

  #makesRoom(sizeBytes: number): boolean {
    const room = this.maxBytes - this.usedBytes - sizeBytes;
    if (room >= 0) this.#pool.trim(room);
    return room >= 0;
  }
}

/**
 * Holds the units from the last whole keyframe on; gives up until the next one when they grow too large.
 *
 * Packets are copied into blocks that later GOPs write over. A cached unit has its packets alone; its frame can be made again.
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
    for (const block of this.#blocks) this.#memory.give(block, this.#lent);
    this.#memory.unreserve(this.#reservedBytes);
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
    const { track, ptsTicks, captureUs, senderUtcUs, keyframe, damaged } = unit;
    const copied = { bytes, offsets: packets.offsets, count: packets.count };
    const kept = { track, ptsTicks, captureUs, keyframe, damaged, packets: copied };
    this.#units.push(senderUtcUs === undefined ? kept : { ...kept, senderUtcUs });
    return true;
  }
}
