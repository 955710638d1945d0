// How a client that may not in is told: MediaMTX's 401.
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { sendError } from "./server.ts";

/** Fits the relay's Denial. */
export interface HttpDenial {
  /** Nothing was supplied: the client is asked for credentials. */
  readonly challenge: boolean;
  readonly delayMs: number;
}

/** Answers after the delay, or not at all when the client is gone by then. */
export async function sendDenial(response: ServerResponse, { challenge, delayMs }: HttpDenial, signal: AbortSignal): Promise<void> {
  if (delayMs > 0) await sleep(delayMs, undefined, { signal }).catch(() => {});
  if (signal.aborted) return;
  if (challenge) response.setHeader("WWW-Authenticate", 'Basic realm="mediamtx"');
  sendError(response, 401, "authentication error");
}
