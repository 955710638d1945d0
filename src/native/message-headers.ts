// Arrays of `struct mmsghdr` and `struct iovec` as sendmmsg(2) and recvmmsg(2) take them, and the control message of UDP_SEGMENT (udp(7)).
// Both libcs on both word sizes lay them out alike when counted in words; sizes below are therefore in words.
import { type Libc, SOL_UDP, UDP_SEGMENT } from "./libc.ts";
import { Memory } from "./memory.ts";

const IOVEC_WORDS = 2; // base, length
const NAME = 0;
const NAME_SIZE = 1;
const IOVECS = 2;
const IOVEC_COUNT = 3;
const CONTROL = 4;
const CONTROL_SIZE = 5;
const RECEIVED_SIZE = 7; // behind struct msghdr
const MESSAGE_WORDS = 8;

/** `struct iovec[]`. */
export class IoVectors {
  readonly #memory: Memory;
  readonly #word: number;

  constructor(libc: Libc, count: number) {
    this.#word = libc.pointerBytes;
    this.#memory = new Memory(libc, count * IOVEC_WORDS * this.#word);
  }

  set(index: number, address: number, sizeBytes: number): void {
    const at = index * IOVEC_WORDS * this.#word;
    this.#memory.setWord(at, address);
    this.#memory.setWord(at + this.#word, sizeBytes);
  }

  addressOf(index: number): number {
    return this.#memory.address + index * IOVEC_WORDS * this.#word;
  }

  release(): void {
    this.#memory.release();
  }
}

/** `struct mmsghdr[]`. */
export class MessageHeaders {
  readonly #memory: Memory;
  readonly #word: number;

  constructor(libc: Libc, count: number) {
    this.#word = libc.pointerBytes;
    this.#memory = new Memory(libc, count * MESSAGE_WORDS * this.#word);
  }

  addressOf(index: number): number {
    return this.#memory.address + index * MESSAGE_WORDS * this.#word;
  }

  setName(index: number, address: number, sizeBytes: number): void {
    this.#memory.setWord(this.#at(index, NAME), address);
    this.setNameSize(index, sizeBytes);
  }

  /** A receiving call writes the size of what came over the room that was given. */
  setNameSize(index: number, sizeBytes: number): void {
    this.#memory.setUint32(this.#at(index, NAME_SIZE), sizeBytes);
  }

  setVectors(index: number, address: number, count: number): void {
    this.#memory.setWord(this.#at(index, IOVECS), address);
    this.#memory.setWord(this.#at(index, IOVEC_COUNT), count);
  }

  setControl(index: number, address: number, sizeBytes: number): void {
    this.#memory.setWord(this.#at(index, CONTROL), address);
    this.#memory.setWord(this.#at(index, CONTROL_SIZE), sizeBytes);
  }

  /** Bytes of a received datagram. */
  receivedBytes(index: number): number {
    return this.#memory.uint32(this.#at(index, RECEIVED_SIZE));
  }

  release(): void {
    this.#memory.release();
  }

  #at(index: number, field: number): number {
    return (index * MESSAGE_WORDS + field) * this.#word;
  }
}

/** `struct cmsghdr[]`, one each with the 16-bit segment size of UDP_SEGMENT. */
export class SegmentSizes {
  /** Bytes from one to the next, which is what msg_controllen counts: a header (size, level, type), the value, and padding to a word. */
  readonly strideBytes: number;
  readonly #memory: Memory;
  readonly #valueAt: number;

  constructor(libc: Libc, count: number) {
    const word = libc.pointerBytes;
    this.#valueAt = word + 8;
    this.strideBytes = Math.ceil((this.#valueAt + 2) / word) * word;
    this.#memory = new Memory(libc, count * this.strideBytes);
    for (let i = 0; i < count; i++) {
      const at = i * this.strideBytes;
      this.#memory.setWord(at, this.#valueAt + 2);
      this.#memory.setUint32(at + word, SOL_UDP);
      this.#memory.setUint32(at + word + 4, UDP_SEGMENT);
    }
  }

  set(index: number, segmentBytes: number): void {
    this.#memory.setUint32(index * this.strideBytes + this.#valueAt, segmentBytes);
  }

  addressOf(index: number): number {
    return this.#memory.address + index * this.strideBytes;
  }

  release(): void {
    this.#memory.release();
  }
}
