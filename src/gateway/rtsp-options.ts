// What the RTSP and the RTSPS server have in common, from the config.
import { CallerFault } from "#base/errors.ts";
import type { Config } from "#config/config.ts";
import { AddressSet } from "#control/auth/address-set.ts";
import type { OpenReplay } from "#protocols/rtsp/replay.ts";
import type { RtspServerOptions } from "#protocols/rtsp/server.ts";
import type { GatewayContext } from "./context.ts";

/** From the connection to the first request, TLS and the header of a proxy included. */
const HANDSHAKE_MS = 5000;

type Global = Config["global"];

export function servesRtsp({ rtsp, rtspEncryption }: Global): boolean {
  return rtsp && rtspEncryption !== "strict";
}

export function servesRtsps({ rtsp, rtspEncryption }: Global): boolean {
  return rtsp && rtspEncryption !== "no";
}

/** What each of them has of its own. */
type OwnOptions = Pick<RtspServerOptions, "address" | "certificate" | "udp" | "log">;

/** Not to be copied: what it says of replays changes with the config. */
export function rtspOptionsOf(context: GatewayContext, global: Global, own: OwnOptions): RtspServerOptions {
  const { registry, sessions, clock } = context;
  const openReplay: OpenReplay = (request) =>
    context.recording?.openReplay(request) ?? Promise.reject(new CallerFault("no-stream", "recordings are not open"));
  const proxies = new AddressSet(global.rtspTrustedProxies);
  return {
    ...own,
    registry,
    sessions,
    clock,
    connectionLimits: context.connectionLimits,
    get openReplay() {
      return context.config.global.playback && context.recording ? openReplay : undefined;
    },
    tcp: global.rtspTransports.includes("tcp"),
    trustsProxy: (address) => proxies.has(address),
    authMethods: global.rtspAuthMethods,
    readTimeoutMs: global.readTimeout,
    writeTimeoutMs: global.writeTimeout,
    handshakeTimeoutMs: Math.min(global.readTimeout, HANDSHAKE_MS),
  };
}
