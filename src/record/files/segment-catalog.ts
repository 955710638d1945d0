// All recorded files of all paths, in RAM: filled by one walk, then kept current by whoever writes and deletes, and by looking for foreign changes.
import type { BootClock, UtcTime } from "#base/clock.ts";
import { errorText } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import type { Log } from "#base/log.ts";
import { FolderTree } from "./folder-tree.ts";
import { type SegmentFacts, SegmentFile } from "./segment-file.ts";
import { readSegmentFacts, readTsStamp } from "./segment-head.ts";
import type { SegmentPlaces } from "./segment-places.ts";
import { stampOf, startOf } from "./segment-times.ts";

/** What others changed is looked for when somebody asks, this often at most. */
const LOOK_PERIOD_US = 5e6;

export interface SegmentCatalogOptions {
  readonly fs: FsPort;
  readonly clock: BootClock;
  readonly log: Log;
  readonly places: SegmentPlaces;
  /** The clock that the file system stamps folders with: Date.now. */
  wallMs(): number;
}

export class SegmentCatalog {
  readonly #options: SegmentCatalogOptions;
  readonly #files = new Map<string, SegmentFile>();
  /** By path, in the order of time. */
  readonly #paths = new Map<string, readonly SegmentFile[]>();
  readonly #listeners = new Set<(path: string) => void>();
  readonly #lookedUs = new Map<string, number>();
  #places: SegmentPlaces;
  #tree: FolderTree;
  #looking: Promise<void> = Promise.resolve();
  #lookFault = "";
  /** Of the clock that times are from. */
  #clockVersion: number;

  constructor(options: SegmentCatalogOptions) {
    this.#options = options;
    this.#places = options.places;
    this.#tree = this.#newTree();
    this.#clockVersion = options.clock.version;
  }

  get places(): SegmentPlaces {
    return this.#places;
  }

  /** Names of paths with files, sorted. */
  get paths(): readonly string[] {
    return [...this.#paths.keys()].sort();
  }

  get all(): Iterable<SegmentFile> {
    this.#keepTime();
    return this.#files.values();
  }

  has(file: string): boolean {
    return this.#files.has(file);
  }

  /** The file of the path that begins next. */
  after(segment: SegmentFile): SegmentFile | undefined {
    const own = this.of(segment.path);
    let low = 0;
    let high = own.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (own[middle]!.startUtcUs <= segment.startUtcUs) low = middle + 1;
      else high = middle;
    }
    return own[low];
  }

  /** In the order of time, by what is known of it now. */
  of(path: string): readonly SegmentFile[] {
    this.#keepTime();
    return this.#paths.get(path) ?? [];
  }

  /** The config was changed: what is recorded elsewhere now is looked for there. Files that are being written stay. */
  async move(places: SegmentPlaces): Promise<void> {
    await this.#looking;
    this.#places = places;
    this.#tree = this.#newTree();
    this.#lookedUs.clear();
    this.remove([...this.#files.values()].filter(({ isOpen }) => !isOpen));
    await this.lookEverywhere();
  }

  /** Finds what others added and deleted. Never rejects. */
  async lookEverywhere(): Promise<void> {
    await this.#look(this.#places.roots);
  }

  /** As `lookEverywhere`, where a path's files are, and not again within seconds. */
  async lookFor(path: string): Promise<void> {
    await this.#look(this.#places.rootsOf(path), LOOK_PERIOD_US);
  }

  /** As `lookEverywhere`, not again within seconds. */
  async lookAround(): Promise<void> {
    await this.#look(this.#places.roots, LOOK_PERIOD_US);
  }

  add(segments: readonly SegmentFile[]): void {
    const fresh = segments.filter(({ file }) => !this.#files.has(file));
    for (const segment of fresh) this.#files.set(segment.file, segment);
    for (const [path, added] of byPath(fresh)) {
      for (const segment of added) segment.startUtcUs = startOf(segment, this.#options.clock).utcUs;
      this.#sort(path, [...(this.#paths.get(path) ?? []), ...added]);
      this.notify(path);
    }
  }

  remove(segments: readonly SegmentFile[]): void {
    const gone = new Set(segments.filter(({ file }) => this.#files.delete(file)));
    for (const { file } of gone) this.#tree.forget(file);
    for (const path of byPath([...gone]).keys()) {
      const rest = this.of(path).filter((segment) => !gone.has(segment));
      if (rest.length > 0) this.#paths.set(path, rest);
      else this.#paths.delete(path);
      this.notify(path);
    }
  }

  /** What a file is called is changed by `rename`, while nothing looks for changes. Rejects as that does. */
  async rename(segment: SegmentFile, name: { readonly file: string; readonly utcUs: number }, rename: () => Promise<void>): Promise<void> {
    const renaming = this.#looking.then(async () => {
      await rename();
      this.#files.delete(segment.file);
      this.#tree.forget(segment.file);
      segment.file = name.file;
      segment.nameUtcUs = name.utcUs;
      this.#files.set(segment.file, segment);
    });
    this.#looking = renaming.catch(() => {});
    await renaming;
    this.notify(segment.path);
  }

  emptyFolders(root: string): readonly string[] {
    return this.#tree.emptyFolders(root);
  }

  onChange(listener: (path: string) => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  notify(path: string): void {
    for (const listener of this.#listeners) listener(path);
  }

  /** When it begins, and how well that is known. */
  timeOf(segment: SegmentFile): UtcTime {
    return startOf(segment, this.#options.clock);
  }

  /** Its head has told of its time, or cannot. Never rejects. */
  async learnStamp(segment: SegmentFile): Promise<void> {
    if (segment.isStampKnown) return;
    if (segment.format === "fmp4") await this.factsOf(segment);
    else this.stamp(segment, await readTsStamp(this.#options.fs, segment.file).catch(() => undefined));
  }

  /** What its head tells; undefined where it cannot be read, which is said once. Never rejects. */
  async factsOf(segment: SegmentFile): Promise<SegmentFacts | undefined> {
    if (segment.format !== "fmp4") return undefined;
    const { facts } = segment;
    const isSettled = segment.isOpen || (facts !== undefined && facts !== "unreadable" && facts.isClosed);
    if (!isSettled && (facts === undefined || (await this.#hasChanged(segment)))) await this.#readFacts(segment);
    return segment.facts === "unreadable" ? undefined : segment.facts;
  }

  /** This is known now of when it was recorded. */
  stamp(segment: SegmentFile, stamp: SegmentFile["stamp"]): void {
    segment.stamp = stamp;
    this.noteFootage(segment);
    const { utcUs } = startOf(segment, this.#options.clock);
    if (utcUs === segment.startUtcUs) return;
    segment.startUtcUs = utcUs;
    const own = this.#paths.get(segment.path);
    if (own?.includes(segment)) this.#sort(segment.path, own);
  }

  /** A boot that knows no time of its own is placed behind the footage of the one before. */
  noteFootage(segment: SegmentFile): void {
    const { clock } = this.#options;
    const stamp = stampOf(segment, clock);
    const durationUs = segment.facts === undefined || segment.facts === "unreadable" ? 0 : segment.facts.durationUs;
    if (stamp !== undefined) clock.noteFootage({ bootCounter: stamp.bootCounter, monoUs: stamp.monoUs + durationUs });
  }

  /** Bytes; undefined where the file cannot be asked. Never rejects. */
  async sizeOf(segment: SegmentFile): Promise<number | undefined> {
    if (segment.sizeBytes === undefined) {
      const facts = await this.#options.fs.facts(segment.file).catch(() => undefined);
      segment.sizeBytes = facts?.sizeBytes;
    }
    return segment.sizeBytes;
  }

  #newTree(): FolderTree {
    const { fs, wallMs } = this.#options;
    return new FolderTree({ fs, wallMs, wants: (file) => this.#places.segmentOf(file) !== undefined });
  }

  #look(roots: readonly string[], periodUs = 0): Promise<void> {
    this.#looking = this.#looking.then(async () => {
      for (const root of roots) {
        const sinceUs = this.#options.clock.nowUs() - (this.#lookedUs.get(root) ?? Number.NEGATIVE_INFINITY);
        if (sinceUs >= periodUs) await this.#lookInto(root);
      }
    });
    return this.#looking;
  }

  async #lookInto(root: string): Promise<void> {
    const { added, removed, isCut, fault } = await this.#tree.refresh(root);
    if (this.#tree.knows(root)) this.#lookedUs.set(root, this.#options.clock.nowUs());
    else this.#lookedUs.delete(root);
    this.remove(
      removed.map((file) => this.#files.get(file)).filter((segment) => segment !== undefined && !segment.isOpen) as SegmentFile[],
    );
    const found = added.filter((file) => !this.#files.has(file)).map((file) => this.#places.segmentOf(file));
    const segments: SegmentFile[] = [];
    for (const segment of found) {
      if (segment !== undefined) segments.push(segment.earlierUtcUs === undefined ? segment : await this.#atItsTime(segment));
    }
    this.add(segments);
    const text = fault === undefined ? (isCut ? "too many folders and files" : "") : errorText(fault);
    if (text !== "" && text !== this.#lookFault) this.#options.log.warn(`not all of ${root} is known: ${text}`);
    this.#lookFault = text;
  }

  /** Of the two instants that a name in the last hour of summer time can mean, the one that the head has. */
  async #atItsTime(segment: SegmentFile): Promise<SegmentFile> {
    const ntpUs = (await this.factsOf(segment))?.place?.startNtpUs;
    const { nameUtcUs, earlierUtcUs } = segment;
    if (ntpUs === undefined || earlierUtcUs === undefined || Math.abs(ntpUs - nameUtcUs) <= Math.abs(ntpUs - earlierUtcUs)) return segment;
    const { path, file, format, facts, sizeBytes, stamp } = segment;
    return Object.assign(new SegmentFile({ path, file, format, startUtcUs: earlierUtcUs }), { facts, sizeBytes, stamp });
  }

  /** Since it was read: somebody else writes it, or mended it. */
  async #hasChanged(segment: SegmentFile): Promise<boolean> {
    const facts = await this.#options.fs.facts(segment.file).catch(() => undefined);
    return facts !== undefined && facts.sizeBytes !== segment.sizeBytes;
  }

  async #readFacts(segment: SegmentFile): Promise<void> {
    const wasKnown = segment.facts !== undefined;
    try {
      const { facts, stamp, sizeBytes } = await readSegmentFacts(this.#options.fs, segment.file);
      if (segment.isOpen) return;
      segment.facts = facts;
      segment.sizeBytes = sizeBytes;
      this.stamp(segment, stamp);
      if (facts === "unreadable" && !wasKnown) this.#options.log.warn(`${segment.file} is left out: it cannot be read as a recording`);
    } catch (error) {
      segment.facts = "unreadable";
      if (!segment.isStampKnown) segment.stamp = undefined;
      if (!wasKnown) this.#options.log.warn(`${segment.file} is left out: ${errorText(error)}`);
    }
  }

  /** The clock has another idea of the time than it had: files are where they are by that. */
  #keepTime(): void {
    const { clock } = this.#options;
    if (clock.version === this.#clockVersion) return;
    this.#clockVersion = clock.version;
    for (const [path, own] of this.#paths) {
      for (const segment of own) segment.startUtcUs = startOf(segment, clock).utcUs;
      this.#sort(path, own);
    }
  }

  #sort(path: string, own: readonly SegmentFile[]): void {
    this.#paths.set(
      path,
      [...own].sort((a, b) => a.startUtcUs - b.startUtcUs),
    );
  }
}

function byPath(segments: readonly SegmentFile[]): ReadonlyMap<string, SegmentFile[]> {
  const paths = new Map<string, SegmentFile[]>();
  for (const segment of segments) {
    const own = paths.get(segment.path);
    if (own === undefined) paths.set(segment.path, [segment]);
    else own.push(segment);
  }
  return paths;
}
