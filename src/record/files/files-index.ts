// What playback, API, page and MQTT see of MediaMTX-style files.
import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import type { BootClock, StampRange } from "#base/clock.ts";
import { CallerFault, errorText } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import type { Log } from "#base/log.ts";
import type { ZoneOffset } from "../file-name.ts";
import type { Footage, Lock, LockRequest, RecordingIndex, Span, SpanQuery } from "../recording-index.ts";
import { isCode } from "./error-code.ts";
import { repairSegment } from "./repair-segment.ts";
import { SegmentCatalog } from "./segment-catalog.ts";
import { SegmentDates } from "./segment-dates.ts";
import { EARLIEST_UTC_US, type SegmentFile } from "./segment-file.ts";
import { readFootage } from "./segment-footage.ts";
import { type LockableFootage, lockCovers, SegmentLocks, type StoredLock } from "./segment-locks.ts";
import { type RecordingPlace, SegmentPlaces } from "./segment-places.ts";
import { groupsOf, joinedBetween, spansOf } from "./segment-spans.ts";
import { stampOf } from "./segment-times.ts";

/** The newest files of a path that may have been cut off when we were last ended. */
const REPAIRED_PER_PATH = 2;
/** Clients may round times. */
const SAME_START_US = 1;
/** They are written as a whole with each change. */
const MAX_LOCKS = 500;
const MAX_WHY_LENGTH = 256;

export interface FilesIndexOptions {
  readonly fs: FsPort;
  readonly clock: BootClock;
  readonly log: Log;
  /** One for each entry of the config, those tried first before the others. */
  readonly places: readonly RecordingPlace[];
  /** Of the machine: names without %z are local time. */
  readonly zone: ZoneOffset;
  /** Where locks are kept. */
  readonly dataDirectory: string;
  /** Locked files may take as much together; undefined: no limit. */
  maxLockedBytes?(): number | undefined;
  /** The clock that the file system stamps folders with; Date.now where nothing is said. */
  wallMs?(): number;
}

/** As the API lists it. */
export interface ListedSegment {
  readonly startUtcUs: number;
  /** Absolute. */
  readonly file: string;
  readonly sizeBytes: number;
}

export class FilesIndex implements RecordingIndex {
  readonly catalog: SegmentCatalog;
  readonly dates: SegmentDates;
  readonly #options: FilesIndexOptions;
  readonly #locks: SegmentLocks;

  private constructor(options: FilesIndexOptions, catalog: SegmentCatalog, dates: SegmentDates, locks: SegmentLocks) {
    this.#options = options;
    this.catalog = catalog;
    this.dates = dates;
    this.#locks = locks;
  }

  /**
   * Walks the folders, and mends files that were cut off: nothing may be recorded there before it is done. Rejects only when the locks are there and
   * cannot be read.
   */
  static async open(options: FilesIndexOptions): Promise<FilesIndex> {
    const { fs, clock, log, places, zone, dataDirectory, wallMs = Date.now } = options;
    const locks = await SegmentLocks.load(fs, resolve(dataDirectory), log);
    const catalog = new SegmentCatalog({ fs, clock, log, wallMs, places: new SegmentPlaces(places, zone) });
    await catalog.lookEverywhere();
    const repair = (segment: SegmentFile) => repairIn(catalog, options, segment);
    const dates = await SegmentDates.open({ fs, clock, log, catalog, dataDirectory: resolve(dataDirectory), repair });
    const index = new FilesIndex(options, catalog, dates, locks);
    for (const path of catalog.paths) for (const segment of lastOf(catalog.of(path))) await repair(segment);
    for (const lock of locks.all) await index.#measure(lock);
    return index;
  }

  /** The config was changed. */
  async setPlaces(places: readonly RecordingPlace[]): Promise<void> {
    await this.catalog.move(new SegmentPlaces(places, this.#options.zone));
  }

  async paths(): Promise<readonly string[]> {
    await this.catalog.lookAround();
    return this.catalog.paths;
  }

  /** All files of a path, in the order of time. Those that vanished while they were asked for are left out. */
  async segments(path: string): Promise<readonly ListedSegment[]> {
    await this.#lookFor(path);
    const listed: ListedSegment[] = [];
    for (const segment of this.catalog.of(path)) {
      const sizeBytes = await this.catalog.sizeOf(segment);
      if (sizeBytes !== undefined) listed.push({ startUtcUs: this.#listedStart(segment), file: segment.file, sizeBytes });
    }
    return listed;
  }

  /** Throws a CallerFault: there is none, or it may not be deleted; and the file system's error. */
  async deleteSegment(path: string, startUtcUs: number): Promise<void> {
    await this.#lookFor(path);
    const segments = this.catalog.of(path).filter((segment) => Math.abs(this.#listedStart(segment) - startUtcUs) <= SAME_START_US);
    if (segments.length === 0) throw new CallerFault("not-found", "no recording segment begins at that time", "start");
    if (segments.some(({ isOpen }) => isOpen)) throw new CallerFault("conflict", "the segment is being recorded");
    if (segments.some((segment) => this.isLocked(segment))) throw new CallerFault("conflict", "the segment is locked");
    for (const segment of segments) await this.remove(segment);
  }

  async spans(path: string, query: SpanQuery = {}): Promise<readonly Span[]> {
    await this.#checkPlayable(path);
    const { fromUtcUs = Number.NEGATIVE_INFINITY, toUtcUs = Number.POSITIVE_INFINITY } = query;
    const joined = await joinedBetween(this.catalog, this.#options.clock, path, fromUtcUs, toUtcUs);
    return spansOf(path, joined, query, (segment) => this.isLocked(segment));
  }

  async *read(path: string, fromUtcUs: number, toUtcUs: number, signal: AbortSignal): AsyncGenerator<Footage> {
    await this.#checkPlayable(path);
    const groups = groupsOf(await joinedBetween(this.catalog, this.#options.clock, path, fromUtcUs, toUtcUs), fromUtcUs, toUtcUs);
    const held = new Set(groups.flatMap(({ parts }) => parts.map(({ segment }) => segment)));
    for (const segment of held) segment.readers++;
    try {
      yield* readFootage(this.#options, groups, signal);
    } finally {
      for (const segment of held) {
        segment.readers--;
        if (!segment.isOpen) void this.dates.settle(segment); // it had to keep its name
      }
    }
  }

  async lock(request: LockRequest): Promise<Lock> {
    const { path, fromUtcUs, toUtcUs, untilUtcUs, why } = request;
    if (!(fromUtcUs < toUtcUs)) throw new CallerFault("invalid", "the end must be behind the start", "toUtcUs");
    if (why.length > MAX_WHY_LENGTH) throw new CallerFault("invalid", `longer than ${MAX_WHY_LENGTH} characters`, "why");
    await this.#lookFor(path);
    const asked: StoredLock = { id: randomUUID(), path, fromUtcUs, toUtcUs, untilUtcUs, why, ranges: [] };
    const covered = await this.#measure(asked);
    const isActive = this.catalog.of(path).some(({ isOpen }) => isOpen);
    const lock = { ...asked, ranges: this.#stampsIn(asked, covered, isActive) };
    if (covered.length === 0 && !(isActive && toUtcUs > this.#nowUtcUs())) {
      throw new CallerFault("not-found", `no footage of ${path} in that time`);
    }
    if (this.#locks.all.length >= MAX_LOCKS) throw new CallerFault("too-many", "there are too many locks");
    const maxBytes = this.#options.maxLockedBytes?.();
    if (maxBytes !== undefined && this.#lockedBytes(covered) > maxBytes) {
      throw new CallerFault("too-many", "locked footage would take more space than it may", undefined, "unlock some of it");
    }
    await this.#locks.add(lock);
    this.catalog.notify(path);
    return this.#infoOf(lock);
  }

  async unlock(id: string): Promise<boolean> {
    const lock = this.#locks.get(id);
    if (lock === undefined || !(await this.#locks.remove(id))) return false;
    this.catalog.notify(lock.path);
    return true;
  }

  locks(): readonly Lock[] {
    return this.#locks.all.map((lock) => this.#infoOf(lock));
  }

  onChange(listener: (path: string) => void, signal: AbortSignal): void {
    this.catalog.onChange(listener, signal);
  }

  /** Ends locks whose time has come. */
  async expireLocks(nowUtcUs: number): Promise<void> {
    for (const { path } of await this.#locks.expire(nowUtcUs, this.#options.log)) this.catalog.notify(path);
  }

  /** What is not known to have ended counts up to the next file. */
  isLocked(segment: SegmentFile): boolean {
    return this.#locks.all.length > 0 && this.#locks.covers(this.#footageOf(segment));
  }

  /** Deletes a file, whoever reads it. Rejects as the file system does. */
  async remove(segment: SegmentFile): Promise<void> {
    try {
      await this.#options.fs.remove(segment.file);
    } catch (error) {
      if (!isCode(error, "ENOENT")) throw error;
    }
    this.catalog.remove([segment]);
  }

  async #checkPlayable(path: string): Promise<void> {
    if (this.catalog.places.formatOf(path) === "mpegts") throw new CallerFault("invalid", "MPEG-TS format is not supported yet");
    await this.#lookFor(path);
  }

  /** What others changed is known, and what the clock knows better. */
  async #lookFor(path: string): Promise<void> {
    await this.catalog.lookFor(path);
    await this.dates.learn(path);
  }

  /** The name of a file is what clients know it by, unless it is wrong. */
  #listedStart(segment: SegmentFile): number {
    return this.dates.isRight(segment) ? segment.nameUtcUs : segment.startUtcUs;
  }

  /** Asks how large the files are that a lock holds. */
  async #measure(lock: StoredLock): Promise<readonly SegmentFile[]> {
    const covered = this.#coveredBy(lock);
    for (const segment of covered) await this.catalog.sizeOf(segment);
    return covered;
  }

  #coveredBy(lock: StoredLock): readonly SegmentFile[] {
    return this.catalog.of(lock.path).filter((segment) => lockCovers(lock, this.#footageOf(segment)));
  }

  /** What there is to lock, and what comes while it is recorded, by the clock that never jumps. */
  #stampsIn({ fromUtcUs, toUtcUs }: StoredLock, covered: readonly SegmentFile[], isActive: boolean): readonly StampRange[] {
    const { clock } = this.#options;
    const ranges: StampRange[] = [];
    for (const segment of covered) {
      const { startUtcUs, endUtcUs, stamps } = this.#footageOf(segment);
      if (stamps === undefined) continue;
      const toMonoUs = (utcUs: number) => stamps.fromMonoUs + Math.max(0, utcUs - startUtcUs);
      ranges.push({ ...stamps, fromMonoUs: toMonoUs(fromUtcUs), toMonoUs: toMonoUs(Math.min(endUtcUs, toUtcUs)) });
    }
    const [nowUs, nowUtcUs] = [clock.nowUs(), this.#nowUtcUs()];
    if (isActive && toUtcUs > nowUtcUs) {
      const fromMonoUs = nowUs + Math.max(0, fromUtcUs - nowUtcUs);
      ranges.push({ bootCounter: clock.bootCounter, fromMonoUs, toMonoUs: nowUs + toUtcUs - nowUtcUs });
    }
    return ranges;
  }

  #footageOf(segment: SegmentFile): LockableFootage {
    const { path, startUtcUs } = segment;
    const endUtcUs = this.#latestEndOf(segment);
    const stamp = stampOf(segment, this.#options.clock);
    const stamps = stamp && { bootCounter: stamp.bootCounter, fromMonoUs: stamp.monoUs, toMonoUs: stamp.monoUs + endUtcUs - startUtcUs };
    return { path, startUtcUs, endUtcUs, stamps };
  }

  #lockedBytes(more: readonly SegmentFile[]): number {
    const held = new Set([...more, ...this.#locks.all.flatMap((lock) => this.#coveredBy(lock))]);
    return [...held].reduce((sum, { sizeBytes = 0 }) => sum + sizeBytes, 0);
  }

  #infoOf(lock: StoredLock): Lock {
    return { ...lock, sizeBytes: this.#coveredBy(lock).reduce((sum, { sizeBytes = 0 }) => sum + sizeBytes, 0) };
  }

  #latestEndOf(segment: SegmentFile): number {
    return segment.endUtcUs ?? this.catalog.after(segment)?.startUtcUs ?? Number.POSITIVE_INFINITY;
  }

  #nowUtcUs(): number {
    const { clock } = this.#options;
    return clock.utcOf(clock.nowUs()).utcUs;
  }
}

async function repairIn(catalog: SegmentCatalog, { fs, log }: FilesIndexOptions, segment: SegmentFile): Promise<void> {
  if (segment.format !== "fmp4") return;
  try {
    const result = await repairSegment(fs, segment.file);
    segment.isTorn = result === "repaired";
    if (result === "repaired") {
      log.info(`${segment.file} was cut off, and is whole again`);
      segment.facts = undefined;
      segment.sizeBytes = undefined;
    }
    if (result === "unknown") log.warn(`${segment.file} is no recording that can be understood: it is left alone`);
    if (result === "removed") catalog.remove([segment]);
    if (result === "unknown") segment.facts = "unreadable";
  } catch (error) {
    log.warn(`${segment.file} was cut off, and cannot be mended: ${errorText(error)}`);
  }
}

function lastOf(segments: readonly SegmentFile[]): readonly SegmentFile[] {
  const last = segments.slice(-REPAIRED_PER_PATH);
  const unset = segments.filter((segment) => segment.startUtcUs < EARLIEST_UTC_US && !last.includes(segment));
  return [...unset.slice(-REPAIRED_PER_PATH), ...last];
}
