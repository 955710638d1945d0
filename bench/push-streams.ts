// Publishes N test streams to a RTSP server: `bench/push-streams --count 10`. One process: every stream is a publishing client of ours.
import { setTimeout as delay } from "node:timers/promises";
import { SystemClock } from "#base/clock.ts";
import { deferred } from "#base/deferred.ts";
import { errorText } from "#base/errors.ts";
import { createLogger, type Log, silentLog } from "#base/log.ts";
import { FfmpegSources } from "#capture/ffmpeg-sources.ts";
import { RtspInlet } from "#protocols/rtsp/inlet.ts";
import { RtspPush } from "#protocols/rtsp/push.ts";
import type { PathConf, PathSource } from "#relay/path-options.ts";
import { PathRegistry } from "#relay/path-registry.ts";
import type { Stream } from "#relay/stream.ts";
import { ClipSource } from "#testing/camera/clip-source.ts";
import { loadClip } from "#testing/clip/clip.ts";
import { readOf } from "#testing/stream-read.ts";
import { type PushOptions, parsePushOptions, USAGE } from "./push-options.ts";

const PACKET_BYTES = 1452;
const STALL_MS = 10_000;
/** Between two streams, so that they do not all begin at once. */
const STAGGER_MS = 50;
const RETRY_MS = 2000;
const PORTS = [32_768, 60_999] as const;

const clock = new SystemClock();
const log = createLogger();
/** Of what stands behind the streams. */
const faults: Log = { ...silentLog, warn: log.warn, error: log.error, child: () => faults };
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    process.stdout.write(USAGE);
    return 0;
  }
  let options: PushOptions;
  try {
    options = parsePushOptions(args);
  } catch (error) {
    process.stderr.write(`${errorText(error)}\n\n${USAGE}`);
    return 2;
  }
  const abort = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => abort.abort());
  if (options.seconds !== undefined) setTimeout(() => abort.abort(), options.seconds * 1000).unref();
  await pushAll(options, abort.signal);
  await log.close();
  return 0;
}

async function pushAll({ urls, transport, input }: PushOptions, signal: AbortSignal): Promise<void> {
  const media = input === undefined ? clips(urls.length) : ffmpegInput(input);
  const registry = new PathRegistry({
    clock,
    log: faults,
    udpMaxPayloadBytes: PACKET_BYTES,
    authorize: () => Promise.resolve({ allowed: true, user: "" }),
    confs: media.sources.map((source, i) => pathConf(String(i), source)),
    nameFault: () => undefined,
  });
  log.info(`pushing ${urls.length} streams over ${transport.toUpperCase()}, to ${urls[0]}${urls.length > 1 ? ` … ${urls.at(-1)}` : ""}`);
  await Promise.all(
    urls.map(async (url, i) => {
      await pause(i * STAGGER_MS, signal);
      const path = String(i % media.sources.length);
      await keepPushing(() => streamOf(registry, path, signal), { url, transport }, signal);
    }),
  );
  registry.close();
  await media.close();
}

/** Until the signal; whatever happens to a stream, it is tried again. */
async function keepPushing(
  stream: () => Promise<Stream | undefined>,
  { url, transport }: { readonly url: string; readonly transport: "tcp" | "udp" },
  signal: AbortSignal,
): Promise<void> {
  const pushLog: Log = log.child(url.slice(url.lastIndexOf("/") + 1));
  const push = new RtspPush({
    url,
    fingerprint: "",
    fingerprintSetting: "destFingerprint",
    transport,
    udpPortRange: PORTS,
    writeTimeoutMs: STALL_MS,
    clock,
    random: Math.random,
  });
  while (!signal.aborted) {
    try {
      const live = await stream();
      if (live !== undefined) await push.run(readOf(live), signal);
    } catch (error) {
      if (!signal.aborted) pushLog.warn(`${errorText(error)}; trying again`);
    }
    await pause(RETRY_MS, signal);
  }
}

/** Waits until there is one; undefined: the signal came first. */
async function streamOf(registry: PathRegistry, path: string, signal: AbortSignal): Promise<Stream | undefined> {
  const here = deferred<void>();
  const nothing = (): void => {};
  const unwatch = registry.watch({
    opened: nothing,
    updated: nothing,
    closed: nothing,
    available: ({ name }) => name === path && here.resolve(),
  });
  signal.addEventListener("abort", () => here.resolve(), { once: true });
  await here.promise;
  unwatch();
  if (signal.aborted) return undefined;
  const request = { action: "read", path, protocol: "", query: "", id: "", credentials: { kind: "none" } } as const;
  const description = await registry.describe({ ...request, remote: { address: "", port: 0 } });
  return "stream" in description ? description.stream : undefined;
}

interface Media {
  readonly sources: readonly PathSource[];
  close(): Promise<void>;
}

function clips(count: number): Media {
  const clip = loadClip();
  const sources = Array.from({ length: count }, (_, i): PathSource => {
    const startFrame = Math.floor((i * clip.frames.length) / count);
    return { kind: "pull", type: "rtspSource", url: "clip", open: () => new ClipSource({ clip, clock, startFrame }), onDemand: undefined };
  });
  return { sources, close: async () => {} };
}

function ffmpegInput(input: string): Media {
  const inlet = new RtspInlet({ clock, log: faults, readTimeoutMs: STALL_MS });
  const ffmpeg = new FfmpegSources({ inlet, log: faults, rtspPort: 0, packetBytes: PACKET_BYTES });
  const source: PathSource = {
    kind: "pull",
    type: "rtspSource",
    url: input,
    open: (_, path, variables) => ffmpeg.open(input, path, variables),
    onDemand: undefined,
  };
  return {
    sources: [source],
    close: async () => {
      await ffmpeg.close();
      await inlet.close();
    },
  };
}

function pathConf(name: string, source: PathSource): PathConf {
  const live = { gopCache: true, sourceReconnectGraceMs: 60_000 };
  return {
    name,
    pattern: undefined,
    recreateKey: "",
    options: { source, maxReaders: 0, absoluteTime: false, fallback: undefined, ...live },
  };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
}
