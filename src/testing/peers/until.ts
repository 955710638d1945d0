// Waits for a state that nobody announces: one in another program, or one that has no event.
import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 20;

/** Resolves with the first value that is neither undefined nor false; rejects, naming `what`, when none comes in time. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs / 1000} s: ${what}`);
    await delay(POLL_MS);
  }
}
