// A ring on a file system of the test's making, with a clock that stands still, timers in the test's hand, and cameras that record numbered frames.
import type { BootClock, Stamp, StampRange, UtcTime } from "#base/clock.ts";
import { Ring, type RingOptions } from "#record/ring/ring.ts";
import type { RingEvent } from "#record/ring/ring-event.ts";
import type { Fragment, GapCause, RecordingStore } from "#record/store.ts";
import type { Track } from "#relay/track.ts";
import { FaultFs } from "./fault-fs.ts";
import { SYNTHETIC_CLOCK_HZ, syntheticTrack } from "./synthetic-track.ts";

export const RIG_CHUNK_BYTES = 256 * 1024;
/** UTC of monotonic 0 of boot 1. */
export const RIG_EPOCH_UTC_US = 1_700_000_000_000_000;
const BOOT_GAP_US = 3_600_000_000;

/** Boots an hour apart, unless a test says otherwise. */
export class RigClock implements BootClock {
  us = 1_000_000;
  version = 1;
  readonly bootCounter: number;
  readonly bootId: string;
  /** UTC of monotonic 0 by boot. */
  readonly offsetsUs: Map<number, number>;

  constructor(bootCounter = 1, offsetsUs = new Map<number, number>()) {
    this.bootCounter = bootCounter;
    this.bootId = `00000000-0000-4000-8000-${String(bootCounter).padStart(12, "0")}`;
    this.offsetsUs = offsetsUs;
    if (!offsetsUs.has(bootCounter)) offsetsUs.set(bootCounter, RIG_EPOCH_UTC_US + (bootCounter - 1) * BOOT_GAP_US);
  }

  nowUs(): number {
    return this.us;
  }

  utcOf(monoUs: number): UtcTime {
    return this.utcOfStamp({ bootCounter: this.bootCounter, monoUs });
  }

  utcOfStamp({ bootCounter, monoUs }: Stamp): UtcTime {
    return { utcUs: (this.offsetsUs.get(bootCounter) ?? 0) + monoUs, quality: "ntp", errorMs: 1 };
  }

  bootOf(bootId: string): number | undefined {
    const counter = Number(bootId.slice(-12));
    return this.offsetsUs.has(counter) ? counter : undefined;
  }

  monoOf(utcUs: number): Stamp[] {
    return [...this.offsetsUs].map(([bootCounter, offsetUs]) => ({ bootCounter, monoUs: utcUs - offsetUs }));
  }

  rangesOf(fromUtcUs: number, toUtcUs: number): StampRange[] {
    return [...this.offsetsUs].map(([bootCounter, offsetUs]) => ({
      bootCounter,
      fromMonoUs: fromUtcUs - offsetUs,
      toMonoUs: toUtcUs - offsetUs,
    }));
  }

  noteFootage(): void {}
}

interface Timer {
  readonly dueUs: number;
  readonly run: () => void;
}

export class RingRig {
  readonly fs: FaultFs;
  readonly clock: RigClock;
  readonly events: RingEvent[] = [];
  readonly ring: Ring;
  readonly #timers = new Set<Timer>();

  constructor(options: Partial<RingOptions> & { readonly fs?: FaultFs; readonly clock?: RigClock } = {}) {
    this.fs = options.fs ?? new FaultFs();
    this.clock = options.clock ?? new RigClock();
    this.ring = new Ring({
      directory: "/rec",
      chunkBytes: RIG_CHUNK_BYTES,
      sizeBytes: 8 * RIG_CHUNK_BYTES,
      takeLock: async () => async () => {},
      schedule: (run, delayMs) => {
        const timer = { dueUs: this.clock.us + delayMs * 1000, run };
        this.#timers.add(timer);
        return () => this.#timers.delete(timer);
      },
      onEvent: (event) => this.events.push(event),
      ...options,
      fs: this.fs,
      clock: this.clock,
    });
  }

  /** Makes the folder the ring lies in, and starts it. */
  async start(): Promise<this> {
    await this.fs.makeFolder("/rec").catch(() => {});
    await this.fs.syncFolder("/").catch(() => {});
    await this.ring.start();
    return this;
  }

  /** Waits until nothing moves any more. */
  async settle(): Promise<void> {
    for (let quiet = 0, seen = -1; quiet < 3; ) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      quiet = this.fs.history.length === seen ? quiet + 1 : 0;
      seen = this.fs.history.length;
    }
  }

  /** Time passes; timers run when they are due, and what they start is waited for. */
  async passMs(ms: number): Promise<void> {
    await this.settle();
    const endUs = this.clock.us + ms * 1000;
    for (let next = this.#nextTimer(endUs); next !== undefined; next = this.#nextTimer(endUs)) {
      this.#timers.delete(next);
      this.clock.us = Math.max(this.clock.us, next.dueUs);
      next.run();
      await this.settle();
    }
    this.clock.us = endUs;
    await this.settle();
  }

  /** Power goes now and comes back: the ring as the next boot finds it, not started. */
  reboot(seed: number, options: Partial<RingOptions> = {}): RingRig {
    const clock = new RigClock(this.clock.bootCounter + 1, this.clock.offsetsUs);
    return new RingRig({ ...options, fs: this.fs.crash(seed), clock });
  }

  camera(path: string, options: RigCameraOptions = {}): RigCamera {
    return new RigCamera(this, path, options);
  }

  /** Numbers of all frames of a path that can be read, by footage. */
  async framesOf(path: string, fromUtcUs = 0, toUtcUs = Number.MAX_SAFE_INTEGER): Promise<number[]> {
    const frames: number[] = [];
    const signal = new AbortController().signal;
    for await (const footage of this.ring.recordings.read(path, fromUtcUs, toUtcUs, signal)) {
      for await (const { samples } of footage.fragments(signal)) {
        for (const sample of samples.flatMap((track) => track.samples)) frames.push(frameNumberOf(sample.frame.at(-1)!));
      }
    }
    return frames;
  }

  #nextTimer(untilUs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (timer.dueUs <= untilUs && (next === undefined || timer.dueUs < next.dueUs)) next = timer;
    return next;
  }
}

export interface RigCameraOptions {
  readonly firstFrame?: number;
  readonly fragmentBytes?: number;
  /** Fragments from keyframe to keyframe. */
  readonly gop?: number;
  readonly priority?: number;
}

/** One fragment a second with one frame in it, whose slice carries its number. */
export class RigCamera {
  readonly store: RecordingStore;
  /** Numbers of fragments that were said to be safe. */
  readonly stored: number[] = [];
  readonly faults: string[] = [];
  frame: number;
  readonly #rig: RingRig;
  readonly #options: RigCameraOptions;
  #epochUs = 0;
  #openedAt = 0;

  constructor(rig: RingRig, path: string, options: RigCameraOptions) {
    this.#rig = rig;
    this.#options = options;
    this.frame = options.firstFrame ?? 0;
    this.#openedAt = this.frame;
    this.store = rig.ring.store(path, options.priority);
    this.store.onStored = (fragment) => this.stored.push(frameNumberOf(fragment.samples[0]!.samples[0]!.frame.at(-1)!));
    this.store.onFault = ({ code }) => this.faults.push(code);
  }

  async open(tracks: readonly Track[] = [syntheticTrack()], gapBefore?: GapCause): Promise<this> {
    this.#epochUs = this.#rig.clock.us;
    this.#openedAt = this.frame;
    await this.store.open({ tracks, captureUs: this.#epochUs, gapBefore });
    return this;
  }

  /** What comes next, a second long, as of now. */
  next(gapBefore?: GapCause): Fragment {
    const number = this.frame++;
    const { gop = 1, fragmentBytes = 12_000 } = this.#options;
    const keyframe = (number - this.#openedAt) % gop === 0;
    const captureUs = this.#rig.clock.us;
    const dtsTicks = Math.round(((captureUs - this.#epochUs) * SYNTHETIC_CLOCK_HZ) / 1e6);
    const frame = [numberedSlice(number, fragmentBytes, keyframe)];
    const samples = [{ trackIndex: 0, samples: [{ dtsTicks, ptsOffsetTicks: 0, durationTicks: SYNTHETIC_CLOCK_HZ, keyframe, frame }] }];
    return { samples, captureUs, durationUs: 1e6, keyframe, gapBefore, senderUtcUs: undefined, sizeBytes: fragmentBytes };
  }

  /** So many seconds of footage. */
  async record(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      this.store.append(this.next());
      await this.#rig.passMs(1000);
    }
  }
}

/** A NAL unit whose bytes follow from its number. */
export function numberedSlice(number: number, sizeBytes: number, keyframe = true): Buffer {
  const slice = Buffer.alloc(sizeBytes);
  for (let i = 5; i < sizeBytes; i++) slice[i] = ((number * 31 + i * 7) & 0x7f) | 0x80;
  slice[0] = keyframe ? 0x65 : 0x41;
  slice.writeUInt32BE(number, 1);
  return slice;
}

/** Throws when a byte of the slice is not as it was made. */
export function frameNumberOf(slice: Buffer): number {
  const number = slice.readUInt32BE(1);
  if (!slice.equals(numberedSlice(number, slice.length, slice[0] === 0x65))) throw new Error(`frame ${number} is damaged`);
  return number;
}
