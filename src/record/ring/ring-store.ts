// One camera's place in the ring, as the recorder sees it.
import { Loan } from "../loan.ts";
import { type Fragment, type FragmentLimits, type RecordingStore, type RunStart, StoreFault } from "../store.ts";
import { CameraLane } from "./camera-lane.ts";
import type { QueuedFragment, QueueLimits, Recording } from "./camera-queue.ts";
import { capacityOf } from "./chunk-writer.ts";
import { PictureThinner, ThinnedFragment } from "./picture-thinner.ts";
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
  /** The card is nearly worn out, and less is to be written. */
  isProtecting(): boolean;
  onEvent(event: RingEvent): void;
  onChange(path: string): void;
  onOpen(store: RingStore): void;
}

export class RingStore implements RecordingStore {
  readonly limits: FragmentLimits;
  onFault: ((fault: StoreFault) => void) | undefined;
  onStored: RecordingStore["onStored"];
  readonly #writer: RingWriter;
  readonly #onOpen: (store: RingStore) => void;
  readonly #isProtecting: () => boolean;
  readonly #place: WriterLane;
  #recording: Recording | undefined;
  #thinner = new PictureThinner([]);

  constructor(writer: RingWriter, options: RingStoreOptions) {
    const { path, priority, queue, chunkBytes, isProtecting, onEvent, onChange, onOpen } = options;
    this.#writer = writer;
    this.#isProtecting = isProtecting;
    this.#onOpen = onOpen;
    const maxBytes = Math.min(MAX_FRAGMENT_BYTES, Math.floor(capacityOf(chunkBytes) / MIN_FRAGMENTS_PER_CHUNK));
    this.limits = { maxMs: MAX_FRAGMENT_MS, maxBytes, cutAtKeyframe: true };
    const lane = new CameraLane(path, queue, { onEvent, onChange, onStored: (fragment) => this.#tellStored(fragment) });
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
    this.#flushThinner();
    this.#thinner = new PictureThinner(start.tracks);
    this.#recording = { format, start };
    this.#writer.add(this.#place);
    this.#onOpen(this);
  }

  append(fragment: Fragment): boolean {
    const recording = this.#recording;
    if (recording === undefined || this.#writer.volume === undefined) return false;
    // What is lent waits for the store to prove itself, and a thinner for the next keyframe.
    const thin = !(fragment instanceof Loan) && this.#isProtecting() && !this.#isLockedNow();
    const isTaken = this.#thinner.push(fragment, thin).every((one) => this.#enqueue({ fragment: one, recording }));
    if (!isTaken) this.#thinner.flush();
    return isTaken;
  }

  /** Undefined: all that comes is stored. */
  get shortfall(): string | undefined {
    const isLess = this.#recording !== undefined && this.#thinner.canThin && this.#isProtecting() && !this.#isLockedNow();
    return isLess ? "the card is nearly worn out: the first picture of each group is recorded, and sound" : undefined;
  }

  #enqueue(item: QueuedFragment): boolean {
    const { queue } = this.#place.lane;
    const isTaken =
      queue.push(item) ||
      (queue.sizeBytes < MAX_QUEUE_LOAN * queue.limits.maxBytes && this.#writer.shed(this.#place) && queue.push(item, true));
    this.#writer.wake();
    return isTaken;
  }

  /** Pictures that wait for the end of their group. */
  #flushThinner(): void {
    const fragment = this.#thinner.flush();
    if (fragment !== undefined && this.#recording !== undefined && this.#writer.volume !== undefined) {
      this.#enqueue({ fragment, recording: this.#recording });
    }
  }

  #tellStored(fragment: Fragment): void {
    if (!(fragment instanceof ThinnedFragment)) this.onStored?.(fragment);
    else for (const [i, absorbed] of fragment.absorbed.entries()) this.onStored?.(absorbed, i === 0 ? fragment.sizeBytes : 0);
  }

  /** The chunk stays open for a camera that comes back with the same parameters. */
  async close(): Promise<void> {
    this.#flushThinner();
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
    this.#thinner.flush();
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
