// Writes bit fields, most significant bit first: the counterpart of bit-reader.ts for small headers.

export class BitWriter {
  readonly #bytes: number[] = [];
  #bitCount = 0;

  get bitCount(): number {
    return this.#bitCount;
  }

  /** The lowest `count` bits of `value`, 0 to 32. */
  bits(value: number, count: number): this {
    for (let bit = count - 1; bit >= 0; bit--) {
      if ((this.#bitCount & 7) === 0) this.#bytes.push(0);
      if (Math.floor(value / 2 ** bit) % 2 === 1) this.#bytes[this.#bytes.length - 1]! |= 0x80 >>> (this.#bitCount & 7);
      this.#bitCount++;
    }
    return this;
  }

  /** Unsigned Exp-Golomb code, ITU-T H.264 §9.1. */
  ue(value: number): this {
    const length = 31 - Math.clz32(value + 1);
    return this.bits(0, length).bits(value + 1, length + 1);
  }

  /** Every bit written, the last byte filled up with zeros. */
  finish(): Buffer {
    return Buffer.from(this.#bytes);
  }
}
