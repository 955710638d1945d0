// The chunks of one camera in the order of recording: a sorted list of numbers that mostly grows at its end and shrinks at its start.

const FIRST_CAPACITY = 16;

/** Below 0: `a` was recorded before `b`. */
export type CompareChunks = (a: number, b: number) => number;

export class CameraOrder {
  readonly #compare: CompareChunks;
  #chunks = new Uint32Array(FIRST_CAPACITY);
  #start = 0;
  #length = 0;

  constructor(compare: CompareChunks) {
    this.#compare = compare;
  }

  get length(): number {
    return this.#length;
  }

  /** Memory of the list. */
  get heldBytes(): number {
    return this.#chunks.byteLength;
  }

  /** The chunk at a place from 0 on. */
  at(place: number): number {
    return this.#chunks[this.#start + place]!;
  }

  insert(chunk: number): void {
    const isLast = this.#length === 0 || this.#compare(this.at(this.#length - 1), chunk) < 0;
    const place = isLast ? this.#length : this.placeOf((other) => this.#compare(other, chunk) < 0);
    this.#makeRoom();
    const at = this.#start + place;
    this.#chunks.copyWithin(at + 1, at, this.#start + this.#length);
    this.#chunks[at] = chunk;
    this.#length++;
  }

  /** The chunk's times must be those it was inserted with. */
  remove(chunk: number): void {
    const place = this.placeOf((other) => this.#compare(other, chunk) < 0);
    if (place >= this.#length || this.at(place) !== chunk) return;
    const at = this.#start + place;
    if (place === 0) this.#start++;
    else this.#chunks.copyWithin(at, at + 1, this.#start + this.#length);
    this.#length--;
  }

  /** First place whose chunk `isBefore` says no to; it says yes to all before that one. */
  placeOf(isBefore: (chunk: number) => boolean): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(this.at(middle))) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #makeRoom(): void {
    if (this.#start + this.#length < this.#chunks.length) return;
    // Half of it empty at the start is room enough.
    const isSparse = this.#start >= this.#chunks.length >> 1;
    const target = isSparse ? this.#chunks : new Uint32Array(this.#chunks.length * 2);
    if (isSparse) target.copyWithin(0, this.#start, this.#start + this.#length);
    else target.set(this.#chunks.subarray(this.#start, this.#start + this.#length));
    this.#chunks = target;
    this.#start = 0;
  }
}
