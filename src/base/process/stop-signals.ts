// The signals that stop a program: the first one asks it to, another one ends it at once, and one that is delivered twice is one.
import { setTimeout as delay } from "node:timers/promises";

/** Whoever starts programs in groups (npm, timeout, a terminal) delivers one signal twice: to the process and to its group. */
const SAME_SIGNAL_MS = 100;

/** The part of `process` that this needs. */
export interface SignalReceiver {
  readonly pid: number;
  on(signal: "SIGINT" | "SIGTERM", receive: (signal: NodeJS.Signals) => void): unknown;
  kill(pid: number, signal: "SIGKILL"): unknown;
}

export interface StopSignals {
  /** Resolves at the first SIGINT or SIGTERM. */
  readonly first: Promise<NodeJS.Signals>;
  /** Resolves when the first one's twin can come no more: an exit before that would let the twin be the reason of the end. */
  readonly settled: Promise<void>;
}

/**
 * A second signal, if it is not the first one's twin, ends the process at once with SIGKILL: `process.exit` would wait for a hung disk call.
 *
 * @param clock monotonic, in milliseconds
 */
export function stopSignals(receiver: SignalReceiver, clock: () => number = () => performance.now()): StopSignals {
  let seen: { readonly signal: NodeJS.Signals; readonly atMs: number } | undefined;
  const first = new Promise<NodeJS.Signals>((resolve) => {
    const receive = (signal: NodeJS.Signals): void => {
      const nowMs = clock();
      seen ??= { signal, atMs: nowMs };
      resolve(seen.signal);
      const isFirst = signal === seen.signal && nowMs - seen.atMs < SAME_SIGNAL_MS;
      if (!isFirst) receiver.kill(receiver.pid, "SIGKILL");
    };
    receiver.on("SIGINT", receive);
    receiver.on("SIGTERM", receive);
  });
  return { first, settled: first.then(() => delay(SAME_SIGNAL_MS)) };
}
