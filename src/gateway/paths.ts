// Paths, as the relay knows them, from entries of the config.
import { PeerFault } from "#base/errors.ts";
import type { Config, PathEntry } from "#config/config.ts";
import { parseDuration } from "#config/duration.ts";
import { pathNameFault } from "#config/path-name.ts";
import { addressFault, sourcePolicyFault } from "#config/source-policy.ts";
import type { RtspSourceFactory } from "#protocols/rtsp/source-factory.ts";
import { findConf, type PathConf, type PathSource, type SourceVariables } from "#relay/path-options.ts";
import type { Source } from "#relay/source.ts";
import type { Capture } from "./capture.ts";
import type { WhepSources } from "./whep.ts";

/** Runs a path's command on demand. */
export type Demand = (path: string, query: string) => { stop(): void };

export interface PathConfsOptions {
  /** The config that runs. */
  readonly config: Config;
  readonly rtspSources: RtspSourceFactory;
  readonly capture: Pick<Capture, "openFfmpeg">;
  readonly whepSources: Pick<WhepSources, "open">;
  readonly demand: Demand;
}

export class PathConfs {
  readonly #options: PathConfsOptions;
  /** A path that is closing still has its own entry. */
  readonly #settings = new WeakMap<PathConf, PathEntry["settings"]>();

  constructor(options: PathConfsOptions) {
    this.#options = options;
  }

  /** In the order they are tried. */
  of(config: Config): readonly PathConf[] {
    return config.paths.map((entry) => {
      const conf = pathConfOf(entry, config, this.#options);
      this.#settings.set(conf, entry.settings);
      return conf;
    });
  }

  /**
   * A source that no path has, to be tried with the settings of all paths, and held to the policy of those that the API sets; undefined: nothing is pulled
   * from such an address by us.
   */
  candidate(source: string, rtspTransport: PathEntry["settings"]["rtspTransport"], config: Config): Source | undefined {
    if (!/^(?:rtsps?|wheps?):\/\//.test(source)) return undefined;
    const settings = { ...config.pathDefaults, source, rtspTransport };
    const candidate = pathSourceOf(settings, true, config, this.#options);
    return candidate.kind === "pull" ? candidate.open(source, "", { groups: [], query: "" }) : undefined;
  }

  /** Of an entry that was made here. */
  settingsOf(conf: PathConf): PathEntry["settings"] {
    return this.#settings.get(conf)!;
  }
}

/** The entry that a path of this name belongs to; undefined: none, or it is no name. */
export function entryOf({ paths }: Config, path: string): PathEntry | undefined {
  return pathNameFault(path) === undefined ? findConf(paths, path)?.conf : undefined;
}

function pathConfOf(entry: PathEntry, config: Config, options: PathConfsOptions): PathConf {
  const { settings } = entry;
  const { udpMaxPayloadSize, udpReadBufferSize } = config.global;
  return {
    name: entry.name,
    pattern: entry.pattern,
    // The global settings that streams and sources are made with.
    recreateKey: JSON.stringify([entry.recreateKey, udpMaxPayloadSize, udpReadBufferSize]),
    options: {
      source: pathSourceOf(settings, isForeign(entry.name, config), config, options),
      maxReaders: settings.maxReaders,
      absoluteTime: settings.useAbsoluteTimestamp,
      fallback: settings.fallback === "" ? undefined : settings.fallback,
      gopCache: settings.gopCache,
      sourceReconnectGraceMs: timerMs(settings.sourceReconnectGrace),
    },
  };
}

/** `isSetFromOutside`: what is pulled is held to `sourcePolicy`. */
function pathSourceOf(settings: PathEntry["settings"], isSetFromOutside: boolean, config: Config, options: PathConfsOptions): PathSource {
  const source = anySourceOf(settings, isSetFromOutside, config, options);
  if (source.kind !== "pull" || !isSetFromOutside) return source;
  return {
    ...source,
    // Judged at each attempt: the policy may be another one by now, and what clients fill in stands in the URL.
    open(url, path, variables) {
      const fault = sourcePolicyFault(url, "api", options.config.global.sourcePolicy);
      if (fault !== undefined) throw new PeerFault("config", fault);
      return source.open(url, path, variables);
    },
  };
}

function anySourceOf(settings: PathEntry["settings"], isSetFromOutside: boolean, config: Config, options: PathConfsOptions): PathSource {
  const { rtspSources, whepSources, capture, demand } = options;
  const { source } = settings;
  const sourceOnDemand = settings.sourceOnDemand
    ? { startTimeoutMs: timerMs(settings.sourceOnDemandStartTimeout), closeAfterMs: timerMs(settings.sourceOnDemandCloseAfter) }
    : undefined;
  if (source === "redirect") return { kind: "redirect", target: settings.sourceRedirect };
  if (source.startsWith("ffmpeg://")) {
    // What ffmpeg makes comes by RTSP, and clients of the API know this word.
    const open = (_url: string, path: string, variables: SourceVariables): Source => capture.openFfmpeg(source, path, variables);
    return { kind: "pull", type: "rtspSource", url: source, open, onDemand: sourceOnDemand };
  }
  if (/^wheps?:\/\//.test(source)) {
    const open = (url: string, path: string): Source => whepSources.open(url, path, settings);
    return { kind: "pull", type: "webRTCSource", url: source, open, onDemand: sourceOnDemand };
  }
  if (!/^rtsps?:\/\//.test(source)) {
    const onDemand = settings.runOnDemand !== "" && {
      startTimeoutMs: timerMs(settings.runOnDemandStartTimeout),
      closeAfterMs: timerMs(settings.runOnDemandCloseAfter),
      start: demand,
    };
    return { kind: "publisher", overridePublisher: settings.overridePublisher, ...(onDemand && { onDemand }) };
  }
  const [firstPort = 0, lastPort = 0] = settings.rtspUDPSourcePortRange;
  const rtsp = {
    fingerprint: settings.sourceFingerprint,
    transport: settings.rtspTransport,
    anyPort: settings.rtspAnyPort,
    udpPortRange: [firstPort, lastPort] as const,
    udpReadBufferBytes: settings.sourceUDPReadBufferSize || config.global.udpReadBufferSize,
    rangeType: settings.rtspRangeType,
    rangeStart: settings.rtspRangeType === "clock" ? settings.rtspRangeStart : (parseDuration(settings.rtspRangeStart) ?? 0),
    scale: settings.rtspScale,
    ...(isSetFromOutside && {
      addressFault: (address: string) => (options.config.global.sourcePolicy === "lan" ? addressFault(address) : undefined),
    }),
  };
  return {
    kind: "pull",
    type: "rtspSource",
    url: source,
    open: (url, path) => rtspSources.open(url, path, rtsp),
    onDemand: sourceOnDemand,
  };
}

/** The source of the entry was not set by whoever wrote the file. */
function isForeign(name: string, { origins }: Config): boolean {
  const origin = origins.get(`paths.${name}.source`) ?? origins.get("pathDefaults.source");
  return origin?.kind === "overlay" || origin?.kind === "desired";
}

/** setTimeout takes 2^31 − 1 ms, and fires at once for more. */
export function timerMs(ms: number): number {
  return Math.min(ms, 2 ** 31 - 1);
}
