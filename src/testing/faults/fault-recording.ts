// What a fault run records: the faulty cameras, in a ring and in files, on a disk in memory, by the simulated clock.
import type { Clock } from "#base/clock.ts";
import { fmp4Fault } from "#containers/fmp4/stored-track.ts";
import { FilesIndex } from "#record/files/files-index.ts";
import { FilesStore } from "#record/files/files-store.ts";
import { PathRecorders } from "#record/path-recorders.ts";
import type { Gap, RecorderState } from "#record/recorder-state.ts";
import type { RecordingIndex } from "#record/recording-index.ts";
import { Ring } from "#record/ring/ring.ts";
import type { RecordingStore } from "#record/store.ts";
import type { PathRegistry } from "#relay/path-registry.ts";
import { type CollectedLog, collectedLog } from "../collected-log.ts";
import { FaultFs } from "../fault-fs.ts";
import { OneBootClock } from "../one-boot-clock.ts";
import { UnitTap } from "../unit-tap.ts";

const RING_FOLDER = "/ring";
const RECORD_PATH = "/files/%path/%Y-%m-%d_%H-%M-%S-%f";
const CHUNK_BYTES = 1 << 20;
const RING_BYTES = 64 * CHUNK_BYTES;
const PART_MS = 1000; // MediaMTX's recordPartDuration
const SEGMENT_MS = 3_600_000; // MediaMTX's recordSegmentDuration

/** A recording of the same paths in one kind of store. */
export interface RecordedCopy {
  readonly store: "ring" | "files";
  readonly index: RecordingIndex;
  /** Gaps that have ended, by path, as the recorder told of them. */
  readonly gaps: ReadonlyMap<string, readonly Gap[]>;
  /** Recorders when the run was over, by path. */
  readonly last: ReadonlyMap<string, RecorderState>;
}

export interface FaultRecordingOptions {
  readonly registry: PathRegistry;
  readonly clock: Clock;
  readonly paths: readonly string[];
}

interface MutableCopy extends RecordedCopy {
  readonly gaps: Map<string, Gap[]>;
  readonly last: Map<string, RecorderState>;
  readonly recorders: PathRecorders;
}

export class FaultRecording {
  readonly fs: FaultFs;
  /** All there was to record, by path: what a reader got that was attached to every stream from its first frame on. */
  readonly heard: ReadonlyMap<string, UnitTap>;
  /** Of the recorders and stores. */
  readonly log: CollectedLog;
  readonly #ring: Ring;
  readonly #unwatch: () => void;
  readonly #copies: readonly MutableCopy[];

  private constructor(fs: FaultFs, log: CollectedLog, ring: Ring, files: FilesIndex, options: FaultRecordingOptions) {
    const { registry, paths } = options;
    const clock = new OneBootClock(options.clock);
    this.fs = fs;
    this.log = log;
    this.#ring = ring;
    this.heard = new Map(paths.map((path) => [path, new UnitTap({ wants: () => "frame" })]));
    this.#unwatch = registry.watch({
      opened: (path) => {
        const tap = this.heard.get(path.name);
        if (tap !== undefined) path.follow(tap);
      },
      updated: () => {},
      closed: () => {},
    });
    const copyIn = (store: RecordedCopy["store"], index: RecordingIndex, makeStore: (path: string) => RecordingStore): MutableCopy => {
      const gaps = new Map<string, Gap[]>();
      const recorders = new PathRecorders({
        registry,
        clock,
        log: log.child(store),
        planOf: ({ name }) =>
          paths.includes(name)
            ? { key: store, makeStore: () => makeStore(name), keeps: (track) => fmp4Fault(track) === undefined }
            : undefined,
        onGap: (path, gap) => gaps.set(path, [...(gaps.get(path) ?? []), gap]),
        random: () => 0.5,
      });
      return { store, index, gaps, last: new Map(), recorders };
    };
    this.#copies = [
      copyIn("ring", ring.recordings, (path) => ring.store(path)),
      copyIn("files", files, (path) => {
        return new FilesStore({
          path,
          fs,
          clock,
          catalog: files.catalog,
          dates: files.dates,
          zone: () => 0,
          recordPath: RECORD_PATH,
          recordFormat: "fmp4",
          partDurationMs: PART_MS,
          maxPartBytes: CHUNK_BYTES,
          segmentDurationMs: SEGMENT_MS,
          senderClock: false,
        });
      }),
    ];
  }

  static async start(options: FaultRecordingOptions): Promise<FaultRecording> {
    const clock = new OneBootClock(options.clock);
    const fs = new FaultFs();
    const log = collectedLog();
    await fs.makeFolder(RING_FOLDER);
    const takeLock = async () => async () => {};
    const ring = new Ring({ fs, directory: RING_FOLDER, clock, chunkBytes: CHUNK_BYTES, sizeBytes: RING_BYTES, takeLock, log });
    await ring.start();
    const files = await FilesIndex.open({
      fs,
      clock,
      log,
      places: [{ recordPath: RECORD_PATH, recordFormat: "fmp4", owns: (path) => options.paths.includes(path) }],
      zone: () => 0,
      dataDirectory: "/data",
    });
    return new FaultRecording(fs, log, ring, files, options);
  }

  /** Changes while the disk is at work. */
  get activity(): number {
    return this.fs.history.length;
  }

  /** Nothing is recorded any more, and all that was is on the disk. */
  async stop(): Promise<readonly RecordedCopy[]> {
    for (const { recorders, last } of this.#copies) {
      for (const { path, state } of recorders.list()) last.set(path, state);
      await recorders.close();
    }
    return this.#copies;
  }

  async close(): Promise<void> {
    this.#unwatch();
    await this.stop();
    await this.#ring.close();
  }
}
