// Vectors of TLS with a length in front (RFC 5246 §4.3): read and written.

/** Walks over a message; nothing is read behind its end. */
export class Vectors {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Where the next read begins. */
  get at(): number {
    return this.#at;
  }

  /** undefined: there is not so much. */
  take(sizeBytes: number): Buffer | undefined {
    if (this.#at + sizeBytes > this.#bytes.length) return undefined;
    this.#at += sizeBytes;
    return this.#bytes.subarray(this.#at - sizeBytes, this.#at);
  }

  uint(sizeBytes: 1 | 2 | 3): number | undefined {
    return this.take(sizeBytes)?.readUIntBE(0, sizeBytes);
  }

  /** A vector whose length is a number of `lengthBytes`. */
  vector(lengthBytes: 1 | 2 | 3): Buffer | undefined {
    const length = this.uint(lengthBytes);
    return length === undefined ? undefined : this.take(length);
  }
}

/** Numbers of 16 bits; an odd byte at the end is left out. */
export function numbersIn(list: Buffer): readonly number[] {
  return Array.from({ length: list.length >> 1 }, (_, i) => list.readUInt16BE(i * 2));
}

export function uint(value: number, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  bytes.writeUIntBE(value, 0, sizeBytes);
  return bytes;
}

export function vector(lengthBytes: 1 | 2 | 3, content: Buffer): Buffer {
  return Buffer.concat([uint(content.length, lengthBytes), content]);
}

export function extension(type: number, data: Buffer): Buffer {
  return Buffer.concat([uint(type, 2), vector(2, data)]);
}
