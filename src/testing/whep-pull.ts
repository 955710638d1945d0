// A path of a test site that is pulled over WHEP.
import { type Clock, SystemClock } from "#base/clock.ts";
import { type Log, silentLog } from "#base/log.ts";
import { WhepSource, type WhepSourceOptions } from "#protocols/webrtc/client/source.ts";
import type { PathSource } from "#relay/path-options.ts";

export interface WhepPullOptions extends Partial<WhepSourceOptions> {
  readonly log?: Log;
  readonly clock?: Clock;
}

/** `url`: `whep://…` or `wheps://…`. */
export function whepPulled(url: string, options: WhepPullOptions = {}): PathSource {
  return { kind: "pull", type: "webRTCSource", url, open: (filled) => whepSource(filled, options), onDemand: undefined };
}

/** One attempt. */
export function whepSource(url: string, options: WhepPullOptions = {}): WhepSource {
  return new WhepSource({
    url,
    bearerToken: "",
    fingerprint: "",
    stunGatherTimeoutMs: 5000,
    handshakeTimeoutMs: 10_000,
    trackGatherTimeoutMs: 2000,
    readBufferBytes: 0,
    readTimeoutMs: 10_000,
    senderClocks: () => ({ last: undefined }),
    clock: new SystemClock(),
    log: silentLog,
    ...options,
  });
}
