// When to try a broker again, so that thousands who lost it together do not return together: full jitter, and a memory of what the broker said.

/** Why there is no connection: `server` closed it (so it did to everybody), the `link` failed, credentials were refused (`auth`), or it is `busy`. */
export type LossCause = "server" | "link" | "auth" | "busy";

export interface ReconnectPolicyOptions {
  /** Waits are drawn from 0 to this at most. Twice the fleet's size over the broker's rate of accepts, at least. */
  readonly capMs: number;
  /** 0 … 1, as Math.random. */
  random(): number;
}

/** A stretch that the NOC asks to wait in, e.g. because it is about to restart the broker. */
export interface ReconnectWindow {
  readonly minMs: number;
  readonly maxMs: number;
  /** Monotonic. */
  readonly untilMs: number;
}

const AFTER_SERVER_LOSS_MS = 30_000;
const AFTER_LINK_LOSS_MS = 3000;
const BASE_MS = 5000;
const FLOOR_MS = 1000;
const STABLE_MS = 120_000;
const AUTH_MIN_MS = 60_000;
const AUTH_MAX_MS = 3_600_000;

export class ReconnectPolicy {
  #capMs: number;
  readonly #random: () => number;
  /** Attempts since the last connection that lasted. */
  #attempts = 0;
  #refusals = 0;
  #connectedAtMs: number | undefined;
  #window: ReconnectWindow | undefined;

  constructor({ capMs, random }: ReconnectPolicyOptions) {
    this.#capMs = capMs;
    this.#random = random;
  }

  set capMs(capMs: number) {
    this.#capMs = capMs;
  }

  set window(window: ReconnectWindow) {
    this.#window = window;
  }

  connected(nowMs: number): void {
    this.#connectedAtMs = nowMs;
    this.#refusals = 0;
  }

  /** How long to wait after a connection, or an attempt at one, that ended now. */
  nextMs(cause: LossCause, nowMs: number): number {
    const lastedMs = this.#connectedAtMs === undefined ? 0 : nowMs - this.#connectedAtMs;
    if (lastedMs >= STABLE_MS) this.#attempts = 0;
    const isFirst = this.#connectedAtMs !== undefined && this.#attempts === 0;
    this.#connectedAtMs = undefined;
    if (cause === "auth") {
      const waitMs = Math.min(AUTH_MIN_MS * 2 ** this.#refusals++, AUTH_MAX_MS);
      return Math.round(Math.max(AUTH_MIN_MS, waitMs * this.#random()));
    }
    const drawnMs = isFirst && cause !== "busy" ? this.#afterLossMs(cause) : this.#grownMs();
    this.#attempts++;
    const window = this.#window;
    if (window === undefined || nowMs >= window.untilMs) return Math.round(drawnMs);
    return Math.round(window.minMs + this.#random() * (window.maxMs - window.minMs));
  }

  #afterLossMs(cause: "server" | "link"): number {
    return this.#random() * (cause === "server" ? AFTER_SERVER_LOSS_MS : AFTER_LINK_LOSS_MS);
  }

  #grownMs(): number {
    return this.#random() * Math.min(this.#capMs, BASE_MS * 2 ** Math.min(this.#attempts, 30)) + FLOOR_MS;
  }
}
