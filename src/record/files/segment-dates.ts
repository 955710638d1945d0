// Gives files their true time once the clock knows it: in their names, and in the box where MediaMTX has it. What is listed does not wait for that.
import { dirname, join } from "node:path";
import { type BootClock, isAtLeast } from "#base/clock.ts";
import { errorText } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import type { Log } from "#base/log.ts";
import { writeNtp } from "#containers/fmp4/mtxi.ts";
import type { FileNameTemplate } from "../file-name.ts";
import { DurableFolders } from "./durable-folders.ts";
import type { SegmentCatalog } from "./segment-catalog.ts";
import { EARLIEST_UTC_US, type SegmentFile } from "./segment-file.ts";
import { readSegmentInit } from "./segment-head.ts";
import { namesFrom, timeOfName } from "./segment-naming.ts";
import { stampOf } from "./segment-times.ts";

/** A name that is off by less is right. */
const TOLERANCE_US = 50_000;
/** In the data directory: there are, or were when power failed, files whose names were given by a clock that nobody vouched for. */
const MARK = "recordings-to-date";
/** Files whose heads are read at a time. */
const READ_AHEAD = 8;

export interface SegmentDatesOptions {
  readonly fs: FsPort;
  readonly clock: BootClock;
  readonly log: Log;
  readonly catalog: SegmentCatalog;
  readonly dataDirectory: string;
  /** A file that nobody writes was found to be cut off. */
  repair(segment: SegmentFile): Promise<void>;
}

export class SegmentDates {
  readonly #options: SegmentDatesOptions;
  readonly #folders: DurableFolders;
  /** One file after the other. */
  #turns: Promise<unknown> = Promise.resolve();
  #isMarked: boolean;
  #marking: Promise<void> | undefined;
  #hasFailed = false;

  private constructor(options: SegmentDatesOptions, isMarked: boolean) {
    this.#options = options;
    this.#folders = new DurableFolders(options.fs, options.dataDirectory);
    this.#isMarked = isMarked;
  }

  /** Never rejects. */
  static async open(options: SegmentDatesOptions): Promise<SegmentDates> {
    const facts = await options.fs.facts(join(options.dataDirectory, MARK)).catch(() => undefined);
    return new SegmentDates(options, facts !== undefined);
  }

  /** A file is about to be named: should power fail before its time is known, it is looked for after. Never rejects. */
  async beforeNaming(): Promise<void> {
    const { clock, log } = this.#options;
    if (this.#isMarked || isAtLeast(clock.utcOf(clock.nowUs()).quality, "ntp")) return;
    this.#marking ??= this.#mark().catch((error: unknown) => {
      log.warn(`files that are named now may keep a wrong time if power fails: ${errorText(error)}`);
    });
    await this.#marking;
    this.#marking = undefined;
    this.#isMarked = true;
  }

  /** Files of a path whose names may be wrong have told their time. Never rejects. */
  async learn(path: string): Promise<void> {
    const doubtful = this.#options.catalog.of(path).filter((segment) => this.#isDoubtful(segment));
    for (let i = 0; i < doubtful.length; i += READ_AHEAD) {
      await Promise.all(doubtful.slice(i, i + READ_AHEAD).map((segment) => this.#look(segment)));
    }
  }

  /** All files are as they should be, as far as the clock knows better by now. Never rejects. */
  async settleAll(): Promise<void> {
    const { clock, catalog, fs, dataDirectory } = this.#options;
    if (!this.#isTrusted()) return;
    const isKnown = isAtLeast(clock.utcOf(clock.nowUs()).quality, "ntp");
    let isSettled = true;
    for (const segment of [...catalog.all]) {
      if (this.#isDoubtful(segment)) await this.#look(segment);
      isSettled = (await this.settle(segment)) && isSettled;
    }
    if (!isKnown || !isSettled || !this.#isMarked) return;
    this.#isMarked = false;
    await fs.remove(join(dataDirectory, MARK)).catch(() => {});
  }

  /** Nothing is known that speaks against its name. */
  isRight(segment: SegmentFile): boolean {
    return this.#wrongly(segment) === undefined;
  }

  /** The file is as it should be when it resolves with true; false: later, or never. Never rejects. */
  async settle(segment: SegmentFile): Promise<boolean> {
    const turn = this.#turns.then(() => this.#settle(segment));
    this.#turns = turn.catch(() => {});
    try {
      const isDone = await turn;
      this.#hasFailed = false;
      return isDone;
    } catch (error) {
      const text = `the time of ${segment.file} is known now, and cannot be given to it: ${errorText(error)}`;
      if (!this.#hasFailed) this.#options.log.warn(text);
      this.#hasFailed = true;
      return false;
    }
  }

  async #settle(segment: SegmentFile): Promise<boolean> {
    const wrongly = this.#wrongly(segment);
    if (wrongly === undefined) return true;
    if (!this.#isTrusted() || segment.isOpen || segment.readers > 0) return false;
    const { catalog, fs, log } = this.#options;
    const { utcUs, template } = wrongly;
    const from = segment.file;
    const folderBefore = dirname(from);
    if ((await fs.facts(from)) === undefined) return true; // deleted since
    if (segment.format === "fmp4") await this.#correctNtp(from, utcUs);
    const file = await this.#freeName(segment, template, utcUs);
    if (file === undefined) throw new Error("there are files with the names it should have");
    const folder = dirname(file);
    await catalog.rename(segment, { file, utcUs: timeOfName(template, file, utcUs) }, async () => {
      await new DurableFolders(fs, template.commonFolder()).make(folder);
      await fs.rename(from, file);
    });
    await fs.syncFolder(folder);
    if (folderBefore !== folder) await fs.syncFolder(folderBefore);
    log.info(`${from} has the time now at which it was recorded: ${file}`);
    return true;
  }

  /** When it was recorded, where its name says something else; undefined: it does not, or nothing better is known. */
  #wrongly(segment: SegmentFile): { readonly utcUs: number; readonly template: FileNameTemplate } | undefined {
    const { clock, catalog } = this.#options;
    const stamp = stampOf(segment, clock);
    if (stamp === undefined || stamp.isCameraTime) return undefined;
    const { utcUs, quality } = clock.utcOfStamp(stamp);
    if (quality === "none" || Math.abs(segment.nameUtcUs - utcUs) <= TOLERANCE_US) return undefined;
    const template = catalog.places.templateOf(segment.file);
    return template === undefined || isNameOf(segment, template, utcUs) ? undefined : { utcUs, template };
  }

  /** Nothing is overwritten. */
  async #freeName(segment: SegmentFile, template: FileNameTemplate, utcUs: number): Promise<string | undefined> {
    const { catalog, fs } = this.#options;
    for (const name of namesFrom(template, segment.path, utcUs)) {
      if (!catalog.has(name) && (await fs.facts(name)) === undefined) return name;
    }
    return undefined;
  }

  /** Before the name: a file with a true name has a true time in it. */
  async #correctNtp(path: string, utcUs: number): Promise<void> {
    const file = await this.#options.fs.open(path, "update");
    try {
      const init = await readSegmentInit(file);
      if (init?.ntpOffset === undefined || init.mtxi?.startNtpUs === utcUs) return;
      await file.write([writeNtp(utcUs)], init.ntpOffset);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Its name may be wrong, and nobody asked the file. */
  #isDoubtful(segment: SegmentFile): boolean {
    return !segment.isStampKnown && !segment.isOpen && (this.#isMarked || segment.nameUtcUs < EARLIEST_UTC_US);
  }

  async #look(segment: SegmentFile): Promise<void> {
    await this.#options.catalog.learnStamp(segment);
    const { facts } = segment;
    const isCutOff = facts !== undefined && facts !== "unreadable" && !facts.isClosed;
    if (isCutOff && segment.stamp !== undefined && !segment.isOpen) await this.#options.repair(segment);
  }

  #isTrusted(): boolean {
    const { clock } = this.#options;
    return isAtLeast(clock.utcOf(clock.nowUs()).quality, "hint");
  }

  async #mark(): Promise<void> {
    const { fs, dataDirectory } = this.#options;
    await this.#folders.make(dataDirectory);
    const file = await fs.open(join(dataDirectory, MARK), "create");
    await file.close();
    await fs.syncFolder(dataDirectory);
  }
}

/** The name may be coarser than the time, or have been taken when another was not free. */
function isNameOf({ path, file }: SegmentFile, template: FileNameTemplate, utcUs: number): boolean {
  return [utcUs - TOLERANCE_US, utcUs + TOLERANCE_US].some((aboutUs) => [...namesFrom(template, path, aboutUs)].includes(file));
}
