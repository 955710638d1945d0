// Keeps one pulled source running: reconnects with backoff, and says where it stands. Retry is here and nowhere else.
import type { Clock } from "#base/clock.ts";
import { errorText, PeerFault } from "#base/errors.ts";
import type { Source, SourceLink, SourceSink, SourceState } from "./source.ts";

/** Waits, ms. A camera locks accounts after a few wrong passwords; one that is full needs time to forget our last session. */
const FIRST_MS = 500;
const CAP_MS = 15_000;
const AUTH_FIRST_MS = 30_000;
const AUTH_CAP_MS = 300_000;
const BUSY_MS = 10_000;
/** A camera that boots is noticed within this time, however long the waits have become. */
const PROBE_MS = 2000;
/** Live for this long, a source starts over with short waits. */
const SETTLED_US = 30_000_000;

export interface SourceRunnerOptions {
  readonly clock: Clock;
  /** Between 0 and 1. */
  random(): number;
  /** Opens the source anew for each attempt; may throw a PeerFault `config`. */
  open(): Source;
  /** A sink for one attempt. */
  sink(): SourceSink;
  onState(state: SourceState, lastError: PeerFault | undefined): void;
  /** An attempt ended: the media is gone. */
  onLost(fault: PeerFault): void;
}

export class SourceRunner {
  state: SourceState = "off";
  /** Monotonic µs of when it came to be in this state. */
  stateSinceUs: number;
  /** Undefined: it has no session. */
  link: SourceLink | undefined;
  lastError: PeerFault | undefined;
  /** Attempts that ended, of whatever cause. */
  reconnects = 0;
  readonly #options: SourceRunnerOptions;
  readonly #stopped = new AbortController();
  /** Of the attempt that runs, and of the wait behind it. */
  #attempt = new AbortController();
  #failures = 0;
  #authFailures = 0;
  #liveSinceUs: number | undefined;
  #source: Source | undefined;

  constructor(options: SourceRunnerOptions) {
    this.#options = options;
    this.stateSinceUs = options.clock.nowUs();
  }

  /** Runs until `stop`. Never rejects. */
  async run(): Promise<void> {
    const stopped = this.#stopped.signal;
    while (!stopped.aborted) {
      this.#attempt = new AbortController();
      const { signal } = this.#attempt;
      const fault = await this.#try(signal);
      if (stopped.aborted) break;
      this.lastError = fault;
      this.reconnects++;
      this.#options.onLost(fault);
      if (!signal.aborted) await this.#wait(fault, signal);
      if (!signal.aborted || stopped.aborted) continue;
      this.#enter("backoff");
      await sleep(FIRST_MS, stopped); // a camera needs a moment to forget our last session
    }
    this.#enter("off");
  }

  /** For good. */
  stop(): void {
    this.#stopped.abort();
    this.#attempt.abort();
  }

  /** Ends the attempt that runs, or the wait for the next one, and connects anew. */
  restart(): void {
    this.#attempt.abort();
  }

  async #try(signal: AbortSignal): Promise<PeerFault> {
    this.#liveSinceUs = undefined;
    this.#enter("connecting");
    try {
      this.#source = this.#options.open();
      const sink = this.#options.sink();
      sink.state = (state) => this.#enter(state);
      sink.linked = (link) => {
        this.link = link;
      };
      await this.#source.run(sink, signal);
      return new PeerFault("ended", "the source ended");
    } catch (error) {
      if (signal.aborted) return new PeerFault("aborted", "ended on request");
      return error instanceof PeerFault ? error : new PeerFault("protocol", errorText(error), { cause: error });
    } finally {
      this.link = undefined;
    }
  }

  async #wait(fault: PeerFault, signal: AbortSignal): Promise<void> {
    const waitMs = this.#nextWaitMs(fault);
    this.#enter(fault.code === "auth" ? "auth" : fault.code === "config" ? "config" : "backoff");
    if (fault.code === "connect") await this.#waitForPeer(waitMs, signal);
    else await sleep(waitMs, signal);
  }

  async #waitForPeer(waitMs: number, signal: AbortSignal): Promise<void> {
    for (let leftMs = waitMs; leftMs > 0 && !signal.aborted; leftMs -= PROBE_MS) {
      await sleep(Math.min(PROBE_MS, leftMs), signal);
      if (leftMs > PROBE_MS && !signal.aborted && (await this.#source?.isReachable?.(signal)) === true) return;
    }
  }

  #enter(state: SourceState): void {
    if (state === "live") this.#liveSinceUs ??= this.#options.clock.nowUs();
    if (state === this.state) return;
    this.state = state;
    this.stateSinceUs = this.#options.clock.nowUs();
    this.#options.onState(state, this.lastError);
  }

  #nextWaitMs(fault: PeerFault): number {
    const wasSettled = this.#liveSinceUs !== undefined && this.#options.clock.nowUs() - this.#liveSinceUs >= SETTLED_US;
    if (wasSettled) {
      this.#failures = 0;
      this.#authFailures = 0;
    }
    const jitter = 0.8 + 0.4 * this.#options.random();
    if (fault.code === "auth") return Math.min(AUTH_CAP_MS, AUTH_FIRST_MS * 2 ** this.#authFailures++) * jitter;
    if (fault.code === "config") return AUTH_CAP_MS * jitter;
    if (fault.code === "busy") return BUSY_MS * jitter;
    return Math.min(CAP_MS, FIRST_MS * 2 ** this.#failures++) * jitter;
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
