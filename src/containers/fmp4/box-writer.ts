// Writes boxes of the ISO base media file format, ISO/IEC 14496-12 §4.2, for heads: small, nested, sizes known only at their end.

/** The header of a box whose content follows elsewhere. `sizeBytes` counts the header. */
export function writeBoxHeader(type: string, sizeBytes: number): Buffer {
  const header = Buffer.allocUnsafe(8);
  header.writeUInt32BE(sizeBytes, 0);
  header.write(type, 4, "latin1");
  return header;
}

/** Big-endian fields and nested boxes into memory that grows. */
export class BoxWriter {
  #bytes = Buffer.allocUnsafe(1024);
  #at = 0;

  /** Bytes written. */
  get position(): number {
    return this.#at;
  }

  /** A box around what `content` writes. */
  box(type: string, content: () => void): this {
    const start = this.#at;
    this.u32(0).text(type);
    content();
    this.#bytes.writeUInt32BE(this.#at - start, start);
    return this;
  }

  /** A box with version and flags, §4.2.2. */
  fullBox(type: string, version: number, flags: number, content: () => void): this {
    return this.box(type, () => {
      this.u32(version * 2 ** 24 + flags);
      content();
    });
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#at = this.#bytes.writeUInt8(value, this.#at);
    return this;
  }

  u16(value: number): this {
    this.#reserve(2);
    this.#at = this.#bytes.writeUInt16BE(value, this.#at);
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#at = this.#bytes.writeUInt32BE(value, this.#at);
    return this;
  }

  i32(value: number): this {
    this.#reserve(4);
    this.#at = this.#bytes.writeInt32BE(value, this.#at);
    return this;
  }

  /** Below 2^53. */
  u64(value: number): this {
    return this.u32(Math.floor(value / 2 ** 32)).u32(value % 2 ** 32);
  }

  i64(value: bigint): this {
    this.#reserve(8);
    this.#at = this.#bytes.writeBigInt64BE(value, this.#at);
    return this;
  }

  /** 32 bits in version 0 of a box, 64 in version 1. */
  time(value: number, version: 0 | 1): this {
    return version === 0 ? this.u32(value) : this.u64(value);
  }

  zeros(count: number): this {
    this.#reserve(count);
    this.#bytes.fill(0, this.#at, this.#at + count);
    this.#at += count;
    return this;
  }

  /** Latin-1, without an end. */
  text(text: string): this {
    this.#reserve(text.length);
    this.#at += this.#bytes.write(text, this.#at, "latin1");
    return this;
  }

  bytes(bytes: Buffer): this {
    this.#reserve(bytes.length);
    this.#at += bytes.copy(this.#bytes, this.#at);
    return this;
  }

  /** Everything written, in memory of its own size. */
  finish(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#at));
  }

  #reserve(count: number): void {
    const needed = this.#at + count;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }
}
