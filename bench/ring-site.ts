// A ring with cameras on simulated time: it writes and syncs as it would at the cameras' own pace, as fast as the disk lets it.
import { randomBytes } from "node:crypto";
import { DiskQueue } from "#base/disk-queue.ts";
import type { FsFile, FsPort } from "#base/fs-port.ts";
import { NodeFs } from "#base/node-fs.ts";
import { Ring } from "#record/ring/ring.ts";
import type { Fragment, RecordingStore } from "#record/store.ts";
import { RigClock } from "#testing/ring-rig.ts";
import { SYNTHETIC_CLOCK_HZ, syntheticTrack } from "#testing/synthetic-track.ts";

const FRAMES_PER_SECOND = 30;
const GOP_SECONDS = 2;
const KEYFRAME_BYTES = 120_000;

export interface RingSiteOptions {
  readonly directory: string;
  readonly cameras: number;
  readonly mbit: number;
  readonly sizeBytes: number;
  /** Boots count up. */
  readonly boot: number;
}

interface Timer {
  readonly dueUs: number;
  readonly run: () => void;
}

/** One second of a camera: a keyframe every two seconds, and the rest in equal frames. */
export class CameraFootage {
  readonly #noise: Buffer;
  readonly #bytes: number;
  #second = 0;

  constructor(mbit: number) {
    this.#bytes = (mbit * 1e6) / 8;
    this.#noise = randomBytes(2 * this.#bytes);
  }

  next(captureUs: number): Fragment {
    const second = this.#second++;
    const keyframe = second % GOP_SECONDS === 0;
    const durationTicks = SYNTHETIC_CLOCK_HZ / FRAMES_PER_SECOND;
    const otherBytes = Math.floor((this.#bytes * GOP_SECONDS - KEYFRAME_BYTES) / (GOP_SECONDS * FRAMES_PER_SECOND - 1));
    let at = 0;
    const samples = Array.from({ length: FRAMES_PER_SECOND }, (_, i) => {
      const isKeyframe = keyframe && i === 0;
      const sizeBytes = isKeyframe ? KEYFRAME_BYTES : otherBytes;
      const frame = this.#noise.subarray(at, at + sizeBytes);
      frame[0] = isKeyframe ? 0x65 : 0x41; // Rec. ITU-T H.264 §7.4.1: a slice. What is none may be left out of a sample.
      at += sizeBytes;
      const dtsTicks = (second * FRAMES_PER_SECOND + i) * durationTicks;
      return { dtsTicks, ptsOffsetTicks: 0, durationTicks, keyframe: isKeyframe, frame: [frame] };
    });
    return {
      samples: [{ trackIndex: 0, samples }],
      captureUs,
      durationUs: 1e6,
      keyframe,
      gapBefore: undefined,
      senderUtcUs: undefined,
      sizeBytes: at,
    };
  }
}

export class RingSite {
  readonly ring: Ring;
  readonly clock: RigClock;
  /** Of fragments that were said to be safe. */
  fragments = 0;
  mediaBytes = 0;
  #isDead = false;
  readonly #timers = new Set<Timer>();
  readonly #cameras: { readonly store: RecordingStore; readonly footage: CameraFootage }[] = [];
  readonly #options: RingSiteOptions;

  constructor(options: RingSiteOptions) {
    this.#options = options;
    this.clock = new RigClock(options.boot);
    const { directory, sizeBytes } = options;
    this.ring = new Ring({
      fs: mortal(new DiskQueue(new NodeFs()), () => this.#isDead),
      directory,
      sizeBytes,
      clock: this.clock,
      takeLock: async () => async () => {}, // of a ring that was let go of without a word
      schedule: (run, delayMs) => {
        const timer = { dueUs: this.clock.us + delayMs * 1000, run };
        this.#timers.add(timer);
        return () => this.#timers.delete(timer);
      },
    });
  }

  async start(): Promise<void> {
    await this.ring.start();
    if (this.ring.status !== "recording") throw this.ring.fault ?? new Error(`the ring is ${this.ring.status}`);
  }

  async record(seconds: number): Promise<void> {
    while (this.#cameras.length < this.#options.cameras) await this.#addCamera();
    for (let second = 0; second < seconds; second++) {
      for (const { store, footage } of this.#cameras)
        if (!store.append(footage.next(this.clock.us))) throw new Error("a fragment was refused");
      await this.#idle();
      await this.#pass(1e6);
    }
  }

  /** It is gone as if it had been killed: what was written is there, and nothing more comes. */
  async die(): Promise<void> {
    this.#isDead = true;
    await this.ring.close();
  }

  async #addCamera(): Promise<void> {
    const store = this.ring.store(`camera${this.#cameras.length + 1}`);
    store.onStored = ({ sizeBytes }) => {
      this.fragments++;
      this.mediaBytes += sizeBytes;
    };
    await store.open({ tracks: [syntheticTrack()], captureUs: this.clock.us, gapBefore: undefined });
    this.#cameras.push({ store, footage: new CameraFootage(this.#options.mbit) });
  }

  async #pass(us: number): Promise<void> {
    const endUs = this.clock.us + us;
    for (;;) {
      const due = [...this.#timers].filter(({ dueUs }) => dueUs <= endUs).sort((a, b) => a.dueUs - b.dueUs)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.clock.us = Math.max(this.clock.us, due.dueUs);
      due.run();
      await this.#idle();
    }
    this.clock.us = endUs;
  }

  /** Resolves when all that was appended is written, and what was due is done. */
  async #idle(): Promise<void> {
    while (this.#cameras.some(({ store }) => store.queuedBytes > 0)) await new Promise<void>((resolve) => setImmediate(resolve));
    await this.ring.recordings.unlock("no such lock"); // waits for its turn
  }
}

/** The same port; once it is dead it takes no writes. */
function mortal(fs: FsPort, isDead: () => boolean): FsPort {
  const living = (): void => {
    if (isDead()) throw Object.assign(new Error("EROFS: dead"), { code: "EROFS" });
  };
  const mortalFile = (file: FsFile): FsFile => ({
    read: (buffer, position) => file.read(buffer, position),
    write: async (buffers, position) => {
      living();
      await file.write(buffers, position);
    },
    sync: () => file.sync(),
    truncate: (sizeBytes) => file.truncate(sizeBytes),
    size: () => file.size(),
    close: () => file.close(),
  });
  return {
    open: async (path, mode) => mortalFile(await fs.open(path, mode)),
    makeFolder: (path) => fs.makeFolder(path),
    syncFolder: (path) => fs.syncFolder(path),
    list: (path) => fs.list(path),
    facts: (path) => fs.facts(path),
    rename: (from, to) => fs.rename(from, to),
    remove: (path) => fs.remove(path),
    removeFolder: (path) => fs.removeFolder(path),
    space: (path) => fs.space(path),
    allocate: (path, sizeBytes) => fs.allocate(path, sizeBytes),
  };
}
