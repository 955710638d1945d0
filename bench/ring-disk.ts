// A disk for a benchmark, as a card is made for a ring: what is written to it is counted by the kernel.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { LoopDisk, loopDiskMissing } from "#testing/ring-proof/loop-disk.ts";

const SECTOR_BYTES = 512;

export interface DeviceWrites {
  readonly writes: number;
  readonly bytes: number;
}

/** Hands a disk to `use` and takes it away afterwards. Rejects where there can be none. */
export async function withDisk<T>(sizeBytes: number, use: (disk: LoopDisk) => Promise<T>): Promise<T> {
  if (loopDiskMissing !== false) throw new Error(`a ring is measured on a loop device: ${loopDiskMissing}`);
  const cleanups: (() => Promise<void>)[] = [];
  try {
    return await use(await LoopDisk.make({ after: (cleanup) => void cleanups.push(cleanup) }, sizeBytes));
  } finally {
    for (const cleanup of cleanups) await cleanup();
  }
}

/** Since the device was attached, with all that the file system had not written yet. */
export function deviceWrites({ device }: LoopDisk): DeviceWrites {
  execFileSync("sync");
  // Documentation/block/stat.rst: the fifth field is write I/Os, the seventh sectors written.
  const fields = readFileSync(`/sys/block/${basename(device)}/stat`, "utf8")
    .trim()
    .split(/\s+/)
    .map(Number);
  return { writes: fields[4]!, bytes: fields[6]! * SECTOR_BYTES };
}

/** What is read next comes from the device. */
export function forgetPages(): void {
  execFileSync("sync");
  writeFileSync("/proc/sys/vm/drop_caches", "3");
}
