// What every chunk holds, in RAM: columns by chunk number, and for each camera its chunks in the order of recording.
import type { Stamp } from "#base/clock.ts";
import type { GapCause } from "../store.ts";
import { CameraOrder } from "./camera-order.ts";
import { gapCode, gapOfCode } from "./gap-code.ts";
import type { IndexRecord } from "./index-record.ts";

/** `absent`: its file is not made yet; `bad`: it holds nothing and is not to be used. */
export type ChunkState = "absent" | "free" | "open" | "closed" | "bad";

const ABSENT = 0;
const FREE = 1;
const OPEN = 2;
const CLOSED = 3;
const BAD = 4;
const STATES: readonly ChunkState[] = ["absent", "free", "open", "closed", "bad"];

const GAP_BITS = 7;
const FLAG_BAD = 8;
const FLAG_RECOVERED = 16;

/** A camera that loses its connection all the time costs this much memory and no more; its further gaps still show when the footage is read. */
const MAX_GAPS_PER_CHUNK = 64;
const MAX_GAPS = 65_536;
/** What a gap takes in a list of objects, about. */
const GAP_HELD_BYTES = 64;

/** Footage that is missing inside a chunk. */
export interface Gap {
  /** Where footage ends. */
  readonly monoUs: number;
  readonly durationMs: number;
  readonly cause: GapCause;
}

/** A chunk with footage. */
export interface ChunkFacts {
  readonly chunk: number;
  readonly cameraId: number;
  readonly gen: number;
  readonly bootCounter: number;
  readonly run: number;
  readonly monoUs: number;
  readonly durationMs: number;
  readonly sizeBytes: number;
  readonly fragments: number;
  readonly gapCause: GapCause | undefined;
  readonly bad: boolean;
  readonly recovered: boolean;
  readonly open: boolean;
  readonly pinned: boolean;
}

/** Sums over the chunks of a camera. */
interface CameraChunks {
  readonly order: CameraOrder;
  sizeBytes: number;
  durationMs: number;
}

export class RingIndex {
  readonly chunks: number;
  readonly #state: Uint8Array;
  readonly #flags: Uint8Array;
  /** 1: locked, may not be overwritten. */
  readonly #pinned: Uint8Array;
  readonly #camera: Uint16Array;
  readonly #gen: Float64Array;
  readonly #boot: Uint32Array;
  readonly #run: Uint32Array;
  readonly #monoUs: Float64Array;
  readonly #durationMs: Uint32Array;
  readonly #sizeBytes: Uint32Array;
  readonly #fragments: Uint16Array;
  readonly #counts = new Uint32Array(STATES.length);
  readonly #gaps = new Map<number, Gap[]>();
  readonly #cameras = new Map<number, CameraChunks>();
  #gapCount = 0;
  #pinnedCount = 0;
  #maxGen = 0;

  constructor(chunks: number) {
    this.chunks = chunks;
    this.#state = new Uint8Array(chunks);
    this.#flags = new Uint8Array(chunks);
    this.#pinned = new Uint8Array(chunks);
    this.#camera = new Uint16Array(chunks);
    this.#gen = new Float64Array(chunks);
    this.#boot = new Uint32Array(chunks);
    this.#run = new Uint32Array(chunks);
    this.#monoUs = new Float64Array(chunks);
    this.#durationMs = new Uint32Array(chunks);
    this.#sizeBytes = new Uint32Array(chunks);
    this.#fragments = new Uint16Array(chunks);
    this.#counts[ABSENT] = chunks;
  }

  /** The highest gen that was seen. */
  get maxGen(): number {
    return this.#maxGen;
  }

  /** Memory of the columns, the lists and the gaps. */
  get heldBytes(): number {
    const columns = [
      this.#state,
      this.#flags,
      this.#pinned,
      this.#camera,
      this.#gen,
      this.#boot,
      this.#run,
      this.#monoUs,
      this.#durationMs,
      this.#sizeBytes,
      this.#fragments,
    ];
    let bytes = this.#gapCount * GAP_HELD_BYTES;
    for (const column of columns) bytes += column.byteLength;
    for (const { order } of this.#cameras.values()) bytes += order.heldBytes;
    return bytes;
  }

  countOf(state: ChunkState): number {
    return this.#counts[STATES.indexOf(state)]!;
  }

  stateOf(chunk: number): ChunkState {
    return STATES[this.#state[chunk]!]!;
  }

  genOf(chunk: number): number {
    return this.#gen[chunk]!;
  }

  isPinned(chunk: number): boolean {
    return this.#pinned[chunk] === 1;
  }

  /** How many are. */
  get pinnedCount(): number {
    return this.#pinnedCount;
  }

  /** Locks it for or frees it from the allocator; what for is the lock table's business. */
  setPinned(chunk: number, pinned: boolean): void {
    this.#pinnedCount += (pinned ? 1 : 0) - this.#pinned[chunk]!;
    this.#pinned[chunk] = pinned ? 1 : 0;
  }

  /** Lowest chunk in a state; undefined: none is. */
  firstIn(state: ChunkState): number | undefined {
    if (this.countOf(state) === 0) return undefined;
    return this.#state.indexOf(STATES.indexOf(state));
  }

  /** All that are open. */
  openChunks(): number[] {
    const chunks: number[] = [];
    for (let chunk = 0; chunk < this.chunks; chunk++) if (this.#state[chunk] === OPEN) chunks.push(chunk);
    return chunks;
  }

  /** Ids of cameras with footage. */
  cameraIds(): number[] {
    return [...this.#cameras].filter(([, { order }]) => order.length > 0).map(([id]) => id);
  }

  /** Undefined: no footage. */
  camera(id: number): { readonly order: CameraOrder; readonly sizeBytes: number; readonly durationMs: number } | undefined {
    const camera = this.#cameras.get(id);
    return camera === undefined || camera.order.length === 0 ? undefined : camera;
  }

  /** Undefined: it holds no footage. */
  facts(chunk: number): ChunkFacts | undefined {
    const state = this.#state[chunk];
    if (state !== OPEN && state !== CLOSED) return undefined;
    const flags = this.#flags[chunk]!;
    return {
      chunk,
      cameraId: this.#camera[chunk]!,
      gen: this.#gen[chunk]!,
      bootCounter: this.#boot[chunk]!,
      run: this.#run[chunk]!,
      monoUs: this.#monoUs[chunk]!,
      durationMs: this.#durationMs[chunk]!,
      sizeBytes: this.#sizeBytes[chunk]!,
      fragments: this.#fragments[chunk]!,
      gapCause: gapOfCode(flags & GAP_BITS),
      bad: (flags & FLAG_BAD) !== 0,
      recovered: (flags & FLAG_RECOVERED) !== 0,
      open: state === OPEN,
      pinned: this.isPinned(chunk),
    };
  }

  /** Without a look at anything else: footage of one boot and run without a gap inside goes on within `maxJoinUs` of where that of `before` ends. */
  isSequel(before: number, chunk: number, maxJoinUs: number): boolean {
    const isOfRun = this.#boot[before] === this.#boot[chunk] && this.#run[before] === this.#run[chunk];
    const isWhole = (this.#flags[chunk]! & GAP_BITS) === 0 && !this.#gaps.has(chunk);
    return isOfRun && isWhole && this.#monoUs[chunk]! - this.endUsOf(before) <= maxJoinUs;
  }

  /** Monotonic clock where a chunk's footage ends. */
  endUsOf(chunk: number): number {
    return this.#monoUs[chunk]! + this.#durationMs[chunk]! * 1000;
  }

  sizeBytesOf(chunk: number): number {
    return this.#sizeBytes[chunk]!;
  }

  /** Where the footage of each boot ends. */
  lastStamps(): Stamp[] {
    const endsUs = new Map<number, number>();
    for (let chunk = 0; chunk < this.chunks; chunk++) {
      if (this.#state[chunk] !== OPEN && this.#state[chunk] !== CLOSED) continue;
      endsUs.set(this.#boot[chunk]!, Math.max(this.endUsOf(chunk), endsUs.get(this.#boot[chunk]!) ?? 0));
    }
    return [...endsUs].map(([bootCounter, monoUs]) => ({ bootCounter, monoUs }));
  }

  gapsOf(chunk: number): readonly Gap[] {
    return this.#gaps.get(chunk) ?? [];
  }

  /**
   * Takes a record in, of the log or of what just happened. A record of an earlier use of the chunk changes nothing, so that a log can be replayed
   * over a checkpoint that knows it already. False: it cannot be (no such chunk).
   */
  apply(record: IndexRecord): boolean {
    const { chunk, gen } = record;
    if (chunk >= this.chunks) return false;
    if (gen < this.#gen[chunk]!) return true;
    this.#maxGen = Math.max(this.#maxGen, gen);
    switch (record.type) {
      case "alloc":
      case "close":
        this.#vacate(chunk);
        this.#occupy(record, record.type === "alloc" ? OPEN : CLOSED);
        break;
      case "gap":
        if (gen === this.#gen[chunk] && record.gapCause !== undefined)
          this.addGap(chunk, { monoUs: record.monoUs, durationMs: record.durationMs, cause: record.gapCause });
        break;
      case "drop":
        this.#vacate(chunk);
        this.#dropGaps(chunk);
        this.#gen[chunk] = gen;
        this.setPinned(chunk, false);
        this.#setState(chunk, record.bad ? BAD : FREE);
    }
    return true;
  }

  /** An open chunk holds more now. */
  grow(chunk: number, durationMs: number, sizeBytes: number, fragments: number): void {
    const camera = this.#cameras.get(this.#camera[chunk]!)!;
    camera.durationMs += durationMs - this.#durationMs[chunk]!;
    camera.sizeBytes += sizeBytes - this.#sizeBytes[chunk]!;
    this.#durationMs[chunk] = durationMs;
    this.#sizeBytes[chunk] = sizeBytes;
    this.#fragments[chunk] = fragments;
  }

  /** In the order of recording; one that is known already changes nothing. */
  addGap(chunk: number, gap: Gap): void {
    const gaps = this.#gaps.get(chunk) ?? [];
    if (gaps.length >= MAX_GAPS_PER_CHUNK || this.#gapCount >= MAX_GAPS) return;
    if (gaps.some(({ monoUs }) => monoUs === gap.monoUs)) return;
    this.#gaps.set(chunk, [...gaps, gap]);
    this.#gapCount++;
  }

  /** Records that make this index again, each camera's chunks in order. `utcUs` is asked for each chunk with footage. */
  records(utcUsOf: (bootCounter: number, monoUs: number) => number): IndexRecord[] {
    const records: IndexRecord[] = [];
    for (const { order } of this.#cameras.values()) {
      for (let place = 0; place < order.length; place++) {
        const chunk = order.at(place);
        const facts = this.facts(chunk)!;
        records.push(recordOf(facts, facts.open ? "alloc" : "close", utcUsOf(facts.bootCounter, facts.monoUs)));
        if (!facts.open) records.push(...this.gapRecords(chunk));
      }
    }
    for (let chunk = 0; chunk < this.chunks; chunk++) {
      const state = this.#state[chunk];
      if (state === FREE || state === BAD) records.push(dropRecord(chunk, this.#gen[chunk]!, state === BAD));
    }
    return records;
  }

  gapRecords(chunk: number): IndexRecord[] {
    const facts = this.facts(chunk);
    if (facts === undefined) return [];
    return this.gapsOf(chunk).map(({ monoUs, durationMs, cause }) => ({
      ...recordOf(facts, "gap", 0),
      monoUs,
      durationMs,
      gapCause: cause,
    }));
  }

  #occupy(record: IndexRecord, state: number): void {
    const { chunk } = record;
    if (record.gen !== this.#gen[chunk]) {
      this.#dropGaps(chunk);
      this.setPinned(chunk, false);
    }
    this.#gen[chunk] = record.gen;
    this.#camera[chunk] = record.cameraId;
    this.#boot[chunk] = record.bootCounter;
    this.#run[chunk] = record.run;
    this.#monoUs[chunk] = record.monoUs;
    this.#durationMs[chunk] = record.durationMs;
    this.#sizeBytes[chunk] = record.sizeBytes;
    this.#fragments[chunk] = record.fragments;
    this.#flags[chunk] = gapCode(record.gapCause) | (record.bad ? FLAG_BAD : 0) | (record.recovered ? FLAG_RECOVERED : 0);
    this.#setState(chunk, state);
    let camera = this.#cameras.get(record.cameraId);
    if (camera === undefined) {
      camera = { order: new CameraOrder((a, b) => this.#compare(a, b)), sizeBytes: 0, durationMs: 0 };
      this.#cameras.set(record.cameraId, camera);
    }
    camera.order.insert(chunk);
    camera.sizeBytes += record.sizeBytes;
    camera.durationMs += record.durationMs;
  }

  #vacate(chunk: number): void {
    if (this.#state[chunk] !== OPEN && this.#state[chunk] !== CLOSED) return;
    const camera = this.#cameras.get(this.#camera[chunk]!)!;
    camera.order.remove(chunk);
    camera.sizeBytes -= this.#sizeBytes[chunk]!;
    camera.durationMs -= this.#durationMs[chunk]!;
    this.#setState(chunk, FREE);
  }

  #dropGaps(chunk: number): void {
    this.#gapCount -= this.#gaps.get(chunk)?.length ?? 0;
    this.#gaps.delete(chunk);
  }

  #setState(chunk: number, state: number): void {
    this.#counts[this.#state[chunk]!]!--;
    this.#counts[state]!++;
    this.#state[chunk] = state;
  }

  /** By boot and monotonic clock; gens decide where a boot counter was lost and given twice. */
  #compare(a: number, b: number): number {
    return this.#boot[a]! - this.#boot[b]! || this.#monoUs[a]! - this.#monoUs[b]! || this.#gen[a]! - this.#gen[b]!;
  }
}

/** A chunk without footage: `gen` is that of its last use. */
export function dropRecord(chunk: number, gen: number, bad = false): IndexRecord {
  return {
    type: "drop",
    cameraId: 0,
    chunk,
    gen,
    bootCounter: 0,
    run: 0,
    monoUs: 0,
    durationMs: 0,
    sizeBytes: 0,
    fragments: 0,
    gapCause: undefined,
    bad,
    recovered: false,
    utcUs: 0,
  };
}

function recordOf(facts: ChunkFacts, type: "alloc" | "close" | "gap", utcUs: number): IndexRecord {
  const { chunk, cameraId, gen, bootCounter, run, monoUs, durationMs, sizeBytes, fragments, gapCause, bad, recovered } = facts;
  return { type, cameraId, chunk, gen, bootCounter, run, monoUs, durationMs, sizeBytes, fragments, gapCause, bad, recovered, utcUs };
}
