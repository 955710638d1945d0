// What playback, API, page and MQTT see of MediaMTX-style files.
import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import type { Clock } from "#base/clock.ts";
import { CallerFault, errorText } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import type { Log } from "#base/log.ts";
import type { ZoneOffset } from "../file-name.ts";
import type { Footage, Lock, LockRequest, RecordingIndex, Span, SpanQuery } from "../recording-index.ts";
import { isCode } from "./error-code.ts";
import { repairSegment } from "./repair-segment.ts";
import { SegmentCatalog } from "./segment-catalog.ts";
import type { SegmentFile } from "./segment-file.ts";
import { readFootage } from "./segment-footage.ts";
import { SegmentLocks, type StoredLock } from "./segment-locks.ts";
import { type RecordingPlace, SegmentPlaces } from "./segment-places.ts";
import { groupsOf, joinedBetween, spansOf } from "./segment-spans.ts";

/** The newest files of a path that may have been cut off when we were last ended. */
const REPAIRED_PER_PATH = 2;
/** Before, the clock was not set: what such a name says of the order of recording means nothing. */
const EARLIEST_UTC_US = Date.UTC(2020, 0, 1) * 1000;
/** They are written as a whole with each change. */
const MAX_LOCKS = 500;
const MAX_WHY_LENGTH = 256;

export interface FilesIndexOptions {
  readonly fs: FsPort;
  readonly clock: Clock;
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
  readonly #options: FilesIndexOptions;
  readonly #locks: SegmentLocks;

  private constructor(options: FilesIndexOptions, catalog: SegmentCatalog, locks: SegmentLocks) {
    this.#options = options;
    this.catalog = catalog;
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
    const index = new FilesIndex(options, catalog, locks);
    for (const path of catalog.paths) for (const segment of lastOf(catalog.of(path))) await index.#repair(segment);
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

  /** All files of a path, in the order of their names. Those that vanished while they were asked for are left out. */
  async segments(path: string): Promise<readonly ListedSegment[]> {
    await this.catalog.lookFor(path);
    const listed: ListedSegment[] = [];
    for (const segment of this.catalog.of(path)) {
      const sizeBytes = await this.catalog.sizeOf(segment);
      if (sizeBytes !== undefined) listed.push({ startUtcUs: segment.startUtcUs, file: segment.file, sizeBytes });
    }
    return listed;
  }

  /** Throws a CallerFault: there is none, or it may not be deleted; and the file system's error. */
  async deleteSegment(path: string, startUtcUs: number): Promise<void> {
    await this.catalog.lookFor(path);
    const segments = this.catalog.of(path).filter((segment) => segment.startUtcUs === startUtcUs);
    if (segments.length === 0) throw new CallerFault("not-found", "no recording segment begins at that time", "start");
    if (segments.some(({ isOpen }) => isOpen)) throw new CallerFault("conflict", "the segment is being recorded");
    if (segments.some((segment) => this.isLocked(segment))) throw new CallerFault("conflict", "the segment is locked");
    for (const segment of segments) await this.remove(segment);
  }

  async spans(path: string, query: SpanQuery = {}): Promise<readonly Span[]> {
    await this.#checkPlayable(path);
    const { fromUtcUs = Number.NEGATIVE_INFINITY, toUtcUs = Number.POSITIVE_INFINITY } = query;
    const joined = await joinedBetween(this.catalog, path, fromUtcUs, toUtcUs);
    return spansOf(path, joined, query, (segment) => this.isLocked(segment));
  }

  async *read(path: string, fromUtcUs: number, toUtcUs: number, signal: AbortSignal): AsyncGenerator<Footage> {
    await this.#checkPlayable(path);
    const groups = groupsOf(await joinedBetween(this.catalog, path, fromUtcUs, toUtcUs), fromUtcUs, toUtcUs);
    const held = groups.flatMap(({ segments }) => segments.map(({ segment }) => segment));
    for (const segment of held) segment.readers++;
    try {
      yield* readFootage(this.#options, groups, signal);
    } finally {
      for (const segment of held) segment.readers--;
    }
  }

  async lock(request: LockRequest): Promise<Lock> {
    const { path, fromUtcUs, toUtcUs, untilUtcUs, why } = request;
    if (!(fromUtcUs < toUtcUs)) throw new CallerFault("invalid", "the end must be behind the start", "toUtcUs");
    if (why.length > MAX_WHY_LENGTH) throw new CallerFault("invalid", `longer than ${MAX_WHY_LENGTH} characters`, "why");
    await this.catalog.lookFor(path);
    const lock: StoredLock = { id: randomUUID(), path, fromUtcUs, toUtcUs, untilUtcUs, why };
    const covered = await this.#measure(lock);
    const isActive = this.catalog.of(path).some(({ isOpen }) => isOpen);
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
    return this.#locks.all.length > 0 && this.#locks.covers(segment.path, segment.startUtcUs, this.#latestEndOf(segment));
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
    await this.catalog.lookFor(path);
  }

  async #repair(segment: SegmentFile): Promise<void> {
    if (segment.format !== "fmp4") return;
    const { fs, log } = this.#options;
    try {
      const result = await repairSegment(fs, segment.file);
      segment.isTorn = result === "repaired";
      if (result === "repaired") log.info(`${segment.file} was cut off, and is whole again`);
      if (result === "unknown") log.warn(`${segment.file} is no recording that can be understood: it is left alone`);
      if (result === "removed") this.catalog.remove([segment]);
      if (result === "unknown") segment.facts = "unreadable";
    } catch (error) {
      log.warn(`${segment.file} was cut off, and cannot be mended: ${errorText(error)}`);
    }
  }

  /** Asks how large the files are that a lock holds. */
  async #measure(lock: StoredLock): Promise<readonly SegmentFile[]> {
    const covered = this.#coveredBy(lock);
    for (const segment of covered) await this.catalog.sizeOf(segment);
    return covered;
  }

  #coveredBy({ path, fromUtcUs, toUtcUs }: StoredLock): readonly SegmentFile[] {
    return this.catalog.of(path).filter((segment) => segment.startUtcUs <= toUtcUs && this.#latestEndOf(segment) >= fromUtcUs);
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

function lastOf(segments: readonly SegmentFile[]): readonly SegmentFile[] {
  const last = segments.slice(-REPAIRED_PER_PATH);
  const unset = segments.filter((segment) => segment.startUtcUs < EARLIEST_UTC_US && !last.includes(segment));
  return [...unset.slice(-REPAIRED_PER_PATH), ...last];
}
