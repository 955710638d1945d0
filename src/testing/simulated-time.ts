// Time that passes only while nothing else goes on, for state machines that sleep.
import { setImmediate as nextTurn } from "node:timers/promises";

/** Sleeps end in their order, as soon as nothing else goes on. */
export class SimulatedTime {
  nowMs = 0;
  readonly #sleeps: { readonly atMs: number; readonly wake: () => void }[] = [];

  readonly sleep = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal.aborted) reject(signal.reason);
      const sleep = { atMs: this.nowMs + ms, wake: resolve };
      this.#sleeps.push(sleep);
      signal.addEventListener("abort", () => {
        const at = this.#sleeps.indexOf(sleep);
        if (at >= 0) this.#sleeps.splice(at, 1);
        reject(signal.reason);
      });
    });

  /** Resolves, or rejects, as the promise does: sleeps end until then. */
  async until(done: Promise<unknown>): Promise<void> {
    let isDone = false;
    const end = done.then(() => {
      isDone = true;
    });
    while (!isDone) {
      for (let i = 0; i < 20; i++) await nextTurn();
      const next = this.#sleeps.sort((a, b) => a.atMs - b.atMs).shift();
      if (next === undefined) break;
      this.nowMs = next.atMs;
      next.wake();
    }
    await end;
  }
}
