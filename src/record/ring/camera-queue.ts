// What waits to be written for one camera: bounded in bytes and time, and shortened by whole groups of pictures.
import type { Fragment, RunStart } from "../store.ts";
import type { RunFormat } from "./run-format.ts";

/** From one open to the next. */
export interface Recording {
  readonly format: RunFormat;
  readonly start: RunStart;
}

export interface QueuedFragment {
  readonly fragment: Fragment;
  readonly recording: Recording;
}

export interface QueueLimits {
  readonly maxBytes: number;
  readonly maxMs: number;
}

export class CameraQueue {
  readonly limits: QueueLimits;
  #items: QueuedFragment[] = [];
  #sizeBytes = 0;
  #durationUs = 0;
  /** A fragment was refused: nothing is taken until one begins with a keyframe and fits. */
  #isSkipping = false;

  constructor(limits: QueueLimits) {
    this.limits = limits;
  }

  get length(): number {
    return this.#items.length;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get first(): QueuedFragment | undefined {
    return this.#items[0];
  }

  get isHalfFull(): boolean {
    return this.#sizeBytes * 2 > this.limits.maxBytes || this.#durationUs * 2 > this.limits.maxMs * 1000;
  }

  /**
   * False: full; then it wants a keyframe first. A queue that is empty takes anything. `isRoomElsewhere`: another queue was shortened for this one,
   * and may be as much shorter as this one gets longer.
   */
  push(item: QueuedFragment, isRoomElsewhere = false): boolean {
    const { sizeBytes, durationUs, keyframe } = item.fragment;
    const isFull =
      !isRoomElsewhere &&
      this.#items.length > 0 &&
      (this.#sizeBytes + sizeBytes > this.limits.maxBytes || this.#durationUs + durationUs > this.limits.maxMs * 1000);
    if (isFull || (this.#isSkipping && !keyframe)) {
      this.#isSkipping = true;
      return false;
    }
    this.#isSkipping = false;
    this.#items.push(item);
    this.#count(item, 1);
    return true;
  }

  shift(): QueuedFragment | undefined {
    const item = this.#items.shift();
    if (item !== undefined) this.#count(item, -1);
    return item;
  }

  /** Drops from the first fragment up to the next that begins with a keyframe; all, if none does. Returns how many. */
  dropGroup(): number {
    const next = this.#items.findIndex(({ fragment }, place) => place > 0 && fragment.keyframe);
    const dropped = this.#items.splice(0, next < 0 ? this.#items.length : next);
    for (const item of dropped) {
      this.#count(item, -1);
      item.fragment.release?.();
    }
    if (this.#items.length === 0 && dropped.length > 0) this.#isSkipping = true;
    return dropped.length;
  }

  clear(): void {
    for (const { fragment } of this.#items) fragment.release?.();
    this.#items = [];
    this.#sizeBytes = 0;
    this.#durationUs = 0;
    this.#isSkipping = false;
  }

  #count({ fragment }: QueuedFragment, sign: 1 | -1): void {
    this.#sizeBytes += sign * fragment.sizeBytes;
    this.#durationUs += sign * fragment.durationUs;
  }
}
