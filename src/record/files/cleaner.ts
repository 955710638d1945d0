// Deletes recorded files that are too old, too many, or in the way of new ones: MediaMTX's cleaner, with limits of size and free space.
import { dirname } from "node:path";
import { type Clock, isAtLeast } from "#base/clock.ts";
import { errorText } from "#base/errors.ts";
import type { FsPort, Space } from "#base/fs-port.ts";
import type { Log } from "#base/log.ts";
import { decideRetention, type StoredSegment } from "../retention.ts";
import type { FilesIndex } from "./files-index.ts";
import type { SegmentFile } from "./segment-file.ts";
import { isInside } from "./segment-places.ts";

const MAX_PERIOD_MS = 30 * 60_000;
/** Where size or free space is limited: cameras fill gigabytes in half an hour. */
const LIMITED_PERIOD_MS = 60_000;
const MIN_PERIOD_MS = 1000;

export interface CleanerRules {
  /** `recordDeleteAfter` of a path's entry; 0: for ever. */
  deleteAfterMs(path: string): number;
  /** Of all entries; undefined: none has one. */
  smallestDeleteAfterMs(): number | undefined;
  /** `recordMaxSize`, of all files together; 0: no limit. */
  maxSizeBytes(space: Space): number;
  /** `recordMinFree`, for each file system; 0: no limit. */
  minFreeBytes(space: Space): number;
}

export interface CleanerOptions {
  readonly fs: FsPort;
  readonly clock: Clock;
  readonly log: Log;
  readonly index: FilesIndex;
  readonly rules: CleanerRules;
  /** Calls back once after a delay, unless the returned function is called before. */
  schedule?(run: () => void, delayMs: number): () => void;
}

interface Candidate extends StoredSegment {
  readonly segment: SegmentFile;
  /** Place in the list of roots. */
  readonly root: number;
}

interface Medium {
  readonly roots: ReadonlySet<number>;
  readonly space: Space;
}

export class Cleaner {
  readonly #options: CleanerOptions;
  readonly #schedule: (run: () => void, delayMs: number) => () => void;
  /** Said already, until all is well again. */
  readonly #said = new Set<string>();
  #running: Promise<void> | undefined;
  #isWanted = false;
  #isClosed = false;
  #cancel: (() => void) | undefined;

  constructor(options: CleanerOptions) {
    this.#options = options;
    this.#schedule = options.schedule ?? afterDelay;
  }

  /** Cleans now, and then again and again until `close`. */
  start(): void {
    void this.run();
  }

  /** Cleans now: the medium is full, or the config was changed. Resolves when it is done; never rejects. */
  async run(): Promise<void> {
    this.#isWanted = true;
    this.#running ??= this.#runWhileWanted();
    await this.#running;
  }

  /** Resolves when nothing is deleted any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.#running;
  }

  async #runWhileWanted(): Promise<void> {
    while (this.#isWanted && !this.#isClosed) {
      this.#isWanted = false;
      this.#cancel?.();
      const faults = await this.#clean();
      for (const text of faults) if (!this.#said.has(text)) this.#options.log.warn(text);
      this.#said.clear();
      for (const text of faults) this.#said.add(text);
    }
    this.#running = undefined;
    if (!this.#isClosed) this.#cancel = this.#schedule(() => void this.run(), this.#periodMs());
  }

  #periodMs(): number {
    const { rules } = this.#options;
    const largest = { freeBytes: Number.MAX_SAFE_INTEGER, totalBytes: Number.MAX_SAFE_INTEGER };
    const isLimited = rules.maxSizeBytes(largest) > 0 || rules.minFreeBytes(largest) > 0;
    const halfMs = (rules.smallestDeleteAfterMs() ?? Number.POSITIVE_INFINITY) / 2;
    return Math.max(MIN_PERIOD_MS, Math.min(isLimited ? LIMITED_PERIOD_MS : MAX_PERIOD_MS, halfMs));
  }

  /** What went wrong, in words. */
  async #clean(): Promise<ReadonlySet<string>> {
    const { clock, index, rules } = this.#options;
    const faults = new Set<string>();
    const now = clock.utcOf(clock.nowUs());
    const clockTrusted = isAtLeast(now.quality, "hint");
    if (clockTrusted) await index.expireLocks(now.utcUs);
    await index.catalog.lookEverywhere();
    await index.dates.settleAll();
    const roots = index.catalog.places.roots;
    const media = await this.#media(roots, faults);
    const state = { nowUtcMs: now.utcUs / 1000, clockTrusted };
    const maxSizeBytes = Math.min(...media.map(({ space }) => limitOf(rules.maxSizeBytes(space))));
    const hasLimits = media.some(({ space }) => rules.maxSizeBytes(space) > 0 || rules.minFreeBytes(space) > 0);
    let left = await this.#candidates(roots, clockTrusted ? state.nowUtcMs : undefined, hasLimits);
    const byAgeAndSize = decideRetention(
      left,
      {
        deleteAfterMs: (path) => rules.deleteAfterMs(path),
        maxSizeBytes: Number.isFinite(maxSizeBytes) ? maxSizeBytes : 0,
        minFreeBytes: 0,
      },
      { ...state, freeBytes: undefined },
    );
    let gone = await this.#delete(byAgeAndSize.deletions, faults);
    let shortfallBytes = byAgeAndSize.shortfallBytes;
    left = left.filter((one) => !gone.has(one));
    for (const { roots: own } of media) {
      const here = left.filter(({ root }) => own.has(root));
      const space = await this.#spaceOf(roots[[...own][0]!]!, faults);
      if (space === undefined || rules.minFreeBytes(space) <= 0) continue;
      const bySpace = decideRetention(
        here,
        { deleteAfterMs: () => 0, maxSizeBytes: 0, minFreeBytes: rules.minFreeBytes(space) },
        { ...state, freeBytes: space.freeBytes },
      );
      gone = await this.#delete(bySpace.deletions, faults);
      shortfallBytes = Math.max(shortfallBytes, bySpace.shortfallBytes);
    }
    if (shortfallBytes > 0) faults.add("recordings take more space than they may, and nothing more of them can be deleted");
    await index.catalog.lookEverywhere();
    for (const root of roots) await this.#removeEmptyFolders(root);
    return faults;
  }

  /** The file systems that recordings lie on. */
  async #media(roots: readonly string[], faults: Set<string>): Promise<readonly Medium[]> {
    const byDevice = new Map<number, Set<number>>();
    for (const [i, root] of roots.entries()) {
      const facts = await this.#options.fs.facts(root).catch(() => undefined);
      if (facts === undefined) continue;
      byDevice.set(facts.device, (byDevice.get(facts.device) ?? new Set()).add(i));
    }
    const media: Medium[] = [];
    for (const own of byDevice.values()) {
      const space = await this.#spaceOf(roots[[...own][0]!]!, faults);
      if (space !== undefined) media.push({ roots: own, space });
    }
    return media;
  }

  async #spaceOf(root: string, faults: Set<string>): Promise<Space | undefined> {
    try {
      return await this.#options.fs.space(root);
    } catch (error) {
      faults.add(`free space is not known: ${errorText(error)}`);
      return undefined;
    }
  }

  /** `nowUtcMs`: files that may be too old by their names are asked when they end. */
  async #candidates(roots: readonly string[], nowUtcMs: number | undefined, withSizes: boolean): Promise<readonly Candidate[]> {
    const { index, rules } = this.#options;
    const candidates: Candidate[] = [];
    for (const segment of [...index.catalog.all]) {
      const deleteAfterMs = rules.deleteAfterMs(segment.path);
      if (nowUtcMs !== undefined && deleteAfterMs > 0 && segment.startUtcUs / 1000 <= nowUtcMs - deleteAfterMs) {
        await index.catalog.learnStamp(segment);
        await index.catalog.factsOf(segment);
      }
      if (withSizes) await index.catalog.sizeOf(segment);
      const startUtcMs = segment.startUtcUs / 1000;
      const { path, endUtcUs, sizeBytes = 0, isOpen: open } = segment;
      // What stands between two boots whose time is known may be that much younger.
      const { quality, errorMs = 0 } = index.catalog.timeOf(segment);
      const endUtcMs = endUtcUs === undefined ? undefined : endUtcUs / 1000 + (quality === "est" ? errorMs : 0);
      const root = roots.findIndex((folder) => isInside(segment.file, folder));
      candidates.push({ segment, root, path, startUtcMs, endUtcMs, sizeBytes, open, locked: this.#isKept(segment) });
    }
    return candidates;
  }

  #isKept(segment: SegmentFile): boolean {
    return segment.readers > 0 || this.#options.index.isLocked(segment);
  }

  async #delete(deletions: readonly { readonly segment: Candidate }[], faults: Set<string>): Promise<ReadonlySet<Candidate>> {
    const { index } = this.#options;
    const gone = new Set<Candidate>();
    for (const { segment: candidate } of deletions) {
      const { segment } = candidate;
      if (this.#isClosed) break;
      if (segment.isOpen || this.#isKept(segment)) continue; // since it was asked
      try {
        await index.remove(segment);
        gone.add(candidate);
      } catch (error) {
        faults.add(`a recording cannot be deleted: ${errorText(error)}`);
      }
    }
    return gone;
  }

  /** Somebody may be about to record there: then it is not empty, or is made again. */
  async #removeEmptyFolders(root: string): Promise<void> {
    const { fs, index } = this.#options;
    if (dirname(root) === root) return; // of everything: not all of it is ours
    for (const folder of index.catalog.emptyFolders(root)) await fs.removeFolder(folder).catch(() => {});
  }
}

/** 0 is no limit. */
function limitOf(bytes: number): number {
  return bytes > 0 ? bytes : Number.POSITIVE_INFINITY;
}

function afterDelay(run: () => void, delayMs: number): () => void {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
}
