// One camera's place in the ring, as the recorder sees it.
import { type Fragment, type FragmentLimits, type RecordingStore, type RunStart, StoreFault } from "../store.ts";
import { CameraLane } from "./camera-lane.ts";
import type { QueueLimits, Recording } from "./camera-queue.ts";
import { capacityOf } from "./chunk-writer.ts";
import type { RingEvent } from "./ring-event.ts";
import type { RingWriter, WriterLane } from "./ring-writer.ts";
import { runFormatOf } from "./run-format.ts";

/** docs/storage.md, fragments. */
const MAX_FRAGMENT_MS = 1000;
const MAX_FRAGMENT_BYTES = 512 * 1024;
/** A small chunk takes several fragments all the same. */
const MIN_FRAGMENTS_PER_CHUNK = 8;
/** While footage is locked as it comes, something is happening. */
const LOCKED_SYNC_PERIOD_MS = 500;
/** How much longer than its limit a queue may get at the cost of others. */
const MAX_QUEUE_LOAN = 2;

export interface RingStoreOptions {
  readonly path: string;
  /** Higher: served first and kept longer when the medium is too slow. */
  readonly priority: number;
  readonly queue: QueueLimits;
  readonly chunkBytes: number;
  onEvent(event: RingEvent): void;
  onChange(path: string): void;
  onOpen(store: RingStore): void;
}

export class RingStore implements RecordingStore {
  readonly limits: FragmentLimits;
  onFault: ((fault: StoreFault) => void) | undefined;
  onStored: ((fragment: Fragment) => void) | undefined;
  readonly #writer: RingWriter;
  readonly #onOpen: (store: RingStore) => void;
  readonly #place: WriterLane;
  #recording: Recording | undefined;

  constructor(writer: RingWriter, options: RingStoreOptions) {
    const { path, priority, queue, chunkBytes, onEvent, onChange, onOpen } = options;
    this.#writer = writer;
    this.#onOpen = onOpen;
    const maxBytes = Math.min(MAX_FRAGMENT_BYTES, Math.floor(capacityOf(chunkBytes) / MIN_FRAGMENTS_PER_CHUNK));
    this.limits = { maxMs: MAX_FRAGMENT_MS, maxBytes, cutAtKeyframe: true };
    const lane = new CameraLane(path, queue, { onEvent, onChange, onStored: (fragment) => this.onStored?.(fragment) });
    this.#place = {
      lane,
      priority,
      syncDueUs: undefined,
      flushing: undefined,
      syncPeriodMs: () => (this.#isLockedNow() ? LOCKED_SYNC_PERIOD_MS : undefined),
      onFault: (fault) => this.#fail(fault),
    };
  }

  /** Somebody has it open. */
  get isOpen(): boolean {
    return this.#recording !== undefined;
  }

  get queuedBytes(): number {
    return this.#place.lane.queuedBytes;
  }

  async open(start: RunStart): Promise<void> {
    if (this.#writer.volume === undefined) throw this.#writer.fault;
    const format = runFormatOf(start.tracks);
    if (format === undefined) throw new StoreFault("unsupported", "MP4 has no place for any of the tracks");
    this.#recording = { format, start };
    this.#writer.add(this.#place);
    this.#onOpen(this);
  }

  append(fragment: Fragment): boolean {
    const recording = this.#recording;
    if (recording === undefined || this.#writer.volume === undefined) return false;
    const { queue } = this.#place.lane;
    const item = { fragment, recording };
    const isTaken =
      queue.push(item) ||
      (queue.sizeBytes < MAX_QUEUE_LOAN * queue.limits.maxBytes && this.#writer.shed(this.#place) && queue.push(item, true));
    this.#writer.wake();
    return isTaken;
  }

  /** The chunk stays open for a camera that comes back with the same parameters. */
  async close(): Promise<void> {
    this.#recording = undefined;
    await this.#writer.flush(this.#place);
  }

  /** The writer lets go of a camera that is not recorded and has no chunk open. False: it is, or has. */
  leave(): boolean {
    const { lane } = this.#place;
    if (this.isOpen || lane.queuedBytes > 0 || lane.closeDueUs !== undefined) return false;
    this.#writer.remove(this.#place);
    return true;
  }

  /** The camera cannot go on, or nobody can. */
  #fail(fault: StoreFault): void {
    if (this.#recording === undefined) return;
    this.#recording = undefined;
    this.onFault?.(fault);
  }

  #isLockedNow(): boolean {
    const parts = this.#writer.volume?.parts;
    if (parts === undefined) return false;
    const nowUs = parts.clock.nowUs();
    return parts.locks.covers(this.#place.lane.path, parts.clock.bootCounter, nowUs, nowUs);
  }
}
