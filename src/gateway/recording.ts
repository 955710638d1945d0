// Recording, as a part of the gateway: files and their cleaner, a recorder for each path that is to be recorded, and what can be read of both stores.

import { isAbsolute, relative, resolve } from "node:path";
import { GapTotals } from "#api/metrics/gap-totals.ts";
import { RecordingLibrary } from "#api/recording-library.ts";
import { errorText } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import type { Config, PathEntry } from "#config/config.ts";
import { fmp4Fault } from "#containers/fmp4/stored-track.ts";
import type { GatewayClock } from "#device/gateway-clock.ts";
import { SpaceGauge } from "#device/health/space-gauge.ts";
import { RestartGaps } from "#events/restart-gaps.ts";
import type { OpenReplay } from "#protocols/rtsp/replay.ts";
import { Cleaner } from "#record/files/cleaner.ts";
import { FilesIndex } from "#record/files/files-index.ts";
import { FilesStore } from "#record/files/files-store.ts";
import { holdsTrack } from "#record/files/segment-format.ts";
import { HeldIndex } from "#record/held-index.ts";
import { PathRecorders, type RecordingPlan } from "#record/path-recorders.ts";
import type { RecordingIndex } from "#record/recording-index.ts";
import type { Path } from "#relay/path.ts";
import type { GatewayContext } from "./context.ts";
import { hasLink } from "./fleet-key.ts";
import type { RunningPart } from "./part.ts";
import { entryOf } from "./paths.ts";
import { replaysOf } from "./replay.ts";
import { bytesOf, withPatience } from "./ring.ts";

export async function start(context: GatewayContext, config: Config): Promise<RunningPart> {
  const log = context.log.child("recordings");
  const clock = await context.clock.keep(config);
  const { fs } = context;
  const places = placesOf(config);
  const dataDirectory = resolve(config.global.dataDirectory);
  const files = await FilesIndex.open({ fs, clock, log, places, zone: localZone, dataDirectory });
  const cleaner = new Cleaner({ fs, clock, log, index: files, rules: rulesOf(context) });
  const recording = new Recording(context, { clock, fs, files, cleaner }, config);
  context.recording = recording;
  cleaner.start();
  const closing = new AbortController();
  // Files that were named by a wrong clock get their true time.
  clock.onEvent(() => void cleaner.run(), closing.signal);
  return {
    update: (next) => recording.update(next),
    async close() {
      closing.abort();
      await withPatience(recording.close(), log);
      context.recording = undefined;
    },
  };
}

interface Stores {
  readonly clock: GatewayClock;
  readonly fs: FsPort;
  readonly files: FilesIndex;
  readonly cleaner: Cleaner;
}

export class Recording {
  readonly recorders: PathRecorders;
  /** For metrics: gaps of all recorders, and room for files. */
  readonly gaps = new GapTotals();
  readonly space: SpaceGauge;
  /** For the RTSP server. */
  readonly openReplay: OpenReplay;
  readonly #context: GatewayContext;
  readonly #stores: Stores;
  #placesKey: string;
  #cleanerKey: string;

  constructor(context: GatewayContext, stores: Stores, config: Config) {
    const { fs, files, clock } = stores;
    this.#context = context;
    this.#stores = stores;
    this.#placesKey = placesKey(config);
    this.#cleanerKey = cleanerKey(config);
    this.openReplay = replaysOf((path) => this.indexOf(path), clock);
    this.space = new SpaceGauge({ directories: () => files.catalog.places.roots, space: (directory) => fs.space(directory) });
    const restartGaps = new RestartGaps({
      stopped: clock.lastStop,
      utcUs: (stamp) => clock.utcOfStamp(stamp).utcUs,
      nowUtcUs: () => clock.utcOf(clock.nowUs()).utcUs,
      upUs: () => clock.nowUs() - context.startedUs,
      indexOf: (path) => this.indexOf(path),
      onGap: context.events.recording.onRestartGap,
    });
    this.recorders = new PathRecorders({
      registry: context.registry,
      clock,
      log: context.log,
      planOf: (path) => {
        const entry = context.config.paths.find(({ name }) => name === path.conf.name);
        if (entry === undefined) return undefined;
        return (context.schedules?.isRecorded(path.name) ?? entry.settings.record) ? this.#planOf(path, entry, stores) : undefined;
      },
      onGap: (path, gap) => {
        this.gaps.note(path, gap);
        context.events.recording.onGap(path, gap);
      },
      onChange: (path, state) => {
        // Nobody else is told of it: the index is not asked for nothing.
        if (hasLink(context.config)) void restartGaps.onRecorder(path, state.state);
        context.events.recording.onRecorder(path, state);
      },
    });
  }

  /** Of both stores. */
  get indexes(): readonly RecordingIndex[] {
    const { ring } = this.#context;
    return [this.#stores.files, ...(ring === undefined ? [] : [ring.recordings])];
  }

  /** What the API lists and deletes, of both stores. */
  get library(): RecordingLibrary {
    return new RecordingLibrary({ files: this.#stores.files, ring: this.#context.ring?.recordings });
  }

  /** Where the recordings of a path are; undefined: no entry of the config is for it. */
  indexOf(path: string): RecordingIndex | undefined {
    const { ring, config } = this.#context;
    const entry = entryOf(config, path);
    if (entry === undefined) return undefined;
    const stored = entry.settings.recordStore === "ring" && ring !== undefined ? ring.recordings : this.#stores.files;
    return new HeldIndex({ stored, clock: this.#stores.clock, held: (name) => this.recorders.get(name)?.held ?? [] });
  }

  /** What recorders do follows from the registry's news. Disks may take their time with the rest: nobody waits for them. */
  update(config: Config): void {
    const { files, cleaner } = this.#stores;
    const places = placesKey(config);
    const rules = cleanerKey(config);
    const moved =
      places === this.#placesKey
        ? Promise.resolve()
        : files.setPlaces(placesOf(config)).catch((error: unknown) => this.#context.log.child("recordings").error(errorText(error)));
    if (places !== this.#placesKey || rules !== this.#cleanerKey) void moved.then(() => cleaner.run());
    this.#placesKey = places;
    this.#cleanerKey = rules;
  }

  async close(): Promise<void> {
    await this.recorders.close();
    await this.#stores.cleaner.close();
  }

  #planOf(path: Path, { settings }: PathEntry, { fs, files }: Stores): RecordingPlan {
    const { ring } = this.#context;
    if (settings.recordStore === "ring" && ring !== undefined) {
      const followsCamera = settings.useAbsoluteTimestamp;
      const keeps: RecordingPlan["keeps"] = (track) => fmp4Fault(track) === undefined;
      return { key: `ring ${followsCamera}`, makeStore: () => ring.store(path.name), followsCamera, keeps };
    }
    const { recordPath, recordFormat, recordPartDuration, recordMaxPartSize, recordSegmentDuration, useAbsoluteTimestamp } = settings;
    const { clock } = this.#stores;
    const segments = () => this.#context.hooks?.segments(path);
    const told = (file: string): string => asConfigured(file, recordPath);
    return {
      key: JSON.stringify([recordPath, recordFormat, recordPartDuration, recordMaxPartSize, recordSegmentDuration, useAbsoluteTimestamp]),
      makeStore: () =>
        new FilesStore({
          path: path.name,
          fs,
          clock,
          catalog: files.catalog,
          dates: files.dates,
          zone: localZone,
          recordPath: resolve(recordPath),
          recordFormat,
          partDurationMs: recordPartDuration,
          maxPartBytes: recordMaxPartSize,
          segmentDurationMs: recordSegmentDuration,
          senderClock: useAbsoluteTimestamp,
          onSegmentCreate: (file) => segments()?.created(told(file)),
          onSegmentComplete: (file, seconds) => segments()?.completed(told(file), seconds),
          onFull: () => void this.#stores.cleaner.run(),
        }),
      keeps: (track) => holdsTrack(recordFormat, track),
    };
  }
}

function placesOf(config: Config): Parameters<typeof FilesIndex.open>[0]["places"] {
  return config.paths.map(({ name, settings }) => ({
    recordPath: resolve(settings.recordPath),
    recordFormat: settings.recordFormat,
    owns: (path) => entryOf(config, path)?.name === name,
  }));
}

/** What decides which files are whose. */
function placesKey({ paths }: Config): string {
  return JSON.stringify(paths.map(({ name, settings }) => [name, settings.recordPath, settings.recordFormat]));
}

function rulesOf(context: GatewayContext): ConstructorParameters<typeof Cleaner>[0]["rules"] {
  const limits = () => context.config.paths.map(({ settings }) => settings.recordDeleteAfter).filter((ms) => ms > 0);
  return {
    deleteAfterMs: (path) => entryOf(context.config, path)?.settings.recordDeleteAfter ?? 0,
    smallestDeleteAfterMs: () => (limits().length === 0 ? undefined : Math.min(...limits())),
    maxSizeBytes: ({ totalBytes }) => bytesOf(context.config.global.recordMaxSize, totalBytes),
    minFreeBytes: ({ totalBytes }) => bytesOf(context.config.global.recordMinFree, totalBytes),
  };
}

function cleanerKey({ paths, global }: Config): string {
  return JSON.stringify([global.recordMaxSize, global.recordMinFree, paths.map(({ settings }) => settings.recordDeleteAfter)]);
}

/** Hooks are told of files as `recordPath` names them: below the working directory where that is relative. */
function asConfigured(file: string, recordPath: string): string {
  if (isAbsolute(recordPath)) return file;
  const name = relative("", file);
  return recordPath.startsWith("./") ? `./${name}` : name;
}

/** Minutes east of UTC at an instant. */
function localZone(utcMs: number): number {
  return -new Date(utcMs).getTimezoneOffset();
}
