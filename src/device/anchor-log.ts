// The log of clock anchors: what is known of the UTC of every boot, in one file and copies of it.
import type { ClockAnchor } from "#base/clock-anchor.ts";
import { errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { AnchorFile, type AnchorFileContents, readAnchorFile } from "./anchor-file.ts";
import { compactAnchors } from "./compact-anchors.ts";

/** A clock that is set over and over costs the medium this many writes at once, and then one a minute. */
const SAVES_AT_ONCE = 60;
const SAVE_EVERY_US = 60e6;

/** 256 KiB: months of hourly anchors before anything is left out. */
const DEFAULT_MAX_ANCHORS = 4096;

export interface AnchorLogOptions {
  readonly path: string;
  readonly log: Log;
  /** Copies that are read, and left alone: see `addCopy`. */
  readonly alsoRead?: readonly string[];
  /** Above it the log is compacted to half. */
  readonly maxAnchors?: number;
}

/** Never rejects and never throws: a file that cannot be written costs one warning, and is brought up to date when it can be written again. */
export class AnchorLog {
  /** Called after anchors were left out of `anchors`, or came in from a copy. */
  onReplaced: (() => void) | undefined;
  #anchors: ClockAnchor[] = [];
  /** Another one whenever `#anchors` changed anywhere but at its end. */
  #edition = 0;
  readonly #log: Log;
  readonly #maxAnchors: number;
  readonly #files: { readonly file: AnchorFile; hasFailed: boolean }[] = [];
  #saved: Promise<void> = Promise.resolve();
  #hasUnsaved = false;
  /** Writes that are left, and when that was last reckoned. */
  #saves = { left: SAVES_AT_ONCE, monoUs: 0 };

  private constructor({ log, maxAnchors = DEFAULT_MAX_ANCHORS }: AnchorLogOptions) {
    this.#log = log;
    this.#maxAnchors = maxAnchors;
  }

  /** Reads the file and the copies. Writes nothing. */
  static async open(options: AnchorLogOptions): Promise<AnchorLog> {
    const log = new AnchorLog(options);
    const { anchors, isSound } = await log.#read(options.path);
    log.#merge(anchors);
    const held = isSound && log.#anchors.length === anchors.length ? { edition: log.#edition, count: anchors.length } : undefined;
    log.#files.push({ file: new AnchorFile(options.path, held), hasFailed: false });
    for (const path of options.alsoRead ?? []) log.#merge((await log.#read(path)).anchors);
    return log;
  }

  /** In the order they were written; what only a copy knew comes first. */
  get anchors(): readonly ClockAnchor[] {
    return this.#anchors;
  }

  /** It is written at once, or, where too many came lately, with one of the next. */
  append(anchor: ClockAnchor): void {
    this.#anchors.push(anchor);
    if (this.#anchors.length > this.#maxAnchors) this.#replace(compactAnchors(this.#anchors, Math.floor(this.#maxAnchors / 2)));
    this.#hasUnsaved = true;
    const earned = Math.max(anchor.monoUs - this.#saves.monoUs, 0) / SAVE_EVERY_US;
    const left = Math.min(this.#saves.left + earned, SAVES_AT_ONCE);
    this.#saves = { left: left >= 1 ? left - 1 : left, monoUs: anchor.monoUs };
    if (left >= 1) void this.#save();
  }

  /** From here on keeps a copy there too, in a folder that is there, and takes over what it knows of boots that are unknown here. */
  async addCopy(path: string): Promise<void> {
    this.#merge((await this.#read(path)).anchors);
    this.#files.push({ file: new AnchorFile(path, undefined), hasFailed: false });
    await this.#save();
  }

  /** What is being written is on the medium when it resolves, as far as that lets it. */
  saved(): Promise<void> {
    return this.#saved;
  }

  /** So is everything else. */
  close(): Promise<void> {
    return this.#hasUnsaved ? this.#save() : this.#saved;
  }

  async #read(path: string): Promise<AnchorFileContents> {
    try {
      return await readAnchorFile(path);
    } catch (error) {
      this.#log.warn(`clock anchors cannot be read: ${errorText(error)}`);
      return { anchors: [], isSound: false };
    }
  }

  /** Where two logs disagree about which boot a counter means, this one is right. */
  #merge(others: readonly ClockAnchor[]): void {
    const bootIds = new Map(this.#anchors.map(({ bootCounter, bootId }) => [bootCounter, bootId]));
    const known = new Set(this.#anchors.map(keyOf));
    const missing = others.filter((anchor) => {
      const isOurs = (bootIds.get(anchor.bootCounter) ?? anchor.bootId) === anchor.bootId;
      return isOurs && !known.has(keyOf(anchor));
    });
    if (missing.length > 0) this.#replace([...missing, ...this.#anchors]);
  }

  #replace(anchors: ClockAnchor[]): void {
    this.#anchors = anchors;
    this.#edition++;
    this.onReplaced?.();
  }

  /** One save at a time; each brings all that is there when it begins. */
  #save(): Promise<void> {
    this.#saved = this.#saved.then(async () => {
      this.#hasUnsaved = false;
      const [anchors, edition] = [[...this.#anchors], this.#edition];
      for (const entry of this.#files) {
        try {
          await entry.file.save(anchors, edition);
          if (entry.hasFailed) this.#log.info(`clock anchors are written again: ${entry.file.path}`);
          entry.hasFailed = false;
        } catch (error) {
          if (!entry.hasFailed)
            this.#log.warn(`clock anchors cannot be written, and without them times are lost at a restart: ${errorText(error)}`);
          entry.hasFailed = true;
        }
      }
    });
    return this.#saved;
  }
}

function keyOf({ bootCounter, monoUs, utcUs, flags }: ClockAnchor): string {
  return `${bootCounter} ${monoUs} ${utcUs} ${flags}`;
}
