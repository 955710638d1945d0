// Recording, as part of the composition root: makes the stores, their recorders and what serves recordings from the config.

import { join, resolve } from "node:path";
import { GapTotals } from "#api/metrics/gap-totals.ts";
import { SpaceGauge } from "#api/metrics/space-gauge.ts";
import { RecordingLibrary } from "#api/recording-library.ts";
import { DiskQueue } from "#base/disk-queue.ts";
import { parseListenAddress } from "#base/listen-address.ts";
import type { Log } from "#base/log.ts";
import { NodeFs } from "#base/node-fs.ts";
import type { Config, PathEntry } from "#config/config.ts";
import { pathNameFault } from "#config/path-name.ts";
import type { Share } from "#config/setting.ts";
import { fmp4Fault } from "#containers/fmp4/stored-track.ts";
import type { GatewayClock } from "#device/gateway-clock.ts";
import type { HookRunner } from "#hooks/hook-runner.ts";
import type { OpenReplay } from "#protocols/rtsp/replay.ts";
import { Cleaner } from "#record/files/cleaner.ts";
import { FilesIndex } from "#record/files/files-index.ts";
import { FilesStore } from "#record/files/files-store.ts";
import { holdsTrack } from "#record/files/segment-format.ts";
import { PathRecorders, type RecordingPlan } from "#record/path-recorders.ts";
import { PlaybackServer } from "#record/playback/playback-server.ts";
import type { RecordingIndex } from "#record/recording-index.ts";
import { type CameraQuota, DEFAULT_QUOTA } from "#record/ring/allocator.ts";
import { Ring, type RingSettings } from "#record/ring/ring.ts";
import type { RingEvent } from "#record/ring/ring-event.ts";
import type { Authorize } from "#relay/access.ts";
import type { Path } from "#relay/path.ts";
import type { PathRegistry } from "#relay/path-registry.ts";
import { replaysOf } from "./gateway-replay.ts";

/** A disk that hangs does not keep the gateway from stopping. */
const CLOSE_TIMEOUT_MS = 10_000;

export interface RecordingOptions {
  readonly config: Config;
  readonly registry: PathRegistry;
  readonly clock: GatewayClock;
  readonly log: Log;
  readonly hooks: Pick<HookRunner, "segments">;
}

export class Recording {
  readonly recorders: PathRecorders;
  readonly ring: Ring | undefined;
  readonly files: FilesIndex;
  /** For metrics: gaps of all recorders, and room for files. */
  readonly gaps = new GapTotals();
  readonly space: SpaceGauge;
  readonly #entries: ReadonlyMap<string, PathEntry>;
  readonly #cleaner: Cleaner;
  readonly #options: RecordingOptions;
  /** For the RTSP server. */
  readonly openReplay: OpenReplay;

  private constructor(options: RecordingOptions, parts: Parts) {
    const { registry, clock, log, config } = options;
    this.#options = options;
    this.openReplay = replaysOf((path) => this.indexOf(path), clock);
    this.ring = parts.ring;
    this.files = parts.files;
    this.#cleaner = parts.cleaner;
    this.space = new SpaceGauge({
      directories: () => parts.files.catalog.places.roots,
      space: (directory) => parts.fs.space(directory),
    });
    this.#entries = new Map(config.paths.map((entry) => [entry.name, entry]));
    this.recorders = new PathRecorders({
      registry,
      clock,
      log,
      planOf: (path) => {
        const entry = this.#entries.get(path.conf.name);
        return entry?.settings.record === true ? this.#planOf(path, entry, parts) : undefined;
      },
      onGap: this.gaps.note,
    });
  }

  /** Rejects with a StartFault when another process has the ring. */
  static async start(options: RecordingOptions): Promise<Recording> {
    const { config, registry, clock, log } = options;
    const fs = new DiskQueue(new NodeFs());
    const dataDirectory = resolve(config.global.dataDirectory);
    const ring = usesRing(config) ? await startRing(options, fs, dataDirectory) : undefined;
    const filesLog = log.child("recordings");
    const places = placesOf(config, registry);
    const files = await FilesIndex.open({ fs, clock, log: filesLog, places, zone: localZone, dataDirectory }).catch(
      async (error: unknown) => {
        await ring?.close();
        throw error;
      },
    );
    const cleaner = new Cleaner({ fs, clock, log: filesLog, index: files, rules: rulesOf(config, registry) });
    cleaner.start();
    return new Recording(options, { fs, files, cleaner, ring });
  }

  /** What the API lists and deletes, of both stores. */
  get library(): RecordingLibrary {
    return new RecordingLibrary({ files: this.files, ring: this.ring?.recordings });
  }

  /** Where the recordings of a path are; undefined: no entry of the config is for it. */
  indexOf(path: string): RecordingIndex | undefined {
    const name = this.#options.registry.confOf(path)?.name;
    const entry = name === undefined ? undefined : this.#entries.get(name);
    if (entry === undefined) return undefined;
    return entry.settings.recordStore === "ring" && this.ring !== undefined ? this.ring.recordings : this.files;
  }

  /** Opens the HTTP server of recordings; rejects when its address cannot be had. */
  async servePlayback(authorize: Authorize): Promise<PlaybackServer> {
    const { config, log } = this.#options;
    const { playbackAddress, playbackAllowOrigins, readTimeout, writeTimeout } = config.global;
    const address = parseListenAddress(playbackAddress);
    if (address === undefined) throw new Error(`'${playbackAddress}' is no address to listen on`);
    const server = await PlaybackServer.listen({
      address,
      allowOrigins: playbackAllowOrigins,
      readTimeoutMs: readTimeout,
      writeTimeoutMs: writeTimeout,
      trustsProxy: () => false,
      log: log.child("playback"),
      pathNameFault,
      authorize,
      indexOf: (path) => this.indexOf(path),
    });
    log.child("playback").info(`listener opened on ${playbackAddress} (TCP)`);
    return server;
  }

  async close(): Promise<void> {
    const closed = (async () => {
      await this.recorders.close();
      await this.#cleaner.close();
      await this.ring?.close();
    })();
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((done) => {
      timer = setTimeout(() => {
        this.#options.log.error(`recordings are not closed after ${CLOSE_TIMEOUT_MS / 1000} s: the disk does not answer`);
        done();
      }, CLOSE_TIMEOUT_MS);
    });
    await Promise.race([closed, patience]);
    clearTimeout(timer);
  }

  #planOf(path: Path, { settings }: PathEntry, { fs, files, ring }: Parts): RecordingPlan {
    if (settings.recordStore === "ring" && ring !== undefined) {
      return { key: "ring", makeStore: () => ring.store(path.name), keeps: (track) => fmp4Fault(track) === undefined };
    }
    const { recordPath, recordFormat, recordPartDuration, recordMaxPartSize, recordSegmentDuration, useAbsoluteTimestamp } = settings;
    const { clock, hooks } = this.#options;
    return {
      key: JSON.stringify([recordPath, recordFormat, recordPartDuration, recordMaxPartSize, recordSegmentDuration, useAbsoluteTimestamp]),
      makeStore: () =>
        new FilesStore({
          path: path.name,
          fs,
          clock,
          catalog: files.catalog,
          zone: localZone,
          recordPath: resolve(recordPath),
          recordFormat,
          partDurationMs: recordPartDuration,
          maxPartBytes: recordMaxPartSize,
          segmentDurationMs: recordSegmentDuration,
          senderClock: useAbsoluteTimestamp,
          onSegmentCreate: (file) => hooks.segments(path).created(file),
          onSegmentComplete: (file, seconds) => hooks.segments(path).completed(file, seconds),
          onFull: () => void this.#cleaner.run(),
        }),
      keeps: (track) => holdsTrack(recordFormat, track),
    };
  }
}

interface Parts {
  readonly fs: DiskQueue;
  readonly files: FilesIndex;
  readonly cleaner: Cleaner;
  readonly ring: Ring | undefined;
}

function usesRing({ paths, global }: Config): boolean {
  return global.ring.directory !== "" && paths.some(({ settings }) => settings.recordStore === "ring");
}

async function startRing({ config, clock, log, registry }: RecordingOptions, fs: DiskQueue, dataDirectory: string): Promise<Ring> {
  const { directory, size } = config.global.ring;
  const ringLog = log.child("ring");
  const entries = new Map(config.paths.map((entry) => [entry.name, entry]));
  const ring: Ring = new Ring({
    fs,
    directory: resolve(directory),
    clock,
    ...(size > 0 && { sizeBytes: size }),
    identityPath: join(dataDirectory, "ring-id"),
    settings: ringSettings(config, size),
    log: ringLog,
    quotaOf: (path) => {
      const entry = entries.get(registry.confOf(path)?.name ?? "");
      return entry && quotaOf(entry, config, bytesIn(ring));
    },
    onEvent: (event) => {
      if (event.type === "status" && event.status === "recording") {
        ringLog.info(`recording to ${resolve(directory)}`);
        ring.configure(ringSettings(config, bytesIn(ring)));
        // The clock's anchors lie on the card, too: it tells its times in another gateway.
        void clock.addCopy(join(resolve(directory), "gwr1", "clk.log"));
      }
      tell(event, ringLog);
    },
  });
  await ring.start();
  return ring;
}

/** 0 while it is not known. */
function bytesIn({ usage }: Ring): number {
  return usage === undefined ? 0 : usage.chunks * usage.chunkBytes;
}

function ringSettings({ global }: Config, sizeBytes: number): RingSettings {
  const { syncPeriod, lockedMax, tbw, wearPolicy } = global.ring;
  return {
    syncPeriodMs: syncPeriod,
    lockedShare: fractionOf(lockedMax, sizeBytes),
    lockCapPolicy: "reject",
    wear: { ratedTb: tbw === 0 ? undefined : tbw, policy: wearPolicy },
  };
}

/** `recordDeleteAfter` limits the ring only where somebody wrote it: its default is meant for files. */
function quotaOf({ name, settings }: PathEntry, config: Config, sizeBytes: number): CameraQuota {
  const { ringMinSpan, ringMaxSpan, ringMaxSize, recordDeleteAfter } = settings;
  const isWritten = [`paths.${name}.recordDeleteAfter`, "pathDefaults.recordDeleteAfter"].some(
    (field) => (config.origins.get(field)?.kind ?? "default") !== "default",
  );
  const maxMs = ringMaxSpan || (isWritten ? recordDeleteAfter : 0);
  const maxBytes = bytesOf(ringMaxSize, sizeBytes);
  return { ...DEFAULT_QUOTA, minMs: ringMinSpan, maxMs: maxMs || undefined, maxBytes: maxBytes || undefined };
}

function tell(event: RingEvent, log: Log): void {
  switch (event.type) {
    case "gap":
      log.warn(`path ${event.path}: footage is missing (${event.cause})`);
      return;
    case "stop":
      log.error(`path ${event.path} is not recorded: ${event.text}`);
      return;
    case "disk-slow":
      log.warn("the disk is slow: data is written less often");
      return;
    case "bad-chunk":
      log.warn(`chunk ${event.chunk} is given up: ${event.text}`);
      return;
    case "no-growth":
      log.warn(event.text);
      return;
    case "wear":
      log.info(`wear of the card: ${event.report.level}`);
      return;
    default:
      return;
  }
}

function placesOf({ paths }: Config, registry: PathRegistry): Parameters<typeof FilesIndex.open>[0]["places"] {
  return paths.map(({ name, settings }) => ({
    recordPath: resolve(settings.recordPath),
    recordFormat: settings.recordFormat,
    owns: (path) => registry.confOf(path)?.name === name,
  }));
}

function rulesOf({ paths, global }: Config, registry: PathRegistry): ConstructorParameters<typeof Cleaner>[0]["rules"] {
  const entries = new Map(paths.map((entry) => [entry.name, entry]));
  const limits = paths.map(({ settings }) => settings.recordDeleteAfter).filter((ms) => ms > 0);
  return {
    deleteAfterMs: (path) => entries.get(registry.confOf(path)?.name ?? "")?.settings.recordDeleteAfter ?? 0,
    smallestDeleteAfterMs: () => (limits.length === 0 ? undefined : Math.min(...limits)),
    maxSizeBytes: ({ totalBytes }) => bytesOf(global.recordMaxSize, totalBytes),
    minFreeBytes: ({ totalBytes }) => bytesOf(global.recordMinFree, totalBytes),
  };
}

function bytesOf(share: Share, ofBytes: number): number {
  return "bytes" in share ? share.bytes : (share.percent / 100) * ofBytes;
}

/** 1 where the whole is not known. */
function fractionOf(share: Share, ofBytes: number): number {
  if ("percent" in share) return share.percent / 100;
  return ofBytes === 0 ? 1 : Math.min(1, share.bytes / ofBytes);
}

/** Minutes east of UTC at an instant. */
function localZone(utcMs: number): number {
  return -new Date(utcMs).getTimezoneOffset();
}
