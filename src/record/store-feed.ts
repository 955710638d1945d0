// Hands runs and fragments to a store in order, one call after the other, without ever waiting for it, and keeps account of what is missing.
import { errorText } from "#base/errors.ts";
import type { GapLog } from "./gap-log.ts";
import { type Fragment, type GapCause, type RecordingStore, type RunStart, StoreFault } from "./store.ts";

/** What may wait while the store opens or closes. */
const MAX_WAITING_BYTES = 8 << 20;

type Step =
  | { readonly kind: "open"; readonly run: Omit<RunStart, "gapBefore"> }
  | { readonly kind: "append"; readonly fragment: Fragment }
  | { readonly kind: "gap"; readonly cause: GapCause }
  | { readonly kind: "close"; done(): void };

export interface StoreFeedOptions {
  readonly store: RecordingStore;
  readonly gaps: GapLog;
  /** A fragment that had to wait was not taken in the end. */
  onRefused(fragment: Fragment): void;
  onStored(fragment: Fragment): void;
  /** Once per `revive`: nothing is handed over until then. `closed`: the store is closed. */
  onFault(fault: StoreFault, closed: Promise<void>): void;
}

export class StoreFeed {
  readonly #options: StoreFeedOptions;
  readonly #gaps: GapLog;
  #steps: Step[] = [];
  #waitingBytes = 0;
  /** The store opens or closes. */
  #isBusy = false;
  #isDown = false;
  /** Grows with every fault: what was begun before it does not go on after it. */
  #life = 0;
  /** A fragment was refused: until one that can be decoded without it. */
  #skips = false;
  #call: Promise<void> = Promise.resolve();
  #closed: Promise<void> = Promise.resolve();
  /** Where the footage that the store took ends, and where it is safe. */
  #endUs: number | undefined;
  #safeUs: number | undefined;

  constructor(options: StoreFeedOptions) {
    this.#options = options;
    this.#gaps = options.gaps;
    options.store.onFault = (fault) => this.#fail(fault);
    options.store.onStored = (fragment) => {
      this.#safeUs = endOf(fragment);
      options.onStored(fragment);
    };
  }

  open(run: Omit<RunStart, "gapBefore">): void {
    if (!this.#isDown) this.#push({ kind: "open", run });
  }

  /** False: there is no room for it. The next one that is offered begins with a keyframe. */
  append(fragment: Fragment): boolean {
    if (this.#isDown) return false;
    if (!this.#isBusy) return this.#hand(fragment);
    if (this.#waitingBytes + fragment.sizeBytes > MAX_WAITING_BYTES) {
      this.gap("backpressure");
      return false;
    }
    this.#waitingBytes += fragment.sizeBytes;
    this.#push({ kind: "append", fragment });
    return true;
  }

  /** Footage is missing after what was appended last. */
  gap(cause: GapCause): void {
    this.#push({ kind: "gap", cause });
  }

  /** What was taken is safe, as far as it can be, and the store is closed. */
  close(): Promise<void> {
    if (this.#isDown) return this.#closed;
    return new Promise((done) => this.#push({ kind: "close", done }));
  }

  /** After a fault: the store may be opened again, once it is closed. */
  revive(): void {
    if (!this.#isDown) return;
    this.#isDown = false;
    this.#skips = false;
    this.#isBusy = true;
    void this.#goOnAfter(this.#closed);
  }

  #push(step: Step): void {
    this.#steps.push(step);
    this.#next();
  }

  async #goOnAfter(call: Promise<void>): Promise<void> {
    const life = this.#life;
    await call;
    if (life !== this.#life) return;
    this.#isBusy = false;
    this.#next();
  }

  #next(): void {
    while (!this.#isBusy) {
      const step = this.#steps.shift();
      if (step === undefined) return;
      switch (step.kind) {
        case "gap":
          if (this.#endUs !== undefined) this.#gaps.begin(step.cause, this.#endUs);
          break;
        case "append":
          this.#waitingBytes -= step.fragment.sizeBytes;
          if (!this.#hand(step.fragment)) this.#options.onRefused(step.fragment);
          break;
        case "open":
          this.#safeUs ??= step.run.captureUs;
          void this.#run(() => this.#options.store.open({ ...step.run, gapBefore: this.#gaps.open?.cause }));
          break;
        case "close":
          void this.#run(() => this.#options.store.close()).then(step.done);
          break;
      }
    }
  }

  /** Resolves when the call is over; a fault ends this life. */
  async #run(call: () => Promise<void>): Promise<void> {
    this.#isBusy = true;
    const life = this.#life;
    this.#call = settled(call, (error) => {
      if (life === this.#life) this.#fail(toFault(error));
    });
    await this.#goOnAfter(this.#call);
  }

  #hand(fragment: Fragment): boolean {
    if (this.#isDown || (this.#skips && !fragment.keyframe)) return false;
    try {
      fragment.gapBefore = this.#gaps.open?.cause;
      this.#skips = !this.#options.store.append(fragment);
    } catch (error) {
      this.#fail(toFault(error));
      return false;
    }
    if (this.#skips) this.#gaps.begin("backpressure", this.#endUs ?? fragment.captureUs);
    else {
      this.#gaps.end(fragment.captureUs);
      this.#endUs = endOf(fragment);
    }
    return !this.#skips;
  }

  #fail(fault: StoreFault): void {
    if (this.#isDown) return;
    this.#isDown = true;
    this.#life++;
    this.#isBusy = false;
    // what was not safe yet is lost
    if (this.#safeUs !== undefined) this.#gaps.begin("disk", this.#safeUs);
    this.#endUs = this.#safeUs;
    this.#closed = this.#closeFailed(this.#closed);
    const steps = this.#steps;
    this.#steps = [];
    this.#waitingBytes = 0;
    for (const step of steps) {
      if (step.kind === "close") void this.#closed.then(step.done);
      else if (step.kind === "append") this.#options.onRefused(step.fragment);
    }
    this.#options.onFault(fault, this.#closed);
  }

  async #closeFailed(closedBefore: Promise<void>): Promise<void> {
    await closedBefore;
    await this.#call; // calls come one after the other
    await settled(
      () => this.#options.store.close(),
      () => {},
    );
  }
}

function endOf(fragment: Fragment): number {
  return fragment.captureUs + fragment.durationUs;
}

async function settled(call: () => Promise<void>, onError: (error: unknown) => void): Promise<void> {
  try {
    await call();
  } catch (error) {
    onError(error);
  }
}

function toFault(error: unknown): StoreFault {
  return error instanceof StoreFault ? error : new StoreFault("io", errorText(error), { cause: error });
}
