// Load process: cameras that record into a ring at their own pace, and nothing else.
import { monotonicUs } from "#base/clock.ts";
import { DiskQueue } from "#base/disk-queue.ts";
import { NodeFs } from "#base/node-fs.ts";
import { Ring } from "#record/ring/ring.ts";
import { ProcessClock } from "#testing/ring-proof/process-clock.ts";
import { syntheticTrack } from "#testing/synthetic-track.ts";
import { serveLoad } from "./load-messages.ts";
import { CameraFootage } from "./ring-site.ts";

export interface RingLoadOptions {
  readonly directory: string;
  readonly cameras: number;
  readonly mbit: number;
  readonly sizeBytes: number;
}

await serveLoad(async ({ directory, cameras, mbit, sizeBytes }: RingLoadOptions) => {
  const ring = new Ring({ fs: new DiskQueue(new NodeFs()), directory, sizeBytes, clock: new ProcessClock(1) });
  await ring.start();
  let storedBytes = 0;
  let refused = 0;
  for (let camera = 1; camera <= cameras; camera++) {
    const store = ring.store(`camera${camera}`);
    const footage = new CameraFootage(mbit);
    store.onStored = ({ sizeBytes: bytes }) => {
      storedBytes += bytes;
    };
    // Keyframes of different cameras come at different times.
    setTimeout(
      async () => {
        await store.open({ tracks: [syntheticTrack()], captureUs: monotonicUs(), gapBefore: undefined });
        setInterval(() => {
          if (!store.append(footage.next(monotonicUs()))) refused++;
        }, 1000);
      },
      (1000 * camera) / cameras,
    );
  }
  return { counters: () => ({ storedBytes, refused }) };
});
