// Where frames wait until they are written: copies of them, in blocks that later frames write over.
import { BlockPool } from "#base/block-pool.ts";

/** Before each part of a kept frame stands how long it is, as NAL units in MP4 have it (ISO/IEC 14496-15 §4.3). */
export const PREFIX_BYTES = 4;

/** One block, until it is full and nobody reads the frames in it. */
class FrameBlock {
  readonly bytes: Buffer;
  readonly #pool: BlockPool;
  #usedBytes = 0;
  /** Frames in it that are still read; one more while it is being filled. */
  #holders = 1;

  constructor(pool: BlockPool, sizeBytes: number) {
    this.#pool = pool;
    this.bytes = pool.take(sizeBytes);
  }

  hasRoom(sizeBytes: number): boolean {
    return this.#usedBytes + sizeBytes <= this.bytes.length;
  }

  add(parts: readonly Buffer[]): KeptBytes {
    const start = this.#usedBytes;
    let at = start;
    for (const part of parts) {
      at = this.bytes.writeUInt32BE(part.length, at);
      at += part.copy(this.bytes, at);
    }
    this.#usedBytes = at;
    this.#holders++;
    return new KeptBytes(this, start, at);
  }

  letGo(): void {
    if (--this.#holders === 0) this.#pool.give(this.bytes);
  }
}

/** The bytes of one frame. */
export class KeptBytes {
  readonly #block: FrameBlock;
  readonly #start: number;
  readonly #end: number;

  constructor(block: FrameBlock, start: number, end: number) {
    this.#block = block;
    this.#start = start;
    this.#end = end;
  }

  /** The parts as they were kept, each behind its length: views that are good until `letGo`. */
  get parts(): Buffer[] {
    const { bytes } = this.#block;
    const parts: Buffer[] = [];
    for (let at = this.#start; at < this.#end; ) {
      const start = at + PREFIX_BYTES;
      at = start + bytes.readUInt32BE(at);
      parts.push(bytes.subarray(start, at));
    }
    return parts;
  }

  /** Nobody reads it any more. To be called once. */
  letGo(): void {
    this.#block.letGo();
  }
}

/** Of all recorders of a gateway. What it holds is bounded by who keeps frames: a fragment that is put together, and the queues of a store. */
export class FrameMemory {
  readonly #pool = new BlockPool();

  /** Of blocks that hold frames. */
  get usedBytes(): number {
    return this.#pool.usedBytes;
  }

  /** For one recording. */
  keeper(): FrameKeeper {
    return new FrameKeeper(this.#pool);
  }
}

/** Fills one block after the other. */
export class FrameKeeper {
  readonly #pool: BlockPool;
  #block: FrameBlock | undefined;

  constructor(pool: BlockPool) {
    this.#pool = pool;
  }

  /** Copies a frame whose parts add up to `sizeBytes`. */
  keep(parts: readonly Buffer[], sizeBytes: number): KeptBytes {
    const keptBytes = sizeBytes + PREFIX_BYTES * parts.length;
    if (this.#block?.hasRoom(keptBytes) !== true) {
      this.close();
      this.#block = new FrameBlock(this.#pool, keptBytes);
    }
    return this.#block!.add(parts);
  }

  /** Frames that were kept stay. */
  close(): void {
    this.#block?.letGo();
    this.#block = undefined;
  }
}
