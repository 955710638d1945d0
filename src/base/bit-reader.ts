// Reads bit fields, most significant bit first, as the ITU-T and MPEG parameter sets write them.

/** Never throws: what lies past the end reads as 0 and sets `overrun`, which a parser asks once at its end. */
export class BitReader {
  readonly #bytes: Buffer;
  readonly #endBits: number;
  #at: number;
  /** Something was read that is not there. */
  overrun = false;

  /** `startByte`: where the first bit stands. The bytes are not copied. */
  constructor(bytes: Buffer, startByte = 0) {
    this.#bytes = bytes;
    this.#endBits = bytes.length * 8;
    this.#at = startByte * 8;
  }

  /** Bits from the start of the buffer. */
  get position(): number {
    return this.#at;
  }

  get bitsLeft(): number {
    return Math.max(0, this.#endBits - this.#at);
  }

  bit(): number {
    const at = this.#at++;
    if (at >= this.#endBits) {
      this.overrun = true;
      return 0;
    }
    return (this.#bytes[at >>> 3]! >>> (7 - (at & 7))) & 1;
  }

  flag(): boolean {
    return this.bit() === 1;
  }

  /** Unsigned field of 0 to 32 bits. */
  bits(count: number): number {
    let value = 0;
    for (let left = count; left > 0; ) {
      const at = this.#at;
      if (at >= this.#endBits) {
        this.overrun = true;
        this.#at += left;
        return value * 2 ** left;
      }
      const take = Math.min(left, 8 - (at & 7));
      const chunk = (this.#bytes[at >>> 3]! >>> (8 - (at & 7) - take)) & ((1 << take) - 1);
      value = value * 2 ** take + chunk;
      this.#at += take;
      left -= take;
    }
    return value;
  }

  skip(count: number): void {
    this.#at += count;
    if (this.#at > this.#endBits) this.overrun = true;
  }

  /** Unsigned Exp-Golomb code, ITU-T H.264 §9.1. A prefix of more than 32 zeros is an overrun. */
  ue(): number {
    let zeros = 0;
    while (this.bit() === 0) {
      if (this.overrun || ++zeros > 32) {
        this.overrun = true;
        return 0;
      }
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** Signed Exp-Golomb code, ITU-T H.264 §9.1.1. */
  se(): number {
    const code = this.ue();
    return (code & 1) === 1 ? (code + 1) / 2 : 0 - code / 2;
  }
}
