// One path's recording into MediaMTX-style files, as the recorder sees it.

import type { BootClock } from "#base/clock.ts";
import type { FsPort } from "#base/fs-port.ts";
import { parseInit } from "#containers/fmp4/parse-init.ts";
import { diskFaultOf } from "../disk-fault.ts";
import { type Fragment, type FragmentLimits, type RecordingStore, type RunStart, StoreFault } from "../store.ts";
import { DriftTable } from "./drift-table.ts";
import { DurableFolders } from "./durable-folders.ts";
import { isCode } from "./error-code.ts";
import { type PlacedFragment, RecordingRun, type SegmentStart } from "./recording-run.ts";
import type { SegmentCatalog } from "./segment-catalog.ts";
import type { SegmentDates } from "./segment-dates.ts";
import type { SegmentFacts, SegmentFile } from "./segment-file.ts";
import { segmentFormatOf } from "./segment-format.ts";
import { factsOf } from "./segment-head.ts";
import { SegmentNaming, type SegmentNamingOptions } from "./segment-naming.ts";
import { SegmentWriter } from "./segment-writer.ts";
import { ToldInOrder } from "./told-in-order.ts";

const SYNC_PERIOD_US = 1e6;
const MAX_QUEUE_BYTES = 8 << 20;

export interface FilesStoreOptions extends SegmentNamingOptions {
  readonly fs: FsPort;
  readonly clock: BootClock;
  readonly catalog: SegmentCatalog;
  readonly dates: SegmentDates;
  readonly partDurationMs: number;
  readonly maxPartBytes: number;
  readonly segmentDurationMs: number;
  /** `useAbsoluteTimestamp`: files are named by the camera's clock, where it has an accepted one. */
  readonly senderClock: boolean;
  /** Bytes that may wait for the medium; 8 MiB where nothing is said. One fragment always may. */
  readonly maxQueueBytes?: number;
  /** A file was begun; its name is as `recordPath` gives it. */
  onSegmentCreate?(file: string): void;
  /** It is closed. */
  onSegmentComplete?(file: string, durationSeconds: number): void;
  /** There is no space: something should be deleted. */
  onFull?(): void;
  /** Calls back once after a delay, unless the returned function is called before. */
  schedule?(run: () => void, delayMs: number): () => void;
}

type Task =
  | { readonly kind: "fragment"; readonly fragment: Fragment; readonly run: RecordingRun }
  | { readonly kind: "sync" }
  | { readonly kind: "close"; done(): void };

interface OpenSegment {
  readonly run: RecordingRun;
  readonly start: SegmentStart;
  readonly writer: SegmentWriter;
  readonly entry: SegmentFile;
  /** As `recordPath` gives it. */
  readonly name: string;
  readonly drift: DriftTable;
  /** But for its duration; undefined: the format has none. */
  readonly facts: SegmentFacts | undefined;
  /** Seconds of the run up to which it holds footage. */
  endS: number;
}

export class FilesStore implements RecordingStore {
  readonly limits: FragmentLimits;
  onFault: ((fault: StoreFault) => void) | undefined;
  onStored: ((fragment: Fragment) => void) | undefined;
  readonly #options: FilesStoreOptions;
  readonly #naming: SegmentNaming;
  readonly #folders: DurableFolders;
  readonly #schedule: (run: () => void, delayMs: number) => () => void;
  #tasks: Task[] = [];
  #queuedBytes = 0;
  #isWorking = false;
  #run: RecordingRun | undefined;
  #segment: OpenSegment | undefined;
  #unsynced: Fragment[] = [];
  #syncedUs = Number.NEGATIVE_INFINITY;
  #cancelSync: (() => void) | undefined;
  readonly #news = new ToldInOrder();

  constructor(options: FilesStoreOptions) {
    const { fs, partDurationMs, maxPartBytes } = options;
    this.#options = options;
    this.#naming = new SegmentNaming(options);
    this.#folders = new DurableFolders(fs, this.#naming.commonFolder);
    this.#schedule = options.schedule ?? afterDelay;
    this.limits = { maxMs: partDurationMs, maxBytes: maxPartBytes, cutAtKeyframe: true };
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  async open(start: RunStart): Promise<void> {
    const { recordFormat, clock } = this.#options;
    const format = segmentFormatOf(recordFormat, start.tracks);
    if (format === undefined) throw new StoreFault("unsupported", `no track can be recorded as ${recordFormat}`);
    this.#run = new RecordingRun(start, format, clock);
  }

  append(fragment: Fragment): boolean {
    const run = this.#run;
    const { maxQueueBytes = MAX_QUEUE_BYTES } = this.#options;
    const isFull = this.#queuedBytes > 0 && this.#queuedBytes + fragment.sizeBytes > maxQueueBytes;
    if (run === undefined || isFull) return false;
    this.#queuedBytes += fragment.sizeBytes;
    this.#push({ kind: "fragment", fragment, run });
    return true;
  }

  close(): Promise<void> {
    this.#run = undefined;
    return new Promise((done) => this.#push({ kind: "close", done }));
  }

  #push(task: Task): void {
    this.#tasks.push(task);
    void this.#work();
  }

  async #work(): Promise<void> {
    if (this.#isWorking) return;
    this.#isWorking = true;
    for (let task = this.#tasks.shift(); task !== undefined; task = this.#tasks.shift()) {
      try {
        await this.#do(task);
      } catch (error) {
        const fault = diskFaultOf(error);
        if (fault === undefined) throw error;
        await this.#fail(fault);
      }
      if (task.kind === "close") task.done();
    }
    this.#isWorking = false;
  }

  async #do(task: Task): Promise<void> {
    switch (task.kind) {
      case "fragment":
        try {
          await this.#store(task.fragment, task.run);
        } finally {
          this.#letGo(task.fragment);
        }
        return;
      case "sync":
        return this.#sync();
      case "close":
        await this.#finishSegment();
        await this.#news.told();
    }
  }

  /** Its samples are written, or lost. */
  #letGo(fragment: Fragment): void {
    this.#queuedBytes -= fragment.sizeBytes;
    fragment.release?.();
  }

  async #store(fragment: Fragment, run: RecordingRun): Promise<void> {
    const { maxPartBytes } = this.#options;
    if (fragment.sizeBytes > maxPartBytes) {
      throw new StoreFault("part-too-large", `a part of ${fragment.sizeBytes} bytes is above recordMaxPartSize`);
    }
    const placed = run.place(fragment);
    if (placed !== undefined) {
      const segment = await this.#segmentFor(run, placed);
      await this.#write(segment, placed);
    }
    this.#unsynced.push(fragment);
    await this.#syncSoon();
  }

  async #write(segment: OpenSegment, placed: PlacedFragment): Promise<void> {
    const { run, start, writer, entry } = segment;
    const part = run.format.part(run.samplesFrom(start, placed));
    if (part.length === 0) return;
    const offset = writer.sizeBytes;
    await writer.write(part);
    if (placed.fragment.keyframe) entry.seekPoints.note(placed.leadS - start.startS, offset);
    segment.endS = Math.max(segment.endS, placed.endS);
    entry.sizeBytes = writer.sizeBytes;
    entry.facts = segment.facts && { ...segment.facts, durationUs: durationUsOf(segment) };
    if (segment.drift.note((placed.leadS - start.startS) * 1e6, run.driftUs(start, placed))) {
      writer.setDrift(segment.drift.points);
      this.#options.catalog.stamp(entry, { ...start.stamp, drift: segment.drift.points });
    }
    if (offset > 0) return;
    this.#options.catalog.notify(entry.path);
    this.#news.tell(() => this.#options.onSegmentCreate?.(segment.name));
  }

  /** The open file if it takes the fragment, else the next: the old one is whole and safe before that is begun. */
  async #segmentFor(run: RecordingRun, placed: PlacedFragment): Promise<OpenSegment> {
    const { segmentDurationMs, senderClock } = this.#options;
    const open = this.#segment;
    let isNewStream = true;
    if (open !== undefined && open.run === run) {
      const sequel = run.sequel(open.start, open.endS, placed, senderClock);
      isNewStream = sequel === "broken";
      const isDue = placed.fragment.keyframe && (placed.leadS - open.start.startS) * 1000 >= segmentDurationMs;
      if (sequel === "same" && !isDue) return open;
    }
    await this.#finishSegment();
    return this.#beginSegment(run, run.begin(placed, isNewStream, senderClock));
  }

  async #beginSegment(run: RecordingRun, start: SegmentStart): Promise<OpenSegment> {
    const { fs, catalog, dates } = this.#options;
    const head = run.format.begin(start.mtxi, start.stamp);
    const init = parseInit(head.bytes);
    const facts = init && factsOf(init, 0, false);
    await dates.beforeNaming();
    for (const { name, entry } of this.#naming.from(start)) {
      if (catalog.has(entry.file)) continue;
      catalog.add([entry]);
      try {
        const writer = await SegmentWriter.create(fs, this.#folders, entry.file, head);
        this.#segment = { run, start, writer, entry, name, drift: new DriftTable(), facts, endS: start.startS };
        return this.#segment;
      } catch (error) {
        catalog.remove([entry]);
        if (!isCode(error, "EEXIST")) throw error;
      }
    }
    throw new StoreFault("foreign", "there are files already with the names that recordPath gives now");
  }

  async #finishSegment(): Promise<void> {
    const segment = this.#segment;
    if (segment === undefined) return;
    await segment.writer.finish(durationUsOf(segment));
    this.#noteStored();
    await this.#leaveSegment(segment);
  }

  /** After it is finished, or failed. */
  async #leaveSegment(segment: OpenSegment): Promise<void> {
    const { fs, catalog } = this.#options;
    const { writer, entry } = segment;
    this.#segment = undefined;
    this.#cancelSync?.();
    this.#cancelSync = undefined;
    await writer.close();
    entry.isOpen = false;
    if (writer.sizeBytes === 0) {
      await fs.remove(entry.file).catch(() => {});
      catalog.remove([entry]);
      return;
    }
    entry.facts = segment.facts && { ...segment.facts, durationUs: durationUsOf(segment), isClosed: !writer.isLost };
    catalog.noteFootage(entry);
    catalog.notify(entry.path);
    this.#complete(segment);
  }

  /** It may have to be named anew first: recording does not wait for that. */
  #complete(segment: OpenSegment): void {
    const { dates, onSegmentComplete } = this.#options;
    const { entry, name } = segment;
    const named = entry.file;
    this.#news.tell(
      () => onSegmentComplete?.(entry.file === named ? name : entry.file, durationUsOf(segment) / 1e6),
      dates.isRight(entry) ? undefined : dates.settle(entry),
    );
  }

  /** Now, or when the last sync is a second old. */
  async #syncSoon(): Promise<void> {
    const waitUs = this.#syncedUs + SYNC_PERIOD_US - this.#options.clock.nowUs();
    if (waitUs <= 0) await this.#sync();
    else this.#cancelSync ??= this.#schedule(() => this.#push({ kind: "sync" }), Math.ceil(waitUs / 1000));
  }

  async #sync(): Promise<void> {
    this.#cancelSync?.();
    this.#cancelSync = undefined;
    await this.#segment?.writer.sync();
    this.#noteStored();
  }

  #noteStored(): void {
    this.#syncedUs = this.#options.clock.nowUs();
    const stored = this.#unsynced;
    this.#unsynced = [];
    for (const fragment of stored) this.onStored?.(fragment);
  }

  /** What was written whole is kept, unless it was a sync that failed: then nobody knows what is there. */
  async #fail(fault: StoreFault): Promise<void> {
    const segment = this.#segment;
    this.#run = undefined;
    if (segment !== undefined) {
      if (!segment.writer.isLost && segment.writer.sizeBytes > 0) await this.#save(segment);
      await this.#leaveSegment(segment);
    }
    this.#unsynced = [];
    for (const task of this.#tasks) if (task.kind === "fragment") this.#letGo(task.fragment);
    this.#tasks = this.#tasks.filter(({ kind }) => kind === "close");
    if (fault.code === "full") this.#options.onFull?.();
    this.onFault?.(fault);
  }

  async #save(segment: OpenSegment): Promise<void> {
    try {
      await segment.writer.cutToParts();
      await segment.writer.finish(durationUsOf(segment));
    } catch (error) {
      if (diskFaultOf(error) === undefined) throw error;
      return;
    }
    this.#noteStored();
  }
}

function durationUsOf({ start, endS }: OpenSegment): number {
  return Math.max(0, Math.round((endS - start.startS) * 1e6));
}

function afterDelay(run: () => void, delayMs: number): () => void {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
}
