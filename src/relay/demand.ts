// On demand: who starts a path's source when somebody asks, and who stops it when nobody does any more.

export type DemandState = "idle" | "starting" | "running" | "closing";

export interface DemandOptions {
  readonly startTimeoutMs: number;
  readonly closeAfterMs: number;
  start(query: string): void;
  /** The source did not come in time; `stop` follows. */
  onTimeout(): void;
  stop(): void;
}

/**
 * idle → starting (first request; start timeout runs) → closing (stream is there, nobody reads; close timer runs) ⇄ running (readers).
 * Expiry of either timer and `lost` end in idle, with the source stopped.
 */
export class Demand {
  readonly #options: DemandOptions;
  #state: DemandState = "idle";
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DemandOptions) {
    this.#options = options;
  }

  get state(): DemandState {
    return this.#state;
  }

  /** Somebody wants the stream. `query` of the first one goes to the source. */
  request(query: string): void {
    if (this.#state === "closing") this.#arm(this.#options.closeAfterMs, () => this.#stop());
    if (this.#state !== "idle") return;
    this.#enter("starting");
    this.#arm(this.#options.startTimeoutMs, () => {
      this.#options.onTimeout();
      this.#stop();
    });
    this.#options.start(query);
  }

  /** The stream is there, or the number of its readers changed. */
  readers(count: number): void {
    if (this.#state === "idle") return;
    if (count > 0) this.#enter("running");
    else {
      this.#enter("closing");
      this.#arm(this.#options.closeAfterMs, () => this.#stop());
    }
  }

  /** The source failed for good, or the path closes. */
  lost(): void {
    if (this.#state !== "idle") this.#stop();
  }

  #stop(): void {
    this.#enter("idle");
    this.#options.stop();
  }

  #enter(state: DemandState): void {
    clearTimeout(this.#timer);
    this.#state = state;
  }

  #arm(ms: number, action: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, ms);
  }
}
