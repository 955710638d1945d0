// Reads a small file as a whole: keys, counters, settings of a line.
import type { FsPort } from "./fs-port.ts";

/** Undefined: there is none. Rejects with the system's error, and where it is larger than `maxBytes`. */
export async function readSmallFile(fs: FsPort, path: string, maxBytes: number): Promise<Buffer | undefined> {
  if ((await fs.facts(path)) === undefined) return undefined;
  const file = await fs.open(path, "read");
  try {
    const bytes = Buffer.alloc(maxBytes + 1);
    const read = await file.read(bytes, 0);
    if (read > maxBytes) throw new Error(`it is larger than ${maxBytes} bytes`);
    return bytes.subarray(0, read);
  } finally {
    await file.close();
  }
}
