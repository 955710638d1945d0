// Keeps one push running: connects again with backoff, and says where it stands. Retry is here and nowhere else.
import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import { CallerFault, errorText, PeerFault } from "#base/errors.ts";
import type { Schedule } from "#base/schedule.ts";
import type { ReadLease } from "./path.ts";
import type { OpenRead, Push } from "./push.ts";
import type { Reader } from "./reader.ts";

/** `backoff`: the last attempt ended, the next one is waited for. `off`: it has not begun, or is over. */
export type PushState = "off" | "connecting" | "live" | "backoff";

/** Waits, ms. Receivers lock accounts after a few wrong passwords; one that is full needs time. */
const FIRST_MS = 1000;
const CAP_MS = 15_000;
const SLOW_MS: Readonly<Record<string, number>> = { auth: 60_000, config: 60_000, unsupported: 60_000, busy: 10_000 };
/** Live for this long, a push starts over with short waits. */
const SETTLED_US = 30_000_000;

export interface PushRunnerOptions {
  readonly push: Push;
  readonly open: OpenRead;
  readonly clock: Pick<Clock, "nowUs">;
  readonly schedule: Schedule;
  /** Between 0 and 1. */
  random(): number;
  /** With `backoff` comes why. Must not throw. */
  onState(state: PushState, fault: PeerFault | CallerFault | undefined): void;
}

export class PushRunner {
  state: PushState = "off";
  readonly #options: PushRunnerOptions;
  readonly #stopped = new AbortController();
  readonly #backoff: Backoff;
  #liveSinceUs: number | undefined;
  #earlierBytes = 0;
  #isTrying = false;
  #wake: (() => void) | undefined;
  #running: Promise<void> | undefined;

  constructor(options: PushRunnerOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ baseMs: FIRST_MS, capMs: CAP_MS, random: () => options.random() });
  }

  /** Media of all attempts. */
  get outboundBytes(): number {
    return this.#earlierBytes + (this.#isTrying ? this.#options.push.outboundBytes : 0);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** For good. Resolves when the receiver was told, which takes seconds at most. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      this.#enter("connecting", undefined);
      const fault = await this.#try(signal);
      if (signal.aborted) break;
      this.#enter("backoff", fault);
      if (!signal.aborted) await this.#wait(this.#nextWaitMs(fault)); // whoever was told may have stopped it
    }
    this.#enter("off", undefined);
  }

  async #try(signal: AbortSignal): Promise<PeerFault | CallerFault> {
    const { push } = this.#options;
    this.#liveSinceUs = undefined;
    this.#isTrying = true;
    try {
      await push.run((reader) => this.#open(reader, signal), signal);
      return new PeerFault("ended", "the push ended");
    } catch (error) {
      if (error instanceof PeerFault || error instanceof CallerFault) return error;
      return new PeerFault("protocol", errorText(error), { cause: error });
    } finally {
      this.#earlierBytes = this.outboundBytes;
      this.#isTrying = false;
    }
  }

  /** A source on demand may take its time: who stops meanwhile does not wait for it. */
  async #open(reader: Reader, signal: AbortSignal): Promise<ReadLease> {
    const opening = this.#options.open(reader);
    opening.then(
      (lease) => signal.aborted && lease.close(),
      () => {},
    );
    let abort = (): void => {};
    const aborted = new Promise<never>((_, reject) => {
      abort = () => reject(new PeerFault("aborted", "closed"));
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
    });
    const lease = await Promise.race([opening, aborted]).finally(() => signal.removeEventListener("abort", abort));
    return {
      ...lease,
      start: () => {
        lease.start();
        this.#liveSinceUs ??= this.#options.clock.nowUs();
        if (!signal.aborted) this.#enter("live", undefined);
      },
    };
  }

  #enter(state: PushState, fault: PeerFault | CallerFault | undefined): void {
    if (state === this.state) return;
    this.state = state;
    this.#options.onState(state, fault);
  }

  #nextWaitMs({ code }: PeerFault | CallerFault): number {
    if (this.#liveSinceUs !== undefined && this.#options.clock.nowUs() - this.#liveSinceUs >= SETTLED_US) this.#backoff.reset();
    return Math.max(SLOW_MS[code] ?? 0, this.#backoff.nextMs());
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.schedule(resolve, delayMs);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}
