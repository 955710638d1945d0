// Entries of one class of the outbox that wait, in the order of their ids: what only memory has as objects, what is on disk as numbers in columns. After a
// day of faults these are twenty thousand.
import type { OutboxClass } from "./log-record.ts";
import type { OutboxPlace } from "./outbox-log.ts";

/** An entry that is not on disk yet. */
export interface UnwrittenEntry {
  readonly id: number;
  readonly class: OutboxClass;
  readonly payload: Buffer;
}

/** Where an entry was that waits no more: one of both is there. */
export interface RemovedEntry {
  readonly unwritten: UnwrittenEntry | undefined;
  readonly place: OutboxPlace | undefined;
}

const MIN_CAPACITY = 64;

export class WaitingEntries {
  readonly #unwritten = new Map<number, UnwrittenEntry>();
  /** Columns, by rising id, from `#first` to `#end`; a size of 0: that one waits no more. */
  #ids = new Float64Array(MIN_CAPACITY);
  #segments = new Uint32Array(MIN_CAPACITY);
  #offsets = new Uint32Array(MIN_CAPACITY);
  #sizes = new Uint32Array(MIN_CAPACITY);
  #first = 0;
  #end = 0;
  /** In the columns. */
  #written = 0;
  /** Row of the id that was found last. */
  #cursor = 0;

  get size(): number {
    return this.#unwritten.size + this.#written;
  }

  get unwritten(): Iterable<UnwrittenEntry> {
    return this.#unwritten.values();
  }

  /** Its id is above all others. */
  add(entry: UnwrittenEntry): void {
    this.#unwritten.set(entry.id, entry);
  }

  has(id: number): boolean {
    return this.#unwritten.has(id) || this.#indexOf(id) !== undefined;
  }

  /** Undefined: it is on disk, or waits no more. */
  unwrittenOf(id: number): UnwrittenEntry | undefined {
    return this.#unwritten.get(id);
  }

  placeOf(id: number): OutboxPlace | undefined {
    const index = this.#indexOf(id);
    return index === undefined ? undefined : this.#placeAt(index);
  }

  /** The first id above `id`; below all of them stands 0. */
  after(id: number): number | undefined {
    // Whoever looks for the next one has had this one just now.
    let index = this.#cursor < this.#end && this.#ids[this.#cursor] === id ? this.#cursor + 1 : this.#lowerBound(id + 1);
    while (index < this.#end && this.#sizes[index] === 0) index++;
    this.#cursor = index;
    const written = index < this.#end ? this.#ids[index] : undefined;
    if (this.#unwritten.size === 0) return written;
    for (const unwritten of this.#unwritten.keys()) {
      if (unwritten > id) return written === undefined || unwritten < written ? unwritten : written;
    }
    return written;
  }

  /** It is on disk from now on, or at another place of it. */
  keep(id: number, { segment, offset, sizeBytes }: OutboxPlace): void {
    this.#unwritten.delete(id);
    const index = this.#indexOf(id) ?? this.#insert(id);
    this.#segments[index] = segment;
    this.#offsets[index] = offset;
    this.#sizes[index] = sizeBytes;
  }

  /** Undefined: it does not wait. */
  remove(id: number): RemovedEntry | undefined {
    const unwritten = this.#unwritten.get(id);
    if (unwritten !== undefined) {
      this.#unwritten.delete(id);
      return { unwritten, place: undefined };
    }
    const index = this.#indexOf(id);
    if (index === undefined) return undefined;
    const place = this.#placeAt(index);
    this.#sizes[index] = 0;
    this.#written--;
    while (this.#first < this.#end && this.#sizes[this.#first] === 0) this.#first++;
    if (this.#end > MIN_CAPACITY && this.#written < this.#end / 4) this.#resize(2 * this.#written);
    return { unwritten: undefined, place };
  }

  /** Ids of those whose record is in a segment. */
  inSegment(segment: number): number[] {
    const ids: number[] = [];
    for (let i = this.#first; i < this.#end; i++) if (this.#sizes[i] !== 0 && this.#segments[i] === segment) ids.push(this.#ids[i]!);
    return ids;
  }

  /** Of a new row, whose other columns are to be filled. */
  #insert(id: number): number {
    if (this.#end === this.#ids.length) this.#resize(Math.ceil(1.5 * this.#written));
    // Those that were written late stand before others.
    const index = this.#lowerBound(id);
    for (const column of this.#columns) column.copyWithin(index + 1, index, this.#end);
    this.#ids[index] = id;
    this.#end++;
    this.#written++;
    return index;
  }

  /** Leaves out what waits no more. */
  #resize(wanted: number): void {
    const [ids, segments, offsets, sizes, first, end] = [this.#ids, this.#segments, this.#offsets, this.#sizes, this.#first, this.#end];
    const capacity = Math.max(wanted, this.#written + 1, MIN_CAPACITY);
    this.#ids = new Float64Array(capacity);
    this.#segments = new Uint32Array(capacity);
    this.#offsets = new Uint32Array(capacity);
    this.#sizes = new Uint32Array(capacity);
    let to = 0;
    for (let from = first; from < end; from++) {
      if (sizes[from] === 0) continue;
      this.#ids[to] = ids[from]!;
      this.#segments[to] = segments[from]!;
      this.#offsets[to] = offsets[from]!;
      this.#sizes[to++] = sizes[from]!;
    }
    this.#first = 0;
    this.#end = to;
  }

  get #columns(): readonly (Float64Array | Uint32Array)[] {
    return [this.#ids, this.#segments, this.#offsets, this.#sizes];
  }

  #placeAt(index: number): OutboxPlace {
    return { segment: this.#segments[index]!, offset: this.#offsets[index]!, sizeBytes: this.#sizes[index]! };
  }

  #indexOf(id: number): number | undefined {
    const index = this.#lowerBound(id);
    return index < this.#end && this.#ids[index] === id && this.#sizes[index] !== 0 ? index : undefined;
  }

  /** The first row whose id is not below `id`. */
  #lowerBound(id: number): number {
    let [low, high] = [this.#first, this.#end];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ids[middle]! < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
