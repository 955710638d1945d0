// A push over WHIP as tests want it.
import { SystemClock } from "#base/clock.ts";
import { silentLog } from "#base/log.ts";
import { WhipPush, type WhipPushOptions } from "#protocols/webrtc/client/push.ts";

/** `url`: `whip://…` or `whips://…`. */
export function whipPush(url: string, options: Partial<WhipPushOptions> = {}): WhipPush {
  return new WhipPush({
    url,
    bearerToken: "",
    fingerprint: "",
    stunGatherTimeoutMs: 5000,
    handshakeTimeoutMs: 10_000,
    readTimeoutMs: 10_000,
    writeTimeoutMs: 10_000,
    clock: new SystemClock(),
    log: silentLog,
    random: Math.random,
    ...options,
  });
}
