// The composition root: makes the modules of a gateway from its config, starts them in order, stops them in reverse. The only reader of the config.
import { join, resolve } from "node:path";
import type { ApiServer, ApiServerOptions } from "#api/api-server.ts";
import { SystemClock } from "#base/clock.ts";
import { CallerFault } from "#base/errors.ts";
import { type ListenAddress, parseListenAddress } from "#base/listen-address.ts";
import type { Log } from "#base/log.ts";
import { version } from "#base/version.ts";
import type { Config, PathEntry } from "#config/config.ts";
import { parseDuration } from "#config/duration.ts";
import { compileGoRegexp } from "#config/go-regexp.ts";
import { pathNameFault } from "#config/path-name.ts";
import { Authenticator } from "#control/auth/authenticator.ts";
import { type GatewayClock, openGatewayClock } from "#device/gateway-clock.ts";
import { HookRunner } from "#hooks/hook-runner.ts";
import { nativeStatus } from "#native/ladder.ts";
import type { OpenReplay } from "#protocols/rtsp/replay.ts";
import { RtspServer } from "#protocols/rtsp/server.ts";
import { RtspSourceFactory } from "#protocols/rtsp/source-factory.ts";
import type { PlaybackServer } from "#record/playback/playback-server.ts";
import type { PathConf, PathSource } from "#relay/path-options.ts";
import { PathRegistry } from "#relay/path-registry.ts";
import { enterPulledSources } from "#relay/pulled-sources.ts";
import { SessionRegistry } from "#relay/session-registry.ts";
import type { Metrics } from "./gateway-metrics.ts";
import type { Recording } from "./gateway-recording.ts";

export class Gateway {
  readonly registry: PathRegistry;
  readonly sessions: SessionRegistry;
  readonly #closers: readonly (() => Promise<void> | void)[];
  /** Ports that were bound, by setting. */
  readonly ports: {
    readonly rtspAddress: number | undefined;
    readonly apiAddress: number | undefined;
    readonly metricsAddress: number | undefined;
    readonly playbackAddress: number | undefined;
  };

  private constructor(parts: {
    readonly registry: PathRegistry;
    readonly sessions: SessionRegistry;
    readonly rtsp: RtspServer | undefined;
    readonly api: ApiServer | undefined;
    readonly playback: PlaybackServer | undefined;
    readonly metrics: Metrics | undefined;
    readonly closers: readonly (() => Promise<void> | void)[];
  }) {
    this.registry = parts.registry;
    this.sessions = parts.sessions;
    this.ports = {
      rtspAddress: parts.rtsp?.port,
      apiAddress: parts.api?.port,
      metricsAddress: parts.metrics?.port,
      playbackAddress: parts.playback?.port,
    };
    this.#closers = parts.closers;
  }

  /** Starts everything; rejects, with nothing left running, when a listener cannot be opened. */
  static async start(config: Config, log: Log): Promise<Gateway> {
    const keeper = records(config) ? await openClock(config, log) : undefined;
    const clock = keeper ?? new SystemClock();
    const startedUs = clock.nowUs();
    const sessions = new SessionRegistry();
    const authenticator = new Authenticator(config.global, {
      bruteForce: config.global.profile === "appliance" ? "ban" : "delay",
      compileExpression: pathMatcher,
      clock,
      log: log.child("auth"),
    });
    const { authorize } = authenticator;
    const sources = new RtspSourceFactory({
      readTimeout: { ms: config.global.readTimeout, explicit: isExplicit(config, "readTimeout") },
      clock,
      log,
      random: Math.random,
    });
    let hooks: HookRunner | undefined;
    const settings = new WeakMap<PathConf, PathEntry["settings"]>();
    const registry = new PathRegistry({
      clock,
      log,
      udpMaxPayloadBytes: config.global.udpMaxPayloadSize,
      authorize,
      confs: config.paths.map((entry) => {
        const conf = pathConfOf(entry, config, sources, (path, query) => hooks!.demand(path, query));
        settings.set(conf, entry.settings);
        return conf;
      }),
      nameFault: pathNameFault,
    });
    enterPulledSources(registry, sessions);
    let recording: Recording | undefined;
    let playback: PlaybackServer | undefined;
    let rtsp: RtspServer | undefined;
    let api: ApiServer | undefined;
    let metrics: Metrics | undefined;
    const closers = [
      () => hooks?.close(), // the others' ends are events, too
      () => authenticator.close(),
      () => keeper?.close(),
      () => registry.close(),
      () => recording?.close(),
      () => playback?.close(),
      () => rtsp?.close(),
      () => api?.close(),
      () => metrics?.close(),
    ];
    try {
      // Before anything recorded is touched: a gateway that is started twice fails here, and the files of the first are left alone.
      const openReplay: OpenReplay = (request) =>
        recording?.openReplay(request) ?? Promise.reject(new CallerFault("no-stream", "recordings are not open"));
      rtsp = await startRtsp(config, { registry, sessions, clock, log, ...(keeper !== undefined && { openReplay }) });
      const { global } = config;
      hooks = new HookRunner({
        registry,
        sessions,
        settingsOf: (path) => settings.get(path.conf)!,
        connections: global,
        rtspPort: rtsp?.port ?? addressOf(global.rtspAddress).port,
        log,
      });
      if (keeper !== undefined) {
        // Loaded when it is wanted: a gateway that only relays does not carry it in memory.
        const rooms = await import("./gateway-recording.ts");
        recording = await rooms.Recording.start({ config, registry, clock: keeper, log, hooks });
        if (global.playback) playback = await recording.servePlayback(authorize);
      }
      if (global.api) {
        const parts = {
          registry,
          clock,
          startedUs,
          authorize,
          sessions,
          servers: { rtsp: rtsp !== undefined, rtsps: false },
          recordings: recording?.library,
        };
        api = await startApi(config, { ...parts, refreshKeys: () => authenticator.refreshKeys() }, log);
      }
      if (global.metrics) {
        const { serveMetrics } = await import("./gateway-metrics.ts");
        metrics = await serveMetrics({ config, registry, sessions, clock, keeper, recording, authorize, log });
      }
      return new Gateway({ registry, sessions, rtsp, api, playback, metrics, closers });
    } catch (error) {
      await closeAll(closers);
      throw error;
    }
  }

  async close(): Promise<void> {
    await closeAll(this.#closers);
  }
}

type ApiParts = Pick<
  ApiServerOptions,
  "registry" | "clock" | "startedUs" | "sessions" | "servers" | "recordings" | "authorize" | "refreshKeys"
>;

async function startApi({ global }: Config, parts: ApiParts, log: Log): Promise<ApiServer> {
  const { ApiServer } = await import("#api/api-server.ts"); // loaded where it is wanted
  const server = await ApiServer.listen({
    ...parts,
    address: addressOf(global.apiAddress),
    allowOrigins: global.apiAllowOrigins,
    readTimeoutMs: global.readTimeout,
    writeTimeoutMs: global.writeTimeout,
    trustsProxy: () => false,
    version: `v${version}`,
    log: log.child("API"),
  });
  log.child("API").info(`listener opened on ${global.apiAddress} (TCP)`);
  return server;
}

/** The clock that remembers other boots: where there are recordings, whose times it knows. */
function openClock({ global }: Config, log: Log): Promise<GatewayClock> {
  const { directory } = global.ring;
  const dataDirectory = resolve(global.dataDirectory);
  return openGatewayClock({
    dataDirectory,
    log: log.child("clock"),
    ...(directory !== "" && { alsoRead: [join(resolve(directory), "gwr1", "clk.log")] }),
  });
}

/** Recordings are made or served. */
function records({ global, paths }: Config): boolean {
  return global.playback || paths.some(({ settings }) => settings.record);
}

async function closeAll(closers: readonly (() => Promise<void> | void)[]): Promise<void> {
  for (const close of closers.toReversed()) await close();
}

async function startRtsp(
  config: Config,
  shared: Pick<Parameters<typeof RtspServer.listen>[0], "registry" | "sessions" | "clock" | "log" | "openReplay">,
): Promise<RtspServer | undefined> {
  const { global } = config;
  if (!global.rtsp) return undefined;
  const server = await RtspServer.listen({
    ...shared,
    address: addressOf(global.rtspAddress),
    tcp: global.rtspTransports.includes("tcp"),
    udp: global.rtspTransports.includes("udp")
      ? { rtp: addressOf(global.rtpAddress), rtcp: addressOf(global.rtcpAddress), readBufferBytes: global.udpReadBufferSize }
      : undefined,
    authMethods: global.rtspAuthMethods,
    readTimeoutMs: global.readTimeout,
    writeTimeoutMs: global.writeTimeout,
    handshakeTimeoutMs: timerMs(global.readTimeout),
  });
  const udp = global.rtspTransports.includes("udp") ? `, ${global.rtpAddress} (UDP/RTP), ${global.rtcpAddress} (UDP/RTCP)` : "";
  shared.log.child("RTSP").info(`listener opened on ${global.rtspAddress} (TCP)${udp}`);
  const { rung, reason } = nativeStatus();
  if (udp !== "" && reason !== undefined) shared.log.child("UDP").info(`packets are sent by ${rung}: ${reason}`);
  return server;
}

function addressOf(text: string): ListenAddress {
  const address = parseListenAddress(text);
  if (address === undefined) throw new Error(`'${text}' is no address to listen on`);
  return address;
}

/** setTimeout takes 2^31 − 1 ms, and fires at once for more. */
function timerMs(ms: number): number {
  return Math.min(ms, 2 ** 31 - 1);
}

function isExplicit(config: Config, field: string): boolean {
  return (config.origins.get(field)?.kind ?? "default") !== "default";
}

/** Runs a path's command on demand. */
type Demand = (path: string, query: string) => { stop(): void };

function pathConfOf(entry: PathEntry, config: Config, sources: RtspSourceFactory, demand: Demand): PathConf {
  const { settings } = entry;
  return {
    name: entry.name,
    pattern: entry.pattern,
    recreateKey: entry.recreateKey,
    options: {
      source: pathSourceOf(entry, config, sources, demand),
      maxReaders: settings.maxReaders,
      absoluteTime: settings.useAbsoluteTimestamp,
      fallback: settings.fallback === "" ? undefined : settings.fallback,
      gopCache: settings.gopCache,
      sourceReconnectGraceMs: timerMs(settings.sourceReconnectGrace),
    },
  };
}

function pathSourceOf({ settings }: PathEntry, config: Config, sources: RtspSourceFactory, demand: Demand): PathSource {
  const { source } = settings;
  if (source === "redirect") return { kind: "redirect", target: settings.sourceRedirect };
  if (!source.startsWith("rtsp://")) {
    const onDemand = settings.runOnDemand !== "" && {
      startTimeoutMs: timerMs(settings.runOnDemandStartTimeout),
      closeAfterMs: timerMs(settings.runOnDemandCloseAfter),
      start: demand,
    };
    return { kind: "publisher", overridePublisher: settings.overridePublisher, ...(onDemand && { onDemand }) };
  }
  const [firstPort = 0, lastPort = 0] = settings.rtspUDPSourcePortRange;
  const options = {
    transport: settings.rtspTransport,
    anyPort: settings.rtspAnyPort,
    udpPortRange: [firstPort, lastPort] as const,
    udpReadBufferBytes: settings.sourceUDPReadBufferSize || config.global.udpReadBufferSize,
    rangeType: settings.rtspRangeType,
    rangeStart: settings.rtspRangeType === "clock" ? settings.rtspRangeStart : (parseDuration(settings.rtspRangeStart) ?? 0),
    scale: settings.rtspScale,
  };
  return {
    kind: "pull",
    type: "rtspSource",
    url: source,
    open: (url, path) => sources.open(url, path, options),
    onDemand: settings.sourceOnDemand
      ? { startTimeoutMs: timerMs(settings.sourceOnDemandStartTimeout), closeAfterMs: timerMs(settings.sourceOnDemandCloseAfter) }
      : undefined,
  };
}

/** Undefined: it is no expression. Not anchored. */
function pathMatcher(source: string): ((path: string) => boolean) | undefined {
  const pattern = compileGoRegexp(source);
  return "fault" in pattern ? undefined : (path) => pattern.exec(path) !== null;
}
