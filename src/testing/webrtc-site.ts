// A site whose paths are served over WebRTC as well, on free loopback ports.
import { silentLog } from "#base/log.ts";
import { WebRtcServer } from "#protocols/webrtc/server.ts";
import type { WebRtcServerOptions } from "#protocols/webrtc/server-context.ts";
import { type Site, type SiteOptions, startSite } from "./rtsp-site.ts";

export interface WebRtcSiteOptions extends SiteOptions {
  readonly webrtc?: Partial<WebRtcServerOptions>;
}

export interface WebRtcSite extends Site {
  readonly webrtc: WebRtcServer;
  /** `http://127.0.0.1:port` */
  readonly origin: string;
  /** `http://127.0.0.1:port/path/whep` */
  whep(path: string): string;
  whip(path: string): string;
}

const LOOPBACK = { host: "127.0.0.1", port: 0 } as const;

export async function startWebRtcSite({ webrtc: changes, ...options }: WebRtcSiteOptions = {}): Promise<WebRtcSite> {
  const site = await startSite(options);
  const { registry, sessions } = site;
  const log = options.log ?? silentLog;
  const webrtc = await WebRtcServer.listen({
    address: LOOPBACK,
    allowOrigins: ["*"],
    readTimeoutMs: 10_000,
    writeTimeoutMs: 10_000,
    trustsProxy: () => false,
    log,
    udp: { address: LOOPBACK, readBufferBytes: 0 },
    addressesFromInterfaces: true,
    interfaces: [],
    additionalHosts: [],
    iceServers: [],
    handshakeTimeoutMs: 10_000,
    trackGatherTimeoutMs: 2000,
    limits: { perSecond: 1000, burst: 1000, halfOpen: 1000, halfOpenPerAddress: 1000 },
    registry,
    sessions,
    clock: site.clock,
    mayRead: () => true,
    ...changes,
  });
  const origin = `http://127.0.0.1:${webrtc.port}`;
  return {
    ...site,
    webrtc,
    origin,
    whep: (path) => `${origin}/${path}/whep`,
    whip: (path) => `${origin}/${path}/whip`,
    close: async () => {
      await webrtc.close();
      await site.close();
    },
  };
}
