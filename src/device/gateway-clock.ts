// The clock of a gateway: stamps by CLOCK_MONOTONIC, and their UTC by all that this and earlier boots learned of it.
import { join } from "node:path";
import { type BootClock, isAtLeast, monotonicUs, type Stamp, type StampRange, type TimeQuality, type UtcTime } from "#base/clock.ts";
import { ANCHOR_FLAGS, type ClockAnchor, hasFlag } from "#base/clock-anchor.ts";
import type { Log } from "#base/log.ts";
import { UtcModel } from "#base/utc-model.ts";
import { AnchorLog } from "./anchor-log.ts";
import { BOOT_ID_FILE, type BootIdentity, claimBoot, readBootId } from "./boot-identity.ts";
import { type ClockEvent, type ClockState, ClockWatch, type WallAndMonotonic } from "./clock-watch.ts";
import { clockCameFromHardware, type ReadSync, type SyncSource, syncReader, systemSyncPort } from "./time-sync.ts";

/** A wall clock before this was never set. */
const EARLIEST_UTC_US = Date.UTC(2026, 0, 1) * 1000;
const TICK_MS = 1000;
/** A message that is on its way for longer is taken for one of that time. */
const HINT_ERROR_US = 5_000_000;
const HINT_BACK_US = 60_000_000;
/** Nobody keeps a gateway on a shelf for longer; whoever says so counts in another unit, or has a wrong clock. */
const HINT_AHEAD_US = 10 * 366 * 86_400e6;

/** Names in the data directory. */
const ANCHOR_LOG = "clk.log";
const BOOT_COUNTER = "boot-counter";

export interface GatewayClockOptions {
  readonly dataDirectory: string;
  readonly log: Log;
  /** Other copies of the anchor log, to learn from: read, never written. See `addCopy`. */
  readonly alsoRead?: readonly string[];
  /** Of this machine where nothing is said. */
  readonly machine?: Partial<ClockMachine>;
}

/** What the clock is made of. */
export interface ClockMachine {
  readonly clocks: WallAndMonotonic;
  readonly readSync: ReadSync;
  readonly bootIdFile: string;
  readonly earliestUtcUs: number;
  cameFromHardware(): Promise<boolean>;
  /** Calls `tick` every second until what it returns is called. */
  everySecond(tick: () => void): () => void;
}

/** How the clock is, for reports. */
export interface ClockStatus {
  readonly state: ClockState;
  readonly quality: TimeQuality;
  readonly source: SyncSource | undefined;
  readonly errorMs: number | undefined;
  /** UTC − wall clock: what the time keeper has yet to work off. */
  readonly correctionMs: number | undefined;
  /** Undefined: never in this boot. */
  readonly secondsSinceSync: number | undefined;
  /** How often the wall clock was set while this process ran. */
  readonly steps: number;
  readonly isFromHardware: boolean;
}

/** Opens the clock of this machine: its boot has a number, kept on the medium, when it resolves. Never rejects: what cannot be kept is a warning. */
export async function openGatewayClock(options: GatewayClockOptions): Promise<GatewayClock> {
  const { dataDirectory, log, alsoRead = [] } = options;
  const machine: ClockMachine = { ...thisMachine, ...options.machine };
  const anchors = await AnchorLog.open({ path: join(dataDirectory, ANCHOR_LOG), log, alsoRead });
  const boot = await claimBoot({
    path: join(dataDirectory, BOOT_COUNTER),
    bootId: await readBootId(machine.bootIdFile),
    nowUs: machine.clocks.monotonicUs(),
    anchors: anchors.anchors,
    log,
  });
  const clock = new GatewayClock({ machine, anchors, boot, log, cameFromHardware: await machine.cameFromHardware() });
  await clock.start();
  return clock;
}

const thisMachine: ClockMachine = {
  clocks: { monotonicUs, wallUs: () => Date.now() * 1000 },
  readSync: syncReader(systemSyncPort),
  bootIdFile: BOOT_ID_FILE,
  earliestUtcUs: EARLIEST_UTC_US,
  cameFromHardware: clockCameFromHardware,
  everySecond(tick) {
    const timer = setInterval(tick, TICK_MS).unref();
    return () => clearInterval(timer);
  },
};

interface GatewayClockParts {
  readonly machine: ClockMachine;
  readonly anchors: AnchorLog;
  readonly boot: BootIdentity;
  readonly log: Log;
  readonly cameFromHardware: boolean;
}

export class GatewayClock implements BootClock {
  readonly bootCounter: number;
  readonly bootId: string;
  readonly #machine: ClockMachine;
  readonly #anchors: AnchorLog;
  readonly #model: UtcModel;
  readonly #watch: ClockWatch;
  readonly #log: Log;
  readonly #leastUtcUs: number;
  readonly #lastStop: Stamp | undefined;
  readonly #listeners = new Set<(event: ClockEvent) => void>();
  #stopTicking: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  /** Use `openGatewayClock`. */
  constructor({ machine, anchors, boot, log, cameFromHardware }: GatewayClockParts) {
    this.bootCounter = boot.bootCounter;
    this.bootId = boot.bootId;
    this.#machine = machine;
    this.#anchors = anchors;
    this.#log = log;
    this.#model = new UtcModel(anchors.anchors);
    anchors.onReplaced = () => this.#model.replace(anchors.anchors);
    this.#leastUtcUs = anchors.anchors
      // A wrong hint is over with its boot: as a bound it would keep right ones, and valid certificates, out for ever.
      .filter((anchor) => anchor.bootCounter < boot.bootCounter && isAtLeast(anchor.quality, "rtc"))
      .reduce((latest, { utcUs }) => Math.max(latest, utcUs), machine.earliestUtcUs);
    const earlier = anchors.anchors
      .filter(({ bootCounter }) => bootCounter === boot.bootCounter)
      .sort((one, other) => one.monoUs - other.monoUs);
    const last = anchors.anchors.reduce<ClockAnchor | undefined>((latest, one) => (isLater(one, latest) ? one : latest), undefined);
    this.#lastStop = last !== undefined && hasFlag(last.flags, ANCHOR_FLAGS.stop) ? last : undefined;
    this.#watch = new ClockWatch({
      boot,
      clocks: machine.clocks,
      readSync: machine.readSync,
      cameFromHardware,
      earliestUtcUs: machine.earliestUtcUs,
      earlier,
      onAnchor: (anchor) => {
        this.#model.add(anchor);
        anchors.append(anchor);
      },
      onConfirmed: (anchor) => this.#model.confirm(anchor),
      onEvent: (event) => this.#tell(event),
    });
  }

  /** Asks once who keeps the wall clock, then watches it every second. */
  async start(): Promise<void> {
    await this.#watch.start();
    await this.#anchors.saved();
    this.#stopTicking = this.#machine.everySecond(() => void this.#watch.tick());
  }

  get state(): ClockState {
    return this.#watch.state;
  }

  /** Whether the time of now can be acted upon. */
  get isTrusted(): boolean {
    return this.#watch.isTrusted || this.utcOf(this.nowUs()).quality === "hint";
  }

  get version(): number {
    return this.#model.version;
  }

  nowUs(): number {
    return this.#machine.clocks.monotonicUs();
  }

  utcOf(monoUs: number): UtcTime {
    return this.#model.utcOf({ bootCounter: this.bootCounter, monoUs });
  }

  utcOfStamp(stamp: Stamp): UtcTime {
    return this.#model.utcOf(stamp);
  }

  bootOf(bootId: string): number | undefined {
    return bootId === this.bootId ? this.bootCounter : this.#model.bootOf(bootId);
  }

  monoOf(utcUs: number): Stamp[] {
    return this.#model.monoOf(utcUs);
  }

  rangesOf(fromUtcUs: number, toUtcUs: number): StampRange[] {
    return this.#model.rangesOf(fromUtcUs, toUtcUs);
  }

  noteFootage(stamp: Stamp): void {
    this.#model.noteFootage(stamp);
  }

  status(): ClockStatus {
    const nowUs = this.nowUs();
    const { quality, errorMs } = this.utcOf(nowUs);
    const { state, synchronised, lastSyncMonoUs, steps, isFromHardware } = this.#watch;
    return {
      state,
      quality,
      source: synchronised?.source,
      errorMs,
      correctionMs: synchronised === undefined ? undefined : synchronised.correctionUs / 1000,
      secondsSinceSync: lastSyncMonoUs === undefined ? undefined : Math.round((nowUs - lastSyncMonoUs) / 1e6),
      steps,
      isFromHardware,
    };
  }

  /** When the process before this one stopped in order; undefined: there was none, or it was cut off. */
  get lastStop(): Stamp | undefined {
    return this.#lastStop;
  }

  /** UTC is not before that, µs: when this program was made, or what an earlier boot knew from better than a hint. */
  get leastUtcUs(): number {
    return this.#leastUtcUs;
  }

  /**
   * Takes what somebody to be believed says of the time, where nothing better is known; the machine's clock is not set. The first of a boot may lie anywhere after
   * `leastUtcUs`, others correct it: forward, or back by a minute at most.
   */
  takeHint(utcUs: number): "taken" | "needless" | { readonly fault: string } {
    const now = this.utcOf(this.nowUs());
    if (isAtLeast(now.quality, "rtc")) return "needless";
    if (utcUs < this.#leastUtcUs) return { fault: `it is later than ${new Date(this.#leastUtcUs / 1000).toISOString()}` };
    if (utcUs > this.#leastUtcUs + HINT_AHEAD_US) return { fault: "it is not that late: more than ten years after all that is known" };
    if (now.quality === "hint" && utcUs < now.utcUs - HINT_BACK_US) return { fault: "it would set the time back by more than a minute" };
    if (now.quality === "hint" && Math.abs(utcUs - now.utcUs) < HINT_ERROR_US) return "needless";
    this.#watch.hint(utcUs, HINT_ERROR_US);
    this.#log.info(`it is ${new Date(utcUs / 1000).toISOString()}, says the NOC`);
    return "taken";
  }

  /** Synchronisation gained and lost, and steps of the wall clock. */
  onEvent(listener: (event: ClockEvent) => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  /** Keeps a copy of the anchor log there too, from here on: `<ring>/clk.log`. Its folder has to be there. Never rejects. */
  addCopy(path: string): Promise<void> {
    return this.#anchors.addCopy(path);
  }

  /** Writes the last anchor. Never rejects. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#stopTicking?.();
    await this.#watch.stop();
    await this.#anchors.close();
  }

  #tell(event: ClockEvent): void {
    switch (event.kind) {
      case "synced":
        this.#log.info(`synchronised, says ${event.source}`);
        break;
      case "lost":
        this.#log.warn(`no longer synchronised, says ${event.source}: times are counted on from here`);
        break;
      case "step":
        this.#log.warn(`the wall clock was set by ${(event.stepUs / 1e6).toFixed(3)} s`);
        break;
    }
    for (const listener of this.#listeners) listener(event);
  }
}

/** By boot, then by its monotonic clock. */
function isLater(one: ClockAnchor, other: ClockAnchor | undefined): boolean {
  if (other === undefined || one.bootCounter !== other.bootCounter) return other === undefined || one.bootCounter > other.bootCounter;
  return one.monoUs >= other.monoUs;
}
