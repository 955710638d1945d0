// Mends a segment that power, or whoever killed its writer, cut off: what is whole stays, and the head learns how long it is.

import type { FsPort } from "#base/fs-port.ts";
import { BoxWriter } from "#containers/fmp4/box-writer.ts";
import { writeDuration } from "#containers/fmp4/init.ts";
import { writeFileType } from "#containers/fmp4/moov.ts";
import { readerOf, readSegmentInit, scanSegment } from "./segment-head.ts";

/**
 * `whole`: its writer closed it. `repaired`: it was cut off, and ends now with its last whole fragment. `removed`: ours, without any footage.
 * `unknown`: not ours, or its head cannot be read; nothing was touched.
 */
export type RepairResult = "whole" | "repaired" | "removed" | "unknown";

/** Rejects as the file system does; it can be called again. */
export async function repairSegment(fs: FsPort, path: string): Promise<RepairResult> {
  const file = await fs.open(path, "update");
  let hasFootage = false;
  try {
    const init = await readSegmentInit(file);
    const isOurs = init !== undefined && (init.mtxi !== undefined || (await readerOf(file)(0, FILE_TYPE.length)).equals(FILE_TYPE));
    if (!isOurs) return "unknown";
    if (init.durationMs > 0) return "whole";
    const sizeBytes = await file.size();
    const { endOffset, durationUs, fragments } = await scanSegment(file, init, sizeBytes);
    hasFootage = fragments > 0;
    if (hasFootage) {
      if (endOffset < sizeBytes) {
        await file.truncate(endOffset);
        await file.sync();
      }
      // The duration says that all is there: it is not written before all is.
      const padding = Buffer.alloc(init.durationFieldBytes - 4);
      await file.write([padding, writeDuration(Math.max(1, durationUs / 1000))], init.durationOffset);
      await file.sync();
    }
  } finally {
    await file.close();
  }
  if (hasFootage) return "repaired";
  await fs.remove(path);
  return "removed";
}

const FILE_TYPE = fileType();

function fileType(): Buffer {
  const writer = new BoxWriter();
  writeFileType(writer);
  return writer.finish();
}
