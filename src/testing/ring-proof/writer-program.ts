// A program that records numbered footage of several cameras into a ring, and says on its standard output what was taken and what is safe. Whoever
// reads that knows what must be there after the program or its medium is gone.
import { DiskQueue } from "#base/disk-queue.ts";
import { NodeFs } from "#base/node-fs.ts";
import { Ring } from "#record/ring/ring.ts";
import type { RingEvent } from "#record/ring/ring-event.ts";
import { afterDelay } from "#record/ring/schedule.ts";
import type { GapCause, RecordingStore, StoreFaultCode } from "#record/store.ts";
import { syntheticTrack } from "../synthetic-track.ts";
import { numberedFragment, numberOfFrame } from "./numbered-footage.ts";
import { ProcessClock } from "./process-clock.ts";

export interface WriterOptions {
  readonly directory: string;
  readonly mustBeMount: boolean;
  readonly bootCounter: number;
  readonly chunkBytes: number;
  readonly sizeBytes: number;
  readonly syncPeriodMs: number;
  /** What waits for the medium, per camera. */
  readonly queueMs: number;
  /** Timers of the ring run this many times faster. */
  readonly timerSpeed: number;
  readonly fragmentMs: number;
  readonly cameras: readonly WriterCamera[];
}

export interface WriterCamera {
  readonly path: string;
  readonly firstNumber: number;
  /** Of one fragment; they differ by up to a half. */
  readonly fragmentBytes: number;
}

/** A line of the output. */
export type WriterLine =
  | { readonly kind: "ready"; readonly pid: number }
  /** Tick 0 of a camera's recording: number `number` was captured at `captureUs`, the others before and after it at the fragments' distance. */
  | { readonly kind: "open"; readonly path: string; readonly number: number; readonly captureUs: number }
  | { readonly kind: "append"; readonly path: string; readonly number: number; readonly taken: boolean; readonly atUs: number }
  | { readonly kind: "stored"; readonly path: string; readonly number: number; readonly atUs: number }
  | { readonly kind: "fault"; readonly path: string; readonly code: StoreFaultCode }
  | { readonly kind: "event"; readonly event: RingEvent; readonly atUs: number };

const REOPEN_MS = 50;
const QUEUE_BYTES = 8 * 2 ** 20;
/** Coprime with what fragments measure. */
const SIZE_STEP = 7919;

const options = JSON.parse(process.argv[2]!) as WriterOptions;
const clock = new ProcessClock(options.bootCounter);

/** To a pipe, and therefore at once. */
function say(line: WriterLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

class Camera {
  readonly #camera: WriterCamera;
  readonly #store: RecordingStore;
  readonly #startUs = clock.nowUs();
  #number: number;
  #epochUs: number | undefined;
  #gap: GapCause | undefined;
  #reopenAtUs = 0;

  constructor(ring: Ring, camera: WriterCamera) {
    this.#camera = camera;
    this.#number = camera.firstNumber;
    this.#store = ring.store(camera.path);
    const { path } = camera;
    this.#store.onStored = ({ samples }) =>
      say({ kind: "stored", path, number: numberOfFrame(path, samples[0]!.samples[0]!.frame[0]!), atUs: clock.nowUs() });
    this.#store.onFault = ({ code }) => {
      this.#epochUs = undefined;
      this.#gap = "disk";
      say({ kind: "fault", path, code });
    };
  }

  /** Everything that is due by now. */
  async record(): Promise<void> {
    for (; this.#captureUs <= clock.nowUs(); this.#number++) {
      if (this.#epochUs === undefined) await this.#open();
      this.#append();
    }
  }

  get #captureUs(): number {
    return this.#startUs + (this.#number - this.#camera.firstNumber) * options.fragmentMs * 1000;
  }

  async #open(): Promise<void> {
    if (clock.nowUs() < this.#reopenAtUs) return;
    this.#reopenAtUs = clock.nowUs() + REOPEN_MS * 1000;
    const captureUs = this.#captureUs;
    try {
      await this.#store.open({ tracks: [syntheticTrack()], captureUs, gapBefore: this.#gap });
    } catch {
      return;
    }
    this.#epochUs = captureUs;
    say({ kind: "open", path: this.#camera.path, number: this.#number, captureUs });
  }

  #append(): void {
    const { path, fragmentBytes } = this.#camera;
    const number = this.#number;
    let taken = false;
    if (this.#epochUs !== undefined) {
      const sizeBytes = fragmentBytes + ((number * SIZE_STEP) % Math.ceil(fragmentBytes / 2));
      const [captureUs, durationUs, epochUs] = [this.#captureUs, options.fragmentMs * 1000, this.#epochUs];
      const wanted = { camera: path, number, sizeBytes, keyframe: true, captureUs, durationUs, epochUs, gapBefore: this.#gap };
      taken = this.#store.append(numberedFragment(wanted));
      this.#gap = taken ? undefined : (this.#gap ?? "backpressure");
    }
    say({ kind: "append", path, number, taken, atUs: clock.nowUs() });
  }
}

const ring = new Ring({
  fs: new DiskQueue(new NodeFs()),
  directory: options.directory,
  mustBeMount: options.mustBeMount,
  clock,
  chunkBytes: options.chunkBytes,
  sizeBytes: options.sizeBytes,
  queue: { maxBytes: QUEUE_BYTES, maxMs: options.queueMs },
  settings: { syncPeriodMs: options.syncPeriodMs },
  schedule: (run, delayMs) => afterDelay(run, delayMs / options.timerSpeed),
  onEvent: (event) => say({ kind: "event", event, atUs: clock.nowUs() }),
});
await ring.start();
const cameras = options.cameras.map((camera) => new Camera(ring, camera));
let isEnding = false;
process.once("SIGINT", () => {
  isEnding = true;
});
say({ kind: "ready", pid: process.pid });
while (!isEnding) {
  for (const camera of cameras) await camera.record();
  await new Promise<void>((resolve) => setTimeout(resolve, options.fragmentMs / 2));
}
await ring.close();
