// Timers that fire when a test says so, on a FakeClock.
import type { FakeClock } from "./fake-clock.ts";

export class ManualTimers {
  readonly #clock: FakeClock;
  readonly #timers = new Set<{ readonly run: () => void; readonly atUs: number; readonly delayMs: number }>();

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** Delays of those that are set, shortest first. */
  get delaysMs(): number[] {
    return [...this.#timers].map(({ delayMs }) => delayMs).sort((a, b) => a - b);
  }

  readonly schedule = (run: () => void, delayMs: number): (() => void) => {
    const timer = { run, atUs: this.#clock.us + delayMs * 1000, delayMs };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  /** Moves the clock; whatever falls due on the way runs at its time. */
  passMs(ms: number): void {
    const endUs = this.#clock.us + ms * 1000;
    for (;;) {
      const due = [...this.#timers].filter(({ atUs }) => atUs <= endUs).sort((a, b) => a.atUs - b.atUs)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#clock.us = Math.max(this.#clock.us, due.atUs);
      due.run();
    }
    this.#clock.us = endUs;
  }
}
