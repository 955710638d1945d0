// Footage that is older than it may be is deleted, chunk by chunk.

import { diskFaultOf, isOfMedium } from "../disk-fault.ts";
import type { CameraQuota } from "./allocator.ts";
import { type ChunkFacts, dropRecord } from "./ring-index.ts";
import type { RingVolume } from "./volume.ts";

/** Deletes up to `max` chunks of a camera; returns how many. A chunk goes when its first frame is too old: a limit is a limit. */
export async function eraseOld(volume: RingVolume, cameraId: number, quota: CameraQuota, max: number): Promise<number> {
  const { maxMs } = quota;
  if (maxMs === undefined) return 0;
  let erased = 0;
  for (const chunk of [...volume.recyclable(cameraId)].slice(0, max)) {
    const ageMs = ageMsOf(volume, volume.index.facts(chunk)!);
    if (ageMs === undefined || ageMs <= maxMs) break;
    await eraseChunk(volume, chunk);
    erased++;
  }
  return erased;
}

/** By the monotonic clock within a boot, else by UTC; undefined: not known. */
function ageMsOf({ parts }: RingVolume, { bootCounter, monoUs }: ChunkFacts): number | undefined {
  const { clock } = parts;
  const nowUs = clock.nowUs();
  if (bootCounter === clock.bootCounter) return (nowUs - monoUs) / 1000;
  const now = clock.utcOf(nowUs);
  const then = clock.utcOfStamp({ bootCounter, monoUs });
  return now.quality === "none" || then.quality === "none" ? undefined : (now.utcUs - then.utcUs) / 1000;
}

async function eraseChunk(volume: RingVolume, chunk: number): Promise<void> {
  try {
    await volume.erase(chunk);
  } catch (error) {
    const fault = diskFaultOf(error);
    if (fault === undefined || isOfMedium(fault)) throw error;
    await volume.append([dropRecord(chunk, volume.index.genOf(chunk), true)]);
    volume.countBad(chunk, fault.message);
  }
}
