// A small site for tests and for the demo's cameras: paths, their registry and an RTSP server on free loopback ports, without a config.
import { type Clock, SystemClock } from "#base/clock.ts";
import { type Log, silentLog } from "#base/log.ts";
import { RtspServer, type RtspServerOptions } from "#protocols/rtsp/server.ts";
import { type RtspPathOptions, RtspSourceFactory } from "#protocols/rtsp/source-factory.ts";
import type { Authorize } from "#relay/access.ts";
import type { OnDemandOptions, PathConf, PathOptions, PathSource } from "#relay/path-options.ts";
import { PathRegistry } from "#relay/path-registry.ts";
import { SessionRegistry } from "#relay/session-registry.ts";

export interface SiteOptions {
  /** By name; `~expression` matches names, `all_others` comes last. Default: `all_others` for publishers. */
  readonly paths?: Readonly<Record<string, Partial<PathOptions>>>;
  readonly authorize?: Authorize;
  readonly server?: Partial<RtspServerOptions>;
  readonly udpMaxPayloadBytes?: number;
  readonly log?: Log;
  readonly clock?: Clock;
  readonly random?: () => number;
}

export interface Site {
  readonly registry: PathRegistry;
  readonly sessions: SessionRegistry;
  readonly server: RtspServer;
  readonly port: number;
  readonly clock: Clock;
  /** `rtsp://127.0.0.1:port/path` */
  url(path: string): string;
  close(): Promise<void>;
}

const LOOPBACK = { host: "127.0.0.1", port: 0 } as const;

export async function startSite(options: SiteOptions = {}): Promise<Site> {
  const clock = options.clock ?? new SystemClock();
  const log = options.log ?? silentLog;
  const sessions = new SessionRegistry();
  const registry = new PathRegistry({
    clock,
    log,
    udpMaxPayloadBytes: options.udpMaxPayloadBytes ?? 1452,
    authorize: options.authorize ?? (() => Promise.resolve({ allowed: true, user: "" })),
    confs: Object.entries(options.paths ?? { all_others: {} }).map(([name, changes]) => pathConf(name, changes)),
    nameFault: (path) => (/^[\w.-][\w./-]*$/.test(path) ? undefined : "is no name"),
    random: options.random ?? Math.random,
  });
  const server = await RtspServer.listen({
    address: LOOPBACK,
    tcp: true,
    udp: { rtp: LOOPBACK, rtcp: LOOPBACK, readBufferBytes: 0 },
    authMethods: ["basic", "digest"],
    readTimeoutMs: 10_000,
    writeTimeoutMs: 10_000,
    handshakeTimeoutMs: 10_000,
    registry,
    sessions,
    clock,
    log,
    ...options.server,
  });
  return {
    registry,
    sessions,
    server,
    port: server.port,
    clock,
    url: (path) => `rtsp://127.0.0.1:${server.port}/${path}`,
    close: async () => {
      await server.close();
      registry.close();
    },
  };
}

/** An entry with the defaults of MediaMTX, save what is given. */
export function pathConf(name: string, changes: Partial<PathOptions> = {}): PathConf {
  const expression = name === "all_others" ? /^.*$/ : name.startsWith("~") ? new RegExp(name.slice(1)) : undefined;
  const options: PathOptions = {
    source: { kind: "publisher", overridePublisher: true },
    maxReaders: 0,
    absoluteTime: false,
    fallback: undefined,
    gopCache: true,
    sourceReconnectGraceMs: 60_000,
    ...changes,
  };
  return { name, pattern: expression, options, recreateKey: JSON.stringify({ ...options, gopCache: 0, sourceReconnectGraceMs: 0 }) };
}

export interface PullOptions extends Partial<RtspPathOptions> {
  readonly onDemand?: OnDemandOptions;
  readonly readTimeoutMs?: number;
  readonly log?: Log;
  readonly clock?: Clock;
  readonly random?: () => number;
}

/** A source that pulls `url` over RTSP. */
export function pulled(url: string, options: PullOptions = {}): PathSource {
  const { onDemand, readTimeoutMs, log = silentLog, clock = new SystemClock(), random = Math.random, ...changes } = options;
  const sources = new RtspSourceFactory({
    readTimeout: { ms: readTimeoutMs ?? 10_000, explicit: readTimeoutMs !== undefined },
    clock,
    log,
    random,
  });
  const pathOptions: RtspPathOptions = {
    fingerprint: "",
    transport: "automatic",
    anyPort: false,
    udpPortRange: [32_768, 60_999],
    udpReadBufferBytes: 0,
    rangeType: "",
    rangeStart: 0,
    scale: "",
    ...changes,
  };
  return { kind: "pull", type: "rtspSource", url, open: (filled, path) => sources.open(filled, path, pathOptions), onDemand };
}
