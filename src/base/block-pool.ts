// Memory for what is kept for seconds: blocks that are used again, and so never reach the collector.
//
// In memory of its own each piece would outlive the young generation, and only a major collection would free it: with sixteen cameras that is as much
// work as all the rest of recording them, and twice the memory.

const BLOCK_BYTES = 64 << 10;
const MAX_FREE_BYTES = 1 << 20;

export class BlockPool {
  #usedBytes = 0;
  #freeBytes = 0;
  readonly #free: Buffer[] = [];

  /** Blocks that were taken. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** What `take` allocates where no free block will do. */
  static newBytes(sizeBytes: number): number {
    return Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
  }

  /** A block of at least `sizeBytes`: the smallest free one, or a new one. What was in it before may still be. */
  take(sizeBytes: number): Buffer {
    const free = this.takeFree(sizeBytes);
    if (free !== undefined) return free;
    const block = Buffer.allocUnsafeSlow(BlockPool.newBytes(sizeBytes));
    this.#usedBytes += block.length;
    return block;
  }

  /** Undefined: no free block is as large. */
  takeFree(sizeBytes: number): Buffer | undefined {
    const free = this.#free;
    let best = -1;
    for (let i = 0; i < free.length; i++) {
      const { length } = free[i]!;
      if (length >= sizeBytes && (best < 0 || length < free[best]!.length)) best = i;
    }
    if (best < 0) return undefined;
    const block = free[best]!;
    free[best] = free[free.length - 1]!;
    free.pop();
    this.#freeBytes -= block.length;
    this.#usedBytes += block.length;
    return block;
  }

  /** A block that nobody reads any more. 1 MiB, or a quarter of what is in use, may lie free. */
  give(block: Buffer): void {
    this.#free.push(block);
    this.#freeBytes += block.length;
    this.#usedBytes -= block.length;
    this.trim(Math.max(MAX_FREE_BYTES, this.#usedBytes / 4));
  }

  /** A block that was taken is the collector's now. */
  forget(block: Buffer): void {
    this.#usedBytes -= block.length;
  }

  /** Gives free blocks up until no more than `mostFreeBytes` are left. */
  trim(mostFreeBytes: number): void {
    while (this.#freeBytes > mostFreeBytes) this.#freeBytes -= this.#free.pop()!.length;
  }
}
