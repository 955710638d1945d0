// The way of one camera's fragments to the medium: which run and chunk they go into, what is done when a chunk fails.
import { bootIdBytes } from "#base/boot-id.ts";
import { writeFragment } from "#containers/fmp4/fragment.ts";
import { diskFaultOf, isOfMedium } from "../disk-fault.ts";
import type { Fragment, GapCause, StoreFault } from "../store.ts";
import { CameraQueue, type QueuedFragment, type QueueLimits, type Recording } from "./camera-queue.ts";
import { type ChunkHeader, writeHeaderArea } from "./chunk-header.ts";
import { ChunkWriter, capacityOf, type MuxedFragment } from "./chunk-writer.ts";
import { GWRF_BYTES } from "./fragment-header.ts";
import type { IndexRecord } from "./index-record.ts";
import type { RingEvent } from "./ring-event.ts";
import { dropRecord } from "./ring-index.ts";
import { type Run, RunChoice } from "./run-choice.ts";
import type { RingVolume } from "./volume.ts";

/** A chunk is closed after this long at the latest: footage is deleted by chunks. */
export const MAX_CHUNK_US = 600e6;
/** A fragment that no chunk takes is given up. */
const MAX_TRIES = 3;

export interface LaneEvents {
  onEvent(event: RingEvent): void;
  onChange(path: string): void;
  onStored(fragment: Fragment): void;
}

/** Calls that touch the medium come from the writer's loop, one at a time. */
export class CameraLane {
  readonly path: string;
  readonly queue: CameraQueue;
  readonly #events: LaneEvents;
  readonly #choice = new RunChoice();
  #volume: RingVolume | undefined;
  #run: Run | undefined;
  #recording: Recording | undefined;
  #chunk: ChunkWriter | undefined;
  #unsynced: Fragment[] = [];
  #writing: QueuedFragment | undefined;
  /** Why footage will be missing before the next fragment. */
  #gap: GapCause | undefined;
  /** Where footage ends; undefined: nothing was written since the medium was mounted. */
  #endUs: number | undefined;

  constructor(path: string, limits: QueueLimits, events: LaneEvents) {
    this.path = path;
    this.queue = new CameraQueue(limits);
    this.#events = events;
  }

  /** Bytes taken and not written. */
  get queuedBytes(): number {
    return this.queue.sizeBytes + (this.#writing?.fragment.sizeBytes ?? 0);
  }

  get isDirty(): boolean {
    return this.#chunk?.isDirty === true;
  }

  /** When the open chunk has to be closed; undefined: none is open. */
  get closeDueUs(): number | undefined {
    return this.#chunk && this.#chunk.header.monoUs + MAX_CHUNK_US;
  }

  mount(volume: RingVolume): void {
    this.#volume = volume;
  }

  /** The medium is out of use: what waits is lost, files are given up. */
  async unmount(): Promise<void> {
    this.#volume = undefined;
    const hadSome = this.#unsynced.length > 0 || this.queue.length > 0 || this.#writing !== undefined || this.#run !== undefined;
    this.queue.clear();
    this.#unsynced = [];
    this.#run = undefined;
    this.#recording = undefined;
    this.#endUs = undefined;
    if (hadSome) this.#gap = "disk";
    const chunk = this.#chunk;
    this.#chunk = undefined;
    await chunk?.abandon();
  }

  /** A group of pictures is dropped for want of speed; false: nothing waits. */
  dropGroup(): boolean {
    const dropped = this.queue.dropGroup();
    if (dropped === 0) return false;
    this.noteGap("backpressure");
    return true;
  }

  noteGap(cause: GapCause): void {
    this.#gap ??= cause;
    this.#events.onEvent({ type: "gap", path: this.path, cause, durationMs: undefined });
  }

  /** Writes the first fragment of the queue. Rejects with a StoreFault: of the medium, or because this camera cannot go on. */
  async writeNext(): Promise<void> {
    const item = this.queue.shift();
    if (item === undefined) return;
    this.#writing = item;
    try {
      await this.#writeSomewhere(item);
    } finally {
      this.#writing = undefined;
      item.fragment.release?.();
    }
  }

  /** Makes durable what was written. Rejects with a StoreFault of the medium only. */
  async sync(): Promise<void> {
    const chunk = this.#chunk;
    if (chunk === undefined) return;
    try {
      await chunk.sync();
      this.#noteStored();
    } catch (error) {
      await this.#leaveChunk(chunk, faultOf(error), false);
    }
  }

  /** Closes the open chunk, if there is one. */
  async finish(): Promise<void> {
    const records = await this.#finishChunk();
    if (records.length === 0) return;
    await this.#mounted.append(records);
    this.#events.onChange(this.path);
  }

  get #mounted(): RingVolume {
    if (this.#volume === undefined) throw new Error("no ring is mounted");
    return this.#volume;
  }

  async #writeSomewhere(item: QueuedFragment): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#write(item);
        return;
      } catch (error) {
        const fault = faultOf(error);
        if (this.#chunk !== undefined) await this.#leaveChunk(this.#chunk, fault, true);
        if (isOfMedium(fault) || fault.code === "locked" || tries === MAX_TRIES) {
          this.#gap = "disk";
          throw fault;
        }
      }
    }
  }

  async #write({ fragment, recording }: QueuedFragment): Promise<void> {
    const run = this.#runOf(recording, fragment);
    let muxed = this.#mux(run, fragment);
    if (muxed === undefined || muxed.sizeBytes + GWRF_BYTES > capacityOf(this.#mounted.parts.ring.chunkBytes)) {
      this.noteGap("disk");
      return;
    }
    let chunk = this.#chunk;
    if (chunk === undefined || !goesInto(chunk, run, muxed)) {
      // The old chunk is complete and durable before the next one's header is written. What it lost at its end is missing before this fragment.
      const before = await this.#finishChunk();
      muxed = this.#mux(run, fragment) ?? muxed;
      chunk = await this.#beginChunk(run, muxed, before);
    }
    await chunk.write(muxed);
    this.#noteWritten(chunk, fragment, muxed.flags.gapBefore);
  }

  /** The run a fragment belongs to: the present one, or the next if parameters changed. */
  #runOf(recording: Recording, fragment: Fragment): Run {
    const present = this.#run;
    if (present !== undefined && recording === this.#recording) return present;
    const isAlive = present !== undefined && this.#chunk !== undefined;
    this.#run = this.#choice.next(isAlive ? present : undefined, recording, fragment, this.#mounted.parts.clock.nowUs());
    this.#recording = recording;
    this.#gap ??= recording.start.gapBefore;
    return this.#run;
  }

  #causeOf({ gapBefore }: Fragment): GapCause | undefined {
    const cause = this.#gap ?? gapBefore;
    if (this.#endUs !== undefined) return cause; // a step of the capture times alone is a clock that was made good
    const { index, names } = this.#mounted.parts;
    const order = index.camera(names.idOf(this.path) ?? 0)?.order;
    const last = order && index.facts(order.at(order.length - 1));
    // A medium that was out of use for a while leaves chunks behind as a power cut does.
    if (last?.recovered === true && cause !== "disk") return "power";
    return last === undefined ? cause : (cause ?? "off");
  }

  #mux(run: Run, fragment: Fragment): MuxedFragment | undefined {
    const { stored, inBand } = run.format;
    const times = run.timeline.place(fragment);
    const bytes = writeFragment(stored, fragment.samples, {
      sequenceNumber: this.#chunk?.entries.length ?? 0,
      originTicks: times.originTicks,
    });
    if (bytes === undefined) return undefined;
    const { captureUs, durationUs, keyframe, senderUtcUs = 0 } = fragment;
    const { clock, locks } = this.#mounted.parts;
    return {
      buffers: bytes.buffers,
      sizeBytes: bytes.sizeBytes,
      monoUs: captureUs,
      utcUs: clock.utcOf(captureUs).utcUs,
      senderUtcUs,
      epochUs: times.epochUs,
      ticks: times.ticks % 2 ** 32,
      durationUs,
      frames: fragment.samples.reduce((sum, { samples }) => sum + samples.length, 0),
      flags: {
        keyframe,
        gapBefore: this.#causeOf(fragment),
        locked: locks.covers(this.path, clock.bootCounter, captureUs, captureUs + durationUs),
        sameParameters: !inBand,
        audioOnly: fragment.samples.every(({ trackIndex }) => stored[trackIndex]?.track.kind !== "video"),
      },
    };
  }

  async #beginChunk(run: Run, { monoUs, flags }: MuxedFragment, before: readonly IndexRecord[]): Promise<ChunkWriter> {
    const { gapBefore } = flags;
    const volume = this.#mounted;
    const { clock, ring, fs } = volume.parts;
    const { chunk, gen, cameraId, previousChunk } = await volume.allocate(
      { camera: this.path, monoUs, runId: run.id, gapCause: gapBefore },
      before,
    );
    const { utcUs, quality } = clock.utcOf(monoUs);
    const header: ChunkHeader = {
      ringId: Buffer.from(ring.ringId, "hex"),
      chunk,
      gen,
      chunkBytes: ring.chunkBytes,
      cameraId,
      camera: this.path,
      runId: run.id ?? gen,
      bootId: bootIdBytes(clock.bootId),
      bootCounter: clock.bootCounter,
      monoUs,
      utcUs,
      timeQuality: quality,
      gapBefore,
      previousChunk,
    };
    const area = writeHeaderArea(header, run.format.init, run.format.ftypBytes);
    if (area === undefined) throw new Error("a format was let through that does not fit a chunk's header");
    try {
      this.#chunk = await ChunkWriter.begin(fs, volume.pathOf(chunk), header, area);
    } catch (error) {
      const fault = faultOf(error);
      if (isOfMedium(fault)) throw fault;
      await volume.append([dropRecord(chunk, gen, fault.code === "io")]);
      if (fault.code === "io") volume.countBad(chunk, fault.message);
      throw fault;
    }
    run.id ??= gen;
    volume.openChunks.set(chunk, this.#chunk);
    return this.#chunk;
  }

  /** Trailer and sync; returns what the journal is to be told. */
  async #finishChunk(): Promise<IndexRecord[]> {
    const chunk = this.#chunk;
    if (chunk === undefined) return [];
    let isWritten = false;
    try {
      await chunk.writeTrailer();
      isWritten = true;
      await chunk.sync();
    } catch (error) {
      await this.#leaveChunk(chunk, faultOf(error), !isWritten);
      return [];
    }
    await chunk.close();
    this.#noteStored();
    this.#chunk = undefined;
    this.#mounted.openChunks.delete(chunk.header.chunk);
    return this.#mounted.closeRecords(chunk, false);
  }

  /**
   * The medium failed in the open chunk. `trySync`: it was not a sync that failed, so that one may still save what was written before; a sync that
   * failed is never tried again on the same file, since the system has forgotten what it did not write.
   */
  async #leaveChunk(chunk: ChunkWriter, fault: StoreFault, trySync: boolean): Promise<void> {
    this.#chunk = undefined;
    if (isOfMedium(fault)) {
      await chunk.abandon();
      throw fault;
    }
    const isSaved =
      trySync &&
      (await chunk.sync().then(
        () => true,
        () => false,
      ));
    await chunk.abandon();
    if (isSaved) this.#noteStored();
    else if (this.#unsynced.length > 0) {
      const lostUs = this.#unsynced.reduce((sum, { durationUs }) => sum + durationUs, 0);
      this.#unsynced = [];
      this.#gap = "disk";
      this.#events.onEvent({ type: "gap", path: this.path, cause: "disk", durationMs: Math.round(lostUs / 1000) });
    }
    const volume = this.#mounted;
    const isBad = fault.code === "io";
    await volume.append(volume.closeRecords(chunk, isBad));
    volume.openChunks.delete(chunk.header.chunk);
    if (isBad) volume.countBad(chunk.header.chunk, fault.message);
  }

  #noteWritten(chunk: ChunkWriter, fragment: Fragment, cause: GapCause | undefined): void {
    const { index } = this.#mounted;
    const { durationMs, sizeBytes, fragments } = chunk.extent;
    const { captureUs, durationUs } = fragment;
    index.grow(chunk.header.chunk, durationMs, sizeBytes, fragments);
    if (cause !== undefined && fragments > 1 && this.#endUs !== undefined) {
      const gapMs = Math.max(0, Math.round((captureUs - this.#endUs) / 1000));
      index.addGap(chunk.header.chunk, { monoUs: this.#endUs, durationMs: gapMs, cause });
    }
    if (cause !== undefined || fragments === 1) this.#events.onChange(this.path);
    if (cause === "power") this.#events.onEvent({ type: "gap", path: this.path, cause, durationMs: undefined });
    this.#gap = undefined;
    this.#endUs = captureUs + durationUs;
    this.#unsynced.push(fragment);
  }

  #noteStored(): void {
    const stored = this.#unsynced;
    this.#unsynced = [];
    for (const fragment of stored) this.#events.onStored(fragment);
  }
}

/** The open chunk takes a fragment: it is of the same run, young, and has room. */
function goesInto(chunk: ChunkWriter, run: Run, { monoUs, sizeBytes, flags }: MuxedFragment): boolean {
  const isOfRun = run.id !== undefined && run.id === chunk.header.runId;
  return isOfRun && monoUs - chunk.header.monoUs < MAX_CHUNK_US && chunk.takes(sizeBytes, flags.keyframe);
}

/** Errors of the file system; our own bugs go on as they are. */
function faultOf(error: unknown): StoreFault {
  const fault = diskFaultOf(error);
  if (fault === undefined) throw error;
  return fault;
}
