// Memory that C structures are laid out in, and that holds addresses of other memory.
import type { Koffi } from "./koffi.ts";

/** The collector does not see an address inside a structure: whatever such an address may point to is kept here. */
const held = new Set<Memory>();

/** A block of zeros that stays where it is until `release`. Offsets are bytes and multiples of 4. */
export class Memory {
  readonly bytes: Buffer;
  readonly address: number;
  readonly #cells: Uint32Array;
  readonly #wide: boolean;

  constructor(native: Pick<Koffi, "pointerBytes" | "address">, sizeBytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(sizeBytes).fill(0);
    this.address = native.address(this.bytes);
    this.#cells = new Uint32Array(this.bytes.buffer, this.bytes.byteOffset, sizeBytes >>> 2);
    this.#wide = native.pointerBytes === 8;
    held.add(this);
  }

  setUint32(at: number, value: number): void {
    this.#cells[at >>> 2] = value;
  }

  uint32(at: number): number {
    return this.#cells[at >>> 2]!;
  }

  /** A pointer or a size_t, in the machine's width. */
  setWord(at: number, value: number): void {
    const cell = at >>> 2;
    this.#cells[cell] = value; // the low 32 bits
    if (this.#wide) this.#cells[cell + 1] = value / 0x1_0000_0000;
  }

  /** Nothing of it may be in the hands of native code any more. */
  release(): void {
    held.delete(this);
  }
}
