// A connection to the broker that comes back by itself, and listens again to what it listened to.
import { setTimeout as delay } from "node:timers/promises";
import { CallerFault, errorText } from "#base/errors.ts";
import type { IncomingMessage } from "#fleet/mqtt-connection.ts";
import { type BrokerAccess, NocConnection } from "./noc-connection.ts";

export interface SteadyConnectionOptions {
  readonly topics: readonly string[];
  /** Must not throw. */
  onMessage(message: IncomingMessage): void;
  /** Connected, and the broker has taken the subscriptions. Must not throw. */
  onUp?(connection: NocConnection): void;
  /** It was lost, or could not be had again: the next attempt comes by itself. Must not throw. */
  onDown?(reason: string): void;
  /** 0 … 1. */
  readonly random: () => number;
}

const BASE_MS = 1000;
const CAP_MS = 30_000;
const FLOOR_MS = 200;

/** Until the signal. Rejects with a CallerFault when the first attempt fails: then it is what was asked for that is wrong. */
export async function stayConnected(access: BrokerAccess, options: SteadyConnectionOptions, signal: AbortSignal): Promise<void> {
  const { topics, onMessage, onUp, onDown, random } = options;
  let wasUp = false;
  for (let attempts = 0; !signal.aborted; attempts++) {
    try {
      const connection = await NocConnection.open(access, signal);
      try {
        connection.listen(onMessage);
        await connection.subscribe(topics);
        [wasUp, attempts] = [true, 0];
        onUp?.(connection);
        const loss = await Promise.race([connection.ended, abortOf(signal)]);
        if (loss === undefined || signal.aborted) return; // closed by us
        onDown?.(loss.message);
      } finally {
        await connection.close();
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!wasUp || !(error instanceof CallerFault)) throw error;
      onDown?.(errorText(error));
    }
    const waitMs = FLOOR_MS + random() * Math.min(CAP_MS, BASE_MS * 2 ** Math.min(attempts, 10));
    await delay(waitMs, undefined, { signal }).catch(() => {});
  }
}

function abortOf(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}
