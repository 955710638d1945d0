// The SD ring: brought up, kept up, and shut down. One per medium.

import type { BootClock } from "#base/clock.ts";
import type { FsPort } from "#base/fs-port.ts";
import { type Log, silentLog } from "#base/log.ts";
import { diskFaultOf } from "../disk-fault.ts";
import type { RecordingIndex } from "../recording-index.ts";
import { type RecordingStore, StoreFault } from "../store.ts";
import type { CameraQuota } from "./allocator.ts";
import type { QueueLimits } from "./camera-queue.ts";
import { meteredFs } from "./metered-fs.ts";
import { type MountOptions, mountRing, RING_FOLDER } from "./mount.ts";
import { lockNameOf, RingInUse, readLockFile, type TakeLock, takeSocketLock } from "./process-lock.ts";
import type { Rebuild } from "./rebuild.ts";
import { eraseOld } from "./retention.ts";
import type { RingEvent, RingStatus } from "./ring-event.ts";
import { expireLocks, type LockCapPolicy } from "./ring-locks.ts";
import { RingRecordings } from "./ring-recordings.ts";
import { RingStore } from "./ring-store.ts";
import { type Chore, RingWriter } from "./ring-writer.ts";
import { afterDelay, type Schedule } from "./schedule.ts";
import { SyncPace } from "./sync-pace.ts";
import type { RingVolume } from "./volume.ts";
import { type WearLevel, WearMeter, type WearOptions, type WearReport } from "./wear.ts";

export const DEFAULT_CHUNK_BYTES = 16 * 1024 * 1024;
/** What waits for the medium, per camera. */
const QUEUE_LIMITS: QueueLimits = { maxBytes: 8 * 1024 * 1024, maxMs: 8000 };
const RETRY_MS = 10_000;
const SWEEP_MS = 60_000;
/** Chunks deleted in one go: media is written in between. */
const ERASES_PER_SWEEP = 8;

/** What may change while it runs. */
export interface RingSettings {
  /** Written data is durable after this long at the latest; 0: every fragment at once. */
  readonly syncPeriodMs: number;
  /** How much of the ring locks may hold, 0 … 1. */
  readonly lockedShare: number;
  readonly lockCapPolicy: LockCapPolicy;
  readonly wear: WearOptions;
}

export const DEFAULT_SETTINGS: RingSettings = {
  syncPeriodMs: 1000,
  lockedShare: 0.3,
  lockCapPolicy: "reject",
  wear: { ratedTb: undefined, policy: "warn" },
};

export interface RingOptions extends Partial<Omit<MountOptions, "fs" | "directory" | "clock" | "meter">> {
  readonly fs: FsPort;
  /** Best a file system of its own. The ring lies in its folder `gwr1`. */
  readonly directory: string;
  readonly clock: BootClock;
  readonly settings?: Partial<RingSettings>;
  readonly queue?: QueueLimits;
  readonly log?: Log;
  readonly schedule?: Schedule;
  readonly takeLock?: TakeLock;
  /** Asked at each allocation. */
  quotaOf?(path: string): CameraQuota | undefined;
  onEvent?(event: RingEvent): void;
}

export class Ring {
  readonly recordings: RecordingIndex;
  readonly #options: RingOptions;
  readonly #log: Log;
  readonly #schedule: Schedule;
  readonly #fs: FsPort;
  readonly #meter: WearMeter;
  readonly #pace: SyncPace;
  readonly #writer: RingWriter;
  readonly #listing: RingRecordings;
  readonly #stores = new Map<string, RingStore>();
  #settings: RingSettings;
  #status: RingStatus = "closed";
  #fault: StoreFault | undefined;
  /** The mounted one, else the last that was. */
  #volume: RingVolume | undefined;
  #rebuild: Rebuild | undefined;
  #releaseLock: (() => Promise<void>) | undefined;
  #cancelRetry: (() => void) | undefined;
  #cancelSweep: (() => void) | undefined;
  #isSweepDue = false;
  #wearLevel: WearLevel = "unknown";
  /** Mounting and unmounting, one after the other. */
  #turns: Promise<void> = Promise.resolve();

  constructor(options: RingOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#schedule = options.schedule ?? afterDelay;
    this.#settings = { ...DEFAULT_SETTINGS, ...options.settings };
    this.#meter = new WearMeter(this.#settings.wear, options.clock.nowUs());
    this.#fs = meteredFs(options.fs, this.#meter);
    this.#pace = new SyncPace(this.#settings.syncPeriodMs);
    this.#writer = new RingWriter({
      clock: options.clock,
      schedule: this.#schedule,
      pace: this.#pace,
      nextChore: (volume) => this.#nextChore(volume),
      onMediumFault: (fault) => this.#turn(() => this.#degrade(fault)),
      onEvent: (event) => this.#tell(event),
    });
    this.#listing = new RingRecordings({
      volume: () => this.#volume,
      change: (task) => this.#writer.run(task),
      lockRules: () => ({
        capPolicy: this.#settings.lockCapPolicy,
        lockedShare: this.#settings.lockedShare,
        isActive: (path) => this.#stores.get(path)?.isOpen === true,
      }),
    });
    this.recordings = this.#listing;
  }

  get status(): RingStatus {
    return this.#status;
  }

  /** Why it is degraded. */
  get fault(): StoreFault | undefined {
    return this.#fault;
  }

  /** Undefined: never mounted since the start. */
  get ringId(): string | undefined {
    return this.#volume?.parts.ring.ringId;
  }

  /** Chunks by what they hold. */
  get usage():
    | { readonly chunkBytes: number; readonly chunks: number; readonly withFootage: number; readonly locked: number; readonly bad: number }
    | undefined {
    if (this.#volume === undefined) return undefined;
    const { index, parts } = this.#volume;
    const withFootage = index.countOf("closed") + index.countOf("open");
    return { chunkBytes: parts.ring.chunkBytes, chunks: index.chunks, withFootage, locked: index.pinnedCount, bad: index.countOf("bad") };
  }

  wear(): WearReport {
    return this.#meter.report(this.#options.clock.nowUs());
  }

  configure(settings: Partial<RingSettings>): void {
    this.#settings = { ...this.#settings, ...settings };
    this.#pace.basePeriodMs = this.#settings.syncPeriodMs;
    this.#meter.options = this.#settings.wear;
    if (this.#volume !== undefined) this.#watchWear();
  }

  /** Rejects with RingInUse: another process has it. A medium that is out of use is `degraded` and tried again. */
  async start(): Promise<void> {
    await this.#turn(() => this.#mount(false));
  }

  /** The medium that is there now is ours from now on, whatever ring was known. */
  async adopt(): Promise<void> {
    await this.#turn(async () => {
      if (this.#status === "degraded") await this.#mount(true);
    });
  }

  /** A camera's place; the same for the same path. `priority`: higher ones suffer less when the medium is too slow. */
  store(path: string, priority = 0): RecordingStore {
    let store = this.#stores.get(path);
    if (store === undefined) {
      store = new RingStore(this.#writer, {
        path,
        priority,
        queue: this.#options.queue ?? QUEUE_LIMITS,
        chunkBytes: this.#options.chunkBytes ?? DEFAULT_CHUNK_BYTES,
        isProtecting: () => this.#wearLevel === "protect",
        onEvent: (event) => this.#tell(event),
        onChange: (changed) => this.#listing.notify(changed),
        onOpen: (opened) => this.#stores.set(path, opened),
      });
      this.#stores.set(path, store);
    }
    return store;
  }

  /** Writes what was taken, closes all chunks, and lets go of the medium. Idempotent. */
  async close(): Promise<void> {
    await this.#turn(async () => {
      if (this.#status === "closed") return;
      this.#cancelTimers();
      await this.#writer.run((volume) => this.#closeChunks(volume)).catch(() => {});
      await this.#letGo(new StoreFault("gone", "the ring is closed"), true);
      this.#setStatus("closed");
    });
  }

  async #mount(adopt: boolean): Promise<void> {
    if (this.#status !== "closed" && this.#status !== "degraded") return;
    const wasDegraded = this.#status === "degraded";
    this.#cancelTimers();
    try {
      await this.#takeLock();
      const { volume, rebuild, why } = await mountRing(this.#mountOptions(), this.#policy(), adopt, (status) => this.#setStatus(status));
      this.#volume = volume;
      this.#rebuild = rebuild;
      this.#fault = undefined;
      if (why !== undefined) this.#log.warn(`the index is made anew from the chunks: ${why}`);
      if (rebuild === undefined) this.#setStatus("recording");
      else this.#noteRebuilt(rebuild);
      this.#watchWear();
      this.#writer.mount(volume);
      this.#sweepLater();
    } catch (error) {
      const isLater = wasDegraded && error instanceof RingInUse;
      const fault = isLater ? new StoreFault("gone", error.message, { cause: error }) : diskFaultOf(error);
      if (fault === undefined) {
        await this.#letGo(new StoreFault("gone", "the ring could not be started"));
        this.#setStatus("closed");
        throw error;
      }
      await this.#degrade(fault);
    }
  }

  async #degrade(fault: StoreFault): Promise<void> {
    if (this.#status === "closed") return;
    this.#cancelTimers();
    await this.#letGo(fault);
    // It is tried again and again: told of once.
    if (this.#fault?.message !== fault.message) this.#log.error(`nothing is recorded: ${fault.message} (${fault.code})`);
    this.#fault = fault;
    this.#setStatus("degraded", fault);
    this.#cancelRetry = this.#schedule(() => void this.#turn(() => this.#mount(false)), RETRY_MS);
  }

  async #letGo(fault: StoreFault, isWanted = false): Promise<void> {
    await this.#writer.unmount(fault, isWanted);
    this.#volume?.openChunks.clear();
    await this.#volume?.parts.journal.close().catch(() => {});
    await this.#releaseLock?.();
    this.#releaseLock = undefined;
  }

  async #takeLock(): Promise<void> {
    this.#setStatus("locked");
    const { directory } = this.#options;
    const takeLock: TakeLock = this.#options.takeLock ?? takeSocketLock;
    const facts = await this.#fs.facts(directory);
    if (facts === undefined) throw new StoreFault("gone", `${directory} is not there`);
    this.#releaseLock = await takeLock(lockNameOf(facts.device, facts.inode));
    if (this.#releaseLock !== undefined) return;
    const holder = await readLockFile(this.#fs, `${directory}/${RING_FOLDER}/LOCK`);
    throw new RingInUse(`another process records to ${directory} ${holder}`.trimEnd());
  }

  #mountOptions(): MountOptions {
    const { mustBeMount = false, chunkBytes = DEFAULT_CHUNK_BYTES, sizeBytes, identityPath, nowMs = Date.now } = this.#options;
    const { directory, clock } = this.#options;
    return { fs: this.#fs, directory, clock, meter: this.#meter, mustBeMount, chunkBytes, sizeBytes, identityPath, nowMs };
  }

  #policy() {
    return {
      quotaOf: (path: string) => this.#options.quotaOf?.(path),
      isActive: (path: string) => this.#stores.has(path),
      lockedShare: () => this.#settings.lockedShare,
      onEvent: (event: RingEvent) => this.#tell(event),
      onChange: (path: string) => this.#listing.notify(path),
    };
  }

  #nextChore(volume: RingVolume): Chore | undefined {
    const rebuild = this.#rebuild;
    if (rebuild !== undefined) return () => this.#stepRebuild(rebuild);
    if (volume.wantsCheckpoint) return () => volume.checkpoint();
    if (this.#isSweepDue) return () => this.#sweep(volume);
    const isRecording = [...this.#stores.values()].some(({ isOpen }) => isOpen);
    return isRecording && volume.wantsGrowth ? async () => void (await volume.grow()) : undefined;
  }

  async #stepRebuild(rebuild: Rebuild): Promise<void> {
    await rebuild.step();
    this.#noteRebuilt(rebuild);
  }

  #noteRebuilt(rebuild: Rebuild): void {
    if (!rebuild.isDone) return;
    this.#rebuild = undefined;
    this.#setStatus("recording");
    this.#tell({ type: "rebuilt", chunks: rebuild.chunks });
  }

  async #sweep(volume: RingVolume): Promise<void> {
    this.#isSweepDue = false;
    for (const { id, camera } of await expireLocks(volume)) {
      this.#tell({ type: "lock-expired", id, path: camera });
      this.#listing.notify(camera);
    }
    for (const cameraId of volume.index.cameraIds()) {
      const path = volume.parts.names.nameOf(cameraId);
      const quota = path === undefined ? undefined : this.#options.quotaOf?.(path);
      if (path === undefined || quota === undefined) continue;
      const erased = await eraseOld(volume, cameraId, quota, ERASES_PER_SWEEP);
      if (erased > 0) this.#listing.notify(path);
      if (erased === ERASES_PER_SWEEP) this.#isSweepDue = true;
    }
    // Paths may come and go without end.
    for (const [path, store] of this.#stores) if (store.leave()) this.#stores.delete(path);
    this.#watchWear();
  }

  #watchWear(): void {
    const report = this.wear();
    if (report.level === this.#wearLevel) return;
    this.#wearLevel = report.level;
    this.#tell({ type: "wear", report });
  }

  #sweepLater(): void {
    this.#cancelSweep = this.#schedule(() => {
      this.#isSweepDue = true;
      this.#writer.wake();
      this.#sweepLater();
    }, SWEEP_MS);
  }

  async #closeChunks(volume: RingVolume): Promise<void> {
    for (const { lane } of this.#writer.lanes) {
      while (lane.queue.length > 0) await lane.writeNext();
      await lane.finish();
    }
    if (!volume.isRebuilding) await volume.checkpoint();
  }

  #cancelTimers(): void {
    this.#cancelRetry?.();
    this.#cancelSweep?.();
  }

  #turn(run: () => Promise<void>): Promise<void> {
    const turn = this.#turns.then(run);
    this.#turns = turn.catch(() => {});
    return turn;
  }

  #setStatus(status: RingStatus, fault?: StoreFault): void {
    this.#status = status;
    this.#tell({ type: "status", status, code: fault?.code, text: fault?.message ?? "" });
  }

  #tell(event: RingEvent): void {
    this.#options.onEvent?.(event);
  }
}
