// The address of the buffer that was used last: a slab is asked about for each of its packets and for each who gets it.

/** One buffer is remembered; to ask koffi costs more than all else. */
export class AddressCache {
  readonly #addressOf: (memory: Buffer) => number;
  #memory: Buffer | undefined;
  #address = 0;

  constructor(addressOf: (memory: Buffer) => number) {
    this.#addressOf = addressOf;
  }

  of(memory: Buffer): number {
    if (memory !== this.#memory) {
      this.#address = this.#addressOf(memory);
      this.#memory = memory;
    }
    return this.#address;
  }
}
