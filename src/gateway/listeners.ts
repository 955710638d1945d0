// From the config to the listeners of HTTP servers: one place for what the settings of each say alike.
import { hostname } from "node:os";
import type { Log } from "#base/log.ts";
import type { GlobalConfig } from "#config/schema.ts";
import { AddressSet } from "#control/auth/address-set.ts";
import { BrowserGuard } from "#http/browser-guard.ts";
import type { CertificateFiles } from "#http/certificate.ts";
import type { HttpListener } from "#http/server.ts";
import type { GatewayContext } from "./context.ts";
import { addressOf } from "./part.ts";

/** How the settings of an HTTP server begin. */
export type HttpSection = "api" | "metrics" | "pprof" | "playback" | "hls" | "webrtc";

export function httpListenerOf(
  { connectionLimits }: Pick<GatewayContext, "connectionLimits">,
  global: GlobalConfig,
  section: HttpSection,
  log: Log,
): HttpListener {
  const proxies = new AddressSet(global[`${section}TrustedProxies`]);
  return {
    address: addressOf(global[`${section}Address`]),
    certificate: global[`${section}Encryption`] ? certificateOf(global, section) : undefined,
    allowOrigins: global[`${section}AllowOrigins`],
    readTimeoutMs: global.readTimeout,
    writeTimeoutMs: global.writeTimeout,
    connectionLimits,
    trustsProxy: (address) => proxies.has(address),
    log,
  };
}

/** For the log, once the server listens. */
export function openedText(global: GlobalConfig, section: HttpSection): string {
  return `listener opened on ${global[`${section}Address`]} (TCP${global[`${section}Encryption`] ? ", TLS" : ""})`;
}

/** Where key and certificate of a server are, of HTTP or not. */
export function certificateOf(global: GlobalConfig, section: HttpSection | "rtsp" | "rtmp"): CertificateFiles {
  const [keySetting, certSetting] = [`${section}ServerKey`, `${section}ServerCert`] as const;
  return { keyFile: global[keySetting], certFile: global[certSetting], keySetting, certSetting };
}

/** For what browsers ask of the API and of the page; undefined: as in MediaMTX, there is none. */
export function browserGuardOf(context: Pick<GatewayContext, "config">, section: "api" | "webrtc"): BrowserGuard | undefined {
  if (context.config.global.profile !== "appliance") return undefined;
  return new BrowserGuard({
    hostName: hostname(),
    allowedHosts: () => context.config.global.httpAllowedHosts,
    allowedOrigins: () => context.config.global[`${section}AllowOrigins`],
  });
}
