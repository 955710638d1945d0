// A ring that is mounted: its index, journal and state, and the changes to them. One caller at a time (ring-writer.ts).
import type { BootClock } from "#base/clock.ts";
import type { FsPort } from "#base/fs-port.ts";
import { diskFaultOf, isOfMedium, MediumFault, mediumFaultOf } from "../disk-fault.ts";
import { type GapCause, StoreFault } from "../store.ts";
import { type CameraQuota, type CameraUse, chooseChunk, DEFAULT_QUOTA, type OldestChunk } from "./allocator.ts";
import type { CameraNames } from "./camera-names.ts";
import { writeErasedArea } from "./chunk-header.ts";
import type { ChunkWriter } from "./chunk-writer.ts";
import type { IndexRecord } from "./index-record.ts";
import type { Journal } from "./journal.ts";
import { chunkFolder, chunkPath } from "./layout.ts";
import type { LockTable } from "./lock-table.ts";
import type { RingEvent } from "./ring-event.ts";
import { dropRecord, type RingIndex } from "./ring-index.ts";
import type { RingIdentity } from "./ring-json.ts";
import { writeRingState } from "./ring-state.ts";
import type { SlotPair } from "./slot-pair.ts";
import type { WearMeter } from "./wear.ts";

/** Gens are given out this many at a time: the limit is on the medium before the first of them is used. */
const GEN_LEASE = 4096;
/** After the medium was full, new chunks are tried for again. */
const GROWTH_PAUSE_US = 600e6;
/** More in an hour, and the medium is done for. */
const MAX_BAD_PER_HOUR = 8;
const HOUR_US = 3600e6;

export interface VolumeParts {
  readonly fs: FsPort;
  /** Folder of the ring, `…/gwr1`. */
  readonly root: string;
  readonly ring: RingIdentity;
  readonly clock: BootClock;
  readonly index: RingIndex;
  readonly journal: Journal;
  readonly names: CameraNames;
  readonly locks: LockTable;
  readonly stateSlots: SlotPair;
  readonly genLimit: number;
  readonly meter: WearMeter;
}

/** What those who record and set limits say; asked each time. */
export interface VolumePolicy {
  quotaOf(path: string): CameraQuota | undefined;
  /** Somebody records it, or has it open. */
  isActive(path: string): boolean;
  /** 0 … 1 of all chunks. */
  lockedShare(): number;
  onEvent(event: RingEvent): void;
  onChange(path: string): void;
}

export interface AllocRequest {
  readonly camera: string;
  readonly monoUs: number;
  /** Id of the run; undefined: this chunk begins it. */
  readonly runId: number | undefined;
  readonly gapCause: GapCause | undefined;
}

export interface Allocation {
  readonly chunk: number;
  readonly gen: number;
  readonly cameraId: number;
  readonly previousChunk: number | undefined;
}

export class RingVolume {
  readonly parts: VolumeParts;
  /** Chunks that are being written, by number. */
  readonly openChunks = new Map<number, ChunkWriter>();
  /** The index is being made from the chunks: nothing is journaled until it is whole. */
  isRebuilding = false;
  readonly #policy: VolumePolicy;
  readonly #readers = new Map<number, number>();
  #genLimit: number;
  readonly #firstGen: number;
  #growthPausedUntilUs = 0;
  #badAtUs: number[] = [];

  constructor(parts: VolumeParts, policy: VolumePolicy, isRebuilding: boolean) {
    this.parts = parts;
    this.#policy = policy;
    this.isRebuilding = isRebuilding;
    this.#genLimit = parts.genLimit;
    this.#firstGen = isRebuilding ? Math.max(1, parts.genLimit) : 1;
  }

  get index(): RingIndex {
    return this.parts.index;
  }

  pathOf(chunk: number): string {
    return `${this.parts.root}/${chunkPath(chunk)}`;
  }

  /** A chunk that is read is not overwritten until the returned function is called. */
  hold(chunk: number): () => void {
    this.#readers.set(chunk, (this.#readers.get(chunk) ?? 0) + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const left = this.#readers.get(chunk)! - 1;
      if (left === 0) this.#readers.delete(chunk);
      else this.#readers.set(chunk, left);
    };
  }

  /** Journal and index; durable when it resolves. */
  async append(records: readonly IndexRecord[]): Promise<void> {
    for (const record of records) this.#apply(record);
    await this.#journal(records);
  }

  /** A chunk for a camera, by the allocation policy; `before` is journaled with it. Rejects with a StoreFault when there is none. */
  async allocate(request: AllocRequest, before: readonly IndexRecord[]): Promise<Allocation> {
    for (const record of before) this.#apply(record);
    const cameraId = await this.#idOf(request.camera);
    const chunk = await this.#choose(cameraId);
    if (chunk === undefined) {
      await this.#journal(before);
      const isFull = this.index.countOf("closed") === 0 && this.index.countOf("absent") > 0;
      throw isFull ? new StoreFault("full", "no space for a chunk") : new StoreFault("locked", "all that could be overwritten is locked");
    }
    const overwritten = this.index.facts(chunk);
    const gen = await this.#takeGen();
    const { monoUs, gapCause, runId = gen } = request;
    const order = this.index.camera(cameraId)?.order;
    const previousChunk = order?.at(order.length - 1);
    const record: IndexRecord = {
      ...dropRecord(chunk, gen),
      type: "alloc",
      cameraId,
      bootCounter: this.parts.clock.bootCounter,
      run: runId % 2 ** 32,
      monoUs,
      gapCause,
      utcUs: this.#utcUsOf(this.parts.clock.bootCounter, monoUs),
    };
    await this.#journal([...before, record]);
    this.#apply(record);
    const lost = overwritten && this.parts.names.nameOf(overwritten.cameraId);
    if (lost !== undefined && lost !== request.camera) this.#policy.onChange(lost);
    return { chunk, gen, cameraId, previousChunk };
  }

  /** What closes a chunk in the journal: as much as its writer says is durable. */
  closeRecords(writer: ChunkWriter, bad: boolean): IndexRecord[] {
    const { chunk, gen } = writer.header;
    const { durationMs, sizeBytes, fragments } = writer.extent;
    if (fragments === 0) return [dropRecord(chunk, gen, bad)];
    this.index.grow(chunk, durationMs, sizeBytes, fragments);
    return [this.#closeRecord(chunk, { bad }), ...this.index.gapRecords(chunk)];
  }

  /** Nothing of what a camera recorded when the gateway went is there: its last chunk says that footage is missing behind it. */
  interrupted(cameraId: number): IndexRecord[] {
    const order = this.index.camera(cameraId)?.order;
    const chunks = Array.from({ length: order?.length ?? 0 }, (_, place) => order!.at(place));
    const last = chunks.findLast((chunk) => this.index.stateOf(chunk) === "closed");
    return last === undefined ? [] : [this.#closeRecord(last, { recovered: true }), ...this.index.gapRecords(last)];
  }

  /** The medium failed in a chunk. Rejects when it did so too often. */
  countBad(chunk: number, text: string): void {
    const nowUs = this.parts.clock.nowUs();
    this.#policy.onEvent({ type: "bad-chunk", chunk, text });
    this.#badAtUs = [...this.#badAtUs.filter((atUs) => nowUs - atUs < HOUR_US), nowUs];
    if (this.#badAtUs.length > MAX_BAD_PER_HOUR) throw new MediumFault("io", `more than ${MAX_BAD_PER_HOUR} chunks failed within an hour`);
  }

  /** Deletes a chunk's footage: no player and no rebuild finds it again. */
  async erase(chunk: number): Promise<void> {
    const { ring, fs } = this.parts;
    const gen = this.index.genOf(chunk);
    const file = await fs.open(this.pathOf(chunk), "update");
    try {
      await file.write([writeErasedArea({ ringId: Buffer.from(ring.ringId, "hex"), chunk, gen, chunkBytes: ring.chunkBytes })], 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.append([dropRecord(chunk, gen)]);
  }

  /** Oldest first: chunks of a camera that may go. */
  *recyclable(cameraId: number): Generator<number> {
    const order = this.index.camera(cameraId)?.order;
    for (let place = 0; order !== undefined && place < order.length; place++) {
      const chunk = order.at(place);
      if (this.index.stateOf(chunk) === "closed" && !this.index.isPinned(chunk) && !this.#readers.has(chunk)) yield chunk;
    }
  }

  /** After locks of a camera changed: which of its chunks they hold. */
  repin(cameraId: number): void {
    const order = this.index.camera(cameraId)?.order;
    for (let place = 0; order !== undefined && place < order.length; place++) this.#pin(order.at(place));
  }

  async saveState(): Promise<void> {
    const { names, locks, meter, stateSlots } = this.parts;
    const state = { cameras: names.names, locks: locks.all, genLimit: this.#genLimit, writtenBytes: meter.writtenBytes };
    await stateSlots.save(writeRingState(state)).catch((error) => {
      throw mediumFaultOf(error);
    });
  }

  get wantsCheckpoint(): boolean {
    return !this.isRebuilding && this.parts.journal.wantsCheckpoint;
  }

  /** The index as it is, and what goes with it. */
  async checkpoint(): Promise<void> {
    await this.saveState();
    const records = this.index.records((bootCounter, monoUs) => this.#utcUsOf(bootCounter, monoUs));
    await this.parts.journal.checkpoint(records).catch((error) => {
      throw mediumFaultOf(error);
    });
  }

  /** Chunk files are made a little ahead of their use. */
  get wantsGrowth(): boolean {
    return this.index.countOf("free") < 2 && this.#canGrow;
  }

  /** Makes the next chunk file. Undefined: the medium is full, or the file cannot be made. */
  async grow(): Promise<number | undefined> {
    const chunk = this.index.firstIn("absent");
    if (chunk === undefined || !this.#canGrow) return undefined;
    const { fs, root, ring, clock } = this.parts;
    const folder = `${root}/${chunkFolder(chunk)}`;
    try {
      await fs.makeFolder(folder);
      await fs.allocate(this.pathOf(chunk), ring.chunkBytes);
      await fs.syncFolder(folder);
      await fs.syncFolder(`${root}/c`);
    } catch (error) {
      const fault = diskFaultOf(error);
      if (fault === undefined || isOfMedium(fault)) throw fault ?? error;
      this.#growthPausedUntilUs = clock.nowUs() + GROWTH_PAUSE_US;
      this.#policy.onEvent({ type: "no-growth", text: fault.message });
      return undefined;
    }
    await this.append([dropRecord(chunk, 0)]);
    return chunk;
  }

  get #canGrow(): boolean {
    // While the index is being made, what it does not know yet may be there.
    return !this.isRebuilding && this.index.countOf("absent") > 0 && this.parts.clock.nowUs() >= this.#growthPausedUntilUs;
  }

  async #choose(cameraId: number): Promise<number | undefined> {
    if (this.index.countOf("free") === 0) await this.grow();
    return chooseChunk(cameraId, this.parts.ring.chunkBytes, this.index.firstIn("free"), this.#cameraUses());
  }

  #cameraUses(): CameraUse[] {
    return this.index.cameraIds().map((cameraId) => {
      const { sizeBytes, durationMs, order } = this.index.camera(cameraId)!;
      const quota = this.#policy.quotaOf(this.parts.names.nameOf(cameraId) ?? "") ?? DEFAULT_QUOTA;
      // What counts against a limit in bytes is what the chunks take.
      const heldBytes = quota.maxBytes === undefined ? sizeBytes : order.length * this.parts.ring.chunkBytes;
      return { cameraId, quota, sizeBytes: heldBytes, durationMs, oldest: this.#oldest(cameraId) };
    });
  }

  #oldest(cameraId: number): OldestChunk | undefined {
    for (const chunk of this.recyclable(cameraId)) return this.index.facts(chunk);
    return undefined;
  }

  async #idOf(camera: string): Promise<number> {
    const { names } = this.parts;
    const known = names.idOf(camera);
    if (known !== undefined) return known;
    const isUsed = (id: number) => this.index.camera(id) !== undefined || this.#policy.isActive(names.nameOf(id)!);
    const id = names.assign(camera, isUsed);
    if (id === undefined) throw new StoreFault("full", "too many cameras");
    await this.saveState();
    return id;
  }

  async #takeGen(): Promise<number> {
    const gen = Math.max(this.#firstGen, this.index.maxGen + 1);
    if (gen >= this.#genLimit) {
      this.#genLimit = gen + GEN_LEASE;
      await this.saveState();
    }
    return gen;
  }

  #apply(record: IndexRecord): void {
    this.index.apply(record);
    if (record.type !== "close") return;
    this.#pin(record.chunk);
    this.parts.clock.noteFootage({ bootCounter: record.bootCounter, monoUs: record.monoUs + record.durationMs * 1000 });
  }

  async #journal(records: readonly IndexRecord[]): Promise<void> {
    if (this.isRebuilding) return;
    try {
      await this.parts.journal.append(records);
    } catch (error) {
      throw mediumFaultOf(error);
    }
  }

  #closeRecord(chunk: number, changes: Partial<IndexRecord>): IndexRecord {
    const { open: _, pinned: __, ...facts } = this.index.facts(chunk)!;
    return { ...facts, type: "close", utcUs: this.#utcUsOf(facts.bootCounter, facts.monoUs), ...changes };
  }

  #pin(chunk: number): void {
    const facts = this.index.facts(chunk);
    const camera = facts && this.parts.names.nameOf(facts.cameraId);
    if (facts === undefined || camera === undefined) return;
    const isLocked = this.parts.locks.covers(camera, facts.bootCounter, facts.monoUs, facts.monoUs + facts.durationMs * 1000);
    const isOverCap = isLocked && !facts.pinned && this.index.pinnedCount + 1 > this.#policy.lockedShare() * this.index.chunks;
    if (isOverCap) this.#policy.onEvent({ type: "lock-cap", path: camera });
    this.index.setPinned(chunk, isLocked && !isOverCap);
  }

  #utcUsOf(bootCounter: number, monoUs: number): number {
    return this.parts.clock.utcOfStamp({ bootCounter, monoUs }).utcUs;
  }
}
