// A store of MediaMTX-style files with its index, a clock that a test moves, and footage of which every frame is numbered.
import { setImmediate } from "node:timers/promises";
import type { FsPort } from "#base/fs-port.ts";
import type { Sample, TrackSamples } from "#containers/sample.ts";
import { FilesIndex, type FilesIndexOptions } from "#record/files/files-index.ts";
import { FilesStore, type FilesStoreOptions } from "#record/files/files-store.ts";
import type { Footage, FootageFragment } from "#record/recording-index.ts";
import type { Fragment, GapCause, RunStart, StoreFault } from "#record/store.ts";
import type { Track } from "#relay/track.ts";
import { type CollectedLog, collectedLog } from "./collected-log.ts";
import { FakeClock } from "./fake-clock.ts";
import { FaultFs } from "./fault-fs.ts";
import { ManualTimers } from "./manual-timers.ts";
import { frameNumberOf, SYNTHETIC_FRAME_TICKS, SyntheticVideo, syntheticAudioTrack, syntheticTrack } from "./synthetic-track.ts";

/** Frames of a fragment, one second. */
export const FRAMES = 25;
const AUDIO_TICKS = 320; // 40 ms

export interface FilesSiteOptions {
  readonly fs?: FsPort;
  /** Of the store; default: /rec/%path/… */
  readonly recordPath?: string;
  readonly store?: Partial<FilesStoreOptions>;
  readonly index?: Partial<FilesIndexOptions>;
  /** As of a gateway that was started again. */
  readonly clock?: FakeClock;
  readonly audio?: boolean;
}

export class FilesSite {
  readonly fs: FsPort;
  readonly clock: FakeClock;
  readonly timers: ManualTimers;
  /** Of the index. */
  readonly log: CollectedLog;
  readonly index: FilesIndex;
  readonly store: FilesStore;
  readonly stored: Fragment[] = [];
  readonly faults: StoreFault[] = [];
  /** `create: file`, `complete: file seconds`. */
  readonly hooks: string[] = [];
  readonly tracks: readonly Track[];
  readonly #video = new SyntheticVideo({ gopFrames: FRAMES, frameBytes: 200, inBandSets: false });
  #runUs = 0;
  #frames = 0;

  private constructor(options: FilesSiteOptions, fs: FsPort, clock: FakeClock, index: FilesIndex, log: CollectedLog) {
    this.fs = fs;
    this.clock = clock;
    this.timers = new ManualTimers(clock);
    this.index = index;
    this.log = log;
    this.tracks = options.audio === true ? [syntheticTrack(), syntheticAudioTrack()] : [syntheticTrack()];
    this.store = new FilesStore({
      path: "cam",
      fs,
      clock,
      catalog: index.catalog,
      dates: index.dates,
      zone: () => 0,
      recordPath: options.recordPath ?? RECORD_PATH,
      recordFormat: "fmp4",
      partDurationMs: 1000,
      maxPartBytes: 50 << 20,
      segmentDurationMs: 3000,
      senderClock: false,
      onSegmentCreate: (file) => this.hooks.push(`create: ${file}`),
      onSegmentComplete: (file, seconds) => this.hooks.push(`complete: ${file} ${seconds}`),
      schedule: this.timers.schedule,
      ...options.store,
    });
    this.store.onStored = (fragment) => void this.stored.push(fragment);
    this.store.onFault = (fault) => void this.faults.push(fault);
  }

  static async open(options: FilesSiteOptions = {}): Promise<FilesSite> {
    const fs = options.fs ?? new FaultFs();
    const clock = options.clock ?? new FakeClock();
    const { recordPath = RECORD_PATH } = options;
    const recordFormat = options.store?.recordFormat ?? "fmp4";
    const log = collectedLog();
    const index = await FilesIndex.open({
      fs,
      clock,
      log,
      places: [{ recordPath, recordFormat, owns: (path) => path !== "" }],
      zone: () => 0,
      dataDirectory: "/data",
      ...options.index,
    });
    return new FilesSite(options, fs, clock, index, log);
  }

  /** The run that begins now. */
  run(gapBefore?: GapCause): RunStart {
    this.#runUs = this.clock.us;
    this.#frames = 0;
    return { tracks: this.tracks, captureUs: this.clock.us, gapBefore };
  }

  /** The next second of footage, a group of pictures; the clock goes on with it. `lateMs`: nothing came for so long before. */
  fragment({ gapBefore, lateMs = 0 }: { readonly gapBefore?: GapCause; readonly lateMs?: number } = {}): Fragment {
    this.clock.us += lateMs * 1000;
    this.#frames = Math.round((this.clock.us - this.#runUs) / 40_000);
    const captureUs = this.clock.us;
    const video: Sample[] = [];
    const audio: Sample[] = [];
    for (let i = 0; i < FRAMES; i++) {
      const { keyframe, frame } = this.#video.next();
      const at = this.#frames + i;
      video.push({ dtsTicks: at * SYNTHETIC_FRAME_TICKS, ptsOffsetTicks: 0, durationTicks: SYNTHETIC_FRAME_TICKS, keyframe, frame });
      const sound = Buffer.alloc(AUDIO_TICKS, 0xd5);
      audio.push({ dtsTicks: at * AUDIO_TICKS, ptsOffsetTicks: 0, durationTicks: AUDIO_TICKS, keyframe: true, frame: [sound] });
    }
    this.#frames += FRAMES;
    this.clock.us += 1_000_000;
    const samples: TrackSamples[] = [{ trackIndex: 0, samples: video }];
    if (this.tracks.length > 1) samples.push({ trackIndex: 1, samples: audio });
    const sizeBytes = samples.flatMap((track) => track.samples.flatMap(({ frame }) => frame)).reduce((sum, { length }) => sum + length, 0);
    return { samples, captureUs, durationUs: 1_000_000, keyframe: true, gapBefore, senderUtcUs: undefined, sizeBytes };
  }

  /** Seconds of footage, one after the other, each on the medium before the next. */
  async record(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      this.store.append(this.fragment());
      await this.settled();
    }
  }

  /** Whatever is under way in a file system in memory is over. */
  async settled(): Promise<void> {
    for (let i = 0; i < 20; i++) await setImmediate();
  }

  utcUs(us = this.clock.us): number {
    return this.clock.utcOf(us).utcUs;
  }
}

export const RECORD_PATH = "/rec/%path/%Y-%m-%d_%H-%M-%S-%f";

/** Frame numbers of fragments. */
export function numbersOf(fragments: readonly { readonly samples: readonly TrackSamples[] }[]): number[] {
  const frames = fragments.flatMap(({ samples }) => samples.filter(({ trackIndex }) => trackIndex === 0).flatMap((track) => track.samples));
  return frames.flatMap(({ frame }) => frame.map(frameNumberOf).filter((number) => number !== undefined));
}

export interface ReadFootage {
  readonly footage: Footage;
  readonly fragments: readonly FootageFragment[];
}

/** All of it. */
export async function readAll(index: FilesIndex, path = "cam", fromUtcUs = 0, toUtcUs = 4e15): Promise<readonly ReadFootage[]> {
  const { signal } = new AbortController();
  const read: ReadFootage[] = [];
  for await (const footage of index.read(path, fromUtcUs, toUtcUs, signal)) {
    const fragments: FootageFragment[] = [];
    for await (const fragment of footage.fragments(signal)) fragments.push(fragment);
    read.push({ footage, fragments });
  }
  return read;
}
