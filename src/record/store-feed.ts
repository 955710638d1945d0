// Hands runs and fragments to a store in order, one call after the other, without ever waiting for it, and keeps account of what is missing. While the
// medium is out of use the last footage is held, to be looked at and to be stored when it is back.
import { errorText } from "#base/errors.ts";
import type { GapLog } from "./gap-log.ts";
import type { HoldBudget, Holder } from "./hold-budget.ts";
import { Loan } from "./loan.ts";
import { type Fragment, type GapCause, type RecordingStore, StoreFault } from "./store.ts";
import { type HeldStretch, type NewRun, type Step, WaitingSteps } from "./waiting-steps.ts";

/** What may wait while the store opens or closes. */
const MAX_WAITING_BYTES = 8 << 20;
/** What was held goes to the store by so much at a time: it refuses more than it can take. */
const DRAIN_BYTES = 2 << 20;
const DRAIN_US = 4e6;

export interface StoreFeedOptions {
  readonly store: RecordingStore;
  readonly gaps: GapLog;
  /** Of all recorders. */
  readonly budget: HoldBudget;
  /** A fragment that had to wait was not taken in the end. */
  onRefused(fragment: Fragment): void;
  onStored(fragment: Fragment, storedBytes: number): void;
  /** Until `revive` the feed holds what it is given. `isLost`: what comes cannot be decoded until a keyframe does; `closed`: the store is closed. */
  onFault(fault: StoreFault, isLost: boolean, closed: Promise<void>): void;
}

export class StoreFeed implements Holder {
  readonly #options: StoreFeedOptions;
  readonly #gaps: GapLog;
  readonly #steps = new WaitingSteps();
  /** The store opens or closes. */
  #isBusy = false;
  #isDown = false;
  /** The store failed, and was not given everything since. */
  #isHolding = false;
  /** Some of what the store was given since the start, or since it failed, is safe: it works. */
  #isProved = false;
  /** The store was closed by a fault, and does not know the run that goes on. */
  #isStranded = false;
  #isTaking = false;
  /** Grows with every fault: what was begun before it does not go on after it. */
  #life = 0;
  /** What the store has is not what comes before the next fragment: until one that can be decoded without it. */
  #skips = false;
  /** The one that the store was told of last, and whether it has some of it. */
  #run: NewRun | undefined;
  #hasBegun = false;
  #call: Promise<void> = Promise.resolve();
  #closed: Promise<void> = Promise.resolve();
  /** What the store has and is not safe yet, unless it has proved to work: it comes back if the store fails. */
  #lent: Loan[] = [];
  /** Where the footage that the store took ends, and where it is safe. */
  #endUs: number | undefined;
  #safeUs: number | undefined;

  constructor(options: StoreFeedOptions) {
    this.#options = options;
    this.#gaps = options.gaps;
    options.store.onFault = (fault) => this.#fail(fault);
    options.store.onStored = (fragment, storedBytes = fragment.sizeBytes) => {
      this.#safeUs = endOf(fragment);
      this.#settle(fragment);
      options.onStored(fragment, storedBytes);
      this.#next();
    };
  }

  /** Footage that waits for a medium that is out of use, oldest first. */
  get held(): readonly HeldStretch[] {
    return this.#isHolding ? this.#steps.held(this.#run) : [];
  }

  get heldUs(): number {
    return this.#isHolding ? this.#steps.durationUs : 0;
  }

  get heldBytes(): number {
    return this.#isHolding ? this.#steps.sizeBytes : 0;
  }

  open(run: NewRun): void {
    this.#push({ kind: "open", run });
  }

  /** False: there is no room for it. The next one that is offered begins with a keyframe. */
  append(fragment: Fragment): boolean {
    if (!this.#isBusy && !this.#isDown && this.#steps.length === 0) return this.#hand(fragment);
    if (this.#skips && !this.#steps.hasMedia && !fragment.keyframe) return false;
    if (!this.#isHolding && this.#steps.sizeBytes + fragment.sizeBytes > MAX_WAITING_BYTES) {
      this.gap("backpressure");
      return false;
    }
    this.#push({ kind: "append", fragment });
    if (this.#isHolding) this.#options.budget.grown(this);
    return true;
  }

  /** Footage is missing after what was appended last. */
  gap(cause: GapCause): void {
    this.#push({ kind: "gap", cause });
  }

  /** What was taken is safe, as far as it can be, and the store is closed. */
  close(): Promise<void> {
    if (!this.#isDown) return new Promise((done) => this.#push({ kind: "close", done }));
    this.#push({ kind: "close", done() {} });
    return this.#closed;
  }

  /** After a fault: the store may be opened again, once it is closed. */
  revive(): void {
    if (!this.#isDown) return;
    this.#isDown = false;
    this.#isBusy = true;
    void this.#goOnAfter(this.#closed);
  }

  /** After a fault: nobody wants what is held. */
  discard(): void {
    if (!this.#isDown) return;
    for (const step of this.#steps.takeAll()) if (step.kind === "append") this.#options.onRefused(step.fragment);
    this.#run = undefined;
    this.#letGo();
  }

  /** The oldest group of pictures that is held. */
  leaveOut(): boolean {
    const group = this.#steps.takeGroup();
    if (group.length === 0) return false;
    for (const fragment of group) this.#options.onRefused(fragment);
    this.#steps.putFirst([{ kind: "gap", cause: "disk" }]);
    this.#skips = true;
    return true;
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
    if (this.#isTaking) return; // a store may say at once that a fragment is safe
    this.#isTaking = true;
    if (!this.#isBusy && !this.#isDown) this.#openAgain();
    while (!this.#isBusy && !this.#isDown && this.#mayTake(this.#steps.first)) this.#take(this.#steps.shift()!);
    this.#isTaking = false;
    if (this.#isHolding && this.#isProved && this.#lent.length === 0 && this.#steps.length === 0) this.#letGo();
  }

  #openAgain(): void {
    const isNewRun = this.#steps.first?.kind === "open";
    if (this.#isStranded && !isNewRun && this.#run !== undefined) this.#take({ kind: "open", run: this.#run });
    this.#isStranded = false;
  }

  #mayTake(step: Step | undefined): boolean {
    if (step === undefined || !this.#isHolding) return step !== undefined;
    if (step.kind === "close") return true;
    if (step.kind !== "append") return this.#lent.length === 0;
    const { queuedBytes } = this.#options.store;
    const unsafeUs = (this.#endUs ?? 0) - (this.#safeUs ?? 0);
    return queuedBytes === 0 || unsafeUs <= 0 || (queuedBytes + step.fragment.sizeBytes <= DRAIN_BYTES && unsafeUs <= DRAIN_US);
  }

  #take(step: Step): void {
    const { store, onRefused } = this.#options;
    switch (step.kind) {
      case "gap":
        if (this.#endUs !== undefined) this.#gaps.begin(step.cause, this.#endUs);
        break;
      case "append":
        if (!this.#hand(step.fragment)) onRefused(step.fragment);
        break;
      case "open": {
        const { run } = step;
        this.#run = run;
        this.#hasBegun = false;
        this.#safeUs ??= run.captureUs;
        const gapBefore = this.#gaps.causeAt(this.#steps.firstFragment?.captureUs ?? run.captureUs);
        void this.#do(() => store.open({ ...run, gapBefore }));
        break;
      }
      case "close":
        this.#run = undefined;
        void this.#do(() => store.close()).then(step.done);
        break;
    }
  }

  /** Resolves when the call is over; a fault ends this life. */
  async #do(call: () => Promise<void>): Promise<void> {
    this.#isBusy = true;
    const life = this.#life;
    this.#call = settled(call, (error) => {
      if (life === this.#life) this.#fail(toFault(error));
    });
    await this.#goOnAfter(this.#call);
  }

  #hand(fragment: Fragment): boolean {
    if (this.#isDown || (this.#skips && !fragment.keyframe)) return false;
    const isLoan = this.#isHolding || !this.#isProved;
    try {
      // A gap is open until what is lent behind it is safe.
      fragment.gapBefore = this.#lent.length > 0 ? undefined : this.#gaps.causeAt(fragment.captureUs);
      this.#skips = !(isLoan ? this.#lend(fragment) : this.#options.store.append(fragment));
    } catch (error) {
      this.#hasBegun = true;
      this.#fail(toFault(error));
      return false;
    }
    if (this.#skips) this.#gaps.begin("backpressure", this.#endUs ?? fragment.captureUs);
    else {
      if (!isLoan) this.#gaps.end(fragment.captureUs);
      this.#endUs = endOf(fragment);
      this.#hasBegun = true;
    }
    return !this.#skips;
  }

  #lend(fragment: Fragment): boolean {
    const loan = new Loan(fragment, this.#lent.length === 0 && this.#gaps.open !== undefined);
    this.#lent.push(loan);
    let isTaken = false;
    try {
      isTaken = this.#options.store.append(loan);
    } finally {
      if (!isTaken) this.#lent = this.#lent.filter((one) => one !== loan);
    }
    return isTaken;
  }

  /** What was lent is safe, and all before it. */
  #settle(lent: Fragment): void {
    const place = this.#lent.indexOf(lent as Loan);
    if (place < 0) return;
    this.#isProved = true;
    for (const loan of this.#lent.splice(0, place + 1)) {
      if (loan.endsGap) this.#gaps.end(loan.captureUs);
      loan.settle();
    }
  }

  #fail(fault: StoreFault): void {
    if (this.#isDown) return;
    this.#isDown = true;
    this.#isHolding = true;
    this.#isProved = false;
    this.#isStranded = true;
    this.#life++;
    this.#isBusy = false;
    // what was not safe yet is lost, and a store begins with a keyframe
    const isLost = this.#hasBegun;
    this.#hasBegun = false;
    this.#skips ||= isLost;
    if (this.#safeUs !== undefined) this.#gaps.begin("disk", this.#safeUs);
    this.#endUs = this.#safeUs;
    this.#closed = this.#closeFailed(this.#closed);
    this.#steps.putFirst(this.#lent.map(({ fragment }) => ({ kind: "append", fragment })));
    this.#lent = [];
    for (const done of this.#steps.takeCloses()) void this.#closed.then(done);
    if (this.#skips) for (const fragment of this.#steps.takeHeadless()) this.#options.onRefused(fragment);
    this.#options.onFault(fault, isLost && !this.#steps.hasMedia, this.#closed);
  }

  #letGo(): void {
    this.#isHolding = false;
    this.#options.budget.left(this);
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
