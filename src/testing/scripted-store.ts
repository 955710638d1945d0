// A recording store that keeps what it is given and does what a test tells it: refuses, fails, hangs.
import { type Deferred, deferred } from "#base/deferred.ts";
import type { Fragment, FragmentLimits, RecordingStore, RunStart, StoreFault } from "#record/store.ts";

export interface StoredRun extends RunStart {
  readonly fragments: Fragment[];
}

export class ScriptedStore implements RecordingStore {
  readonly limits: FragmentLimits;
  queuedBytes = 0;
  onFault: ((fault: StoreFault) => void) | undefined;
  onStored: ((fragment: Fragment) => void) | undefined;
  /** Every run with its fragments. */
  readonly runs: StoredRun[] = [];
  /** `open`, `append`, `refuse`, `close`, in order; an `open` and a `close` also when they are over: `opened`, `closed`. */
  readonly calls: string[] = [];
  /** No fragment is taken. */
  refuses = false;
  /** Fragments are safe at once; else when the test calls `store`. */
  storesAtOnce = true;
  /** Rejects the next `open`. */
  nextOpenFault: StoreFault | undefined;
  #hanging: Deferred<void> | undefined;
  #isOpen = false;

  constructor(limits: Partial<FragmentLimits> = {}) {
    this.limits = { maxMs: 1000, maxBytes: 512 * 1024, cutAtKeyframe: true, ...limits };
  }

  get fragments(): readonly Fragment[] {
    return this.runs.flatMap(({ fragments }) => fragments);
  }

  /** Every `open` and `close` hangs until the returned function is called. */
  hang(): () => void {
    const hanging = deferred<void>();
    this.#hanging = hanging;
    return () => {
      this.#hanging = undefined;
      hanging.resolve();
    };
  }

  fail(fault: StoreFault): void {
    this.onFault?.(fault);
  }

  async open(run: RunStart): Promise<void> {
    this.calls.push("open");
    await this.#hanging?.promise;
    const fault = this.nextOpenFault;
    this.nextOpenFault = undefined;
    if (fault !== undefined) throw fault;
    this.calls.push("opened");
    this.#isOpen = true;
    this.runs.push({ ...run, fragments: [] });
  }

  append(fragment: Fragment): boolean {
    if (!this.#isOpen) throw new Error("append to a store that is not open");
    this.calls.push(this.refuses ? "refuse" : "append");
    if (this.refuses) return false;
    this.runs.at(-1)!.fragments.push(fragment);
    if (this.storesAtOnce) this.onStored?.(fragment);
    return true;
  }

  async close(): Promise<void> {
    this.calls.push("close");
    this.#isOpen = false;
    await this.#hanging?.promise;
    this.calls.push("closed");
  }
}
