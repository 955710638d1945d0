// The files of /proc and /sys, as health reads them: one after the other, each small, none that must be there.
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";

export interface HealthTree {
  /** At most 64 KiB; undefined: there is no such file, or it cannot be read now. */
  text(path: string): Promise<string | undefined>;
  /** Of a folder, sorted; none where there is no such folder. */
  names(path: string): Promise<readonly string[]>;
}

const MAX_BYTES = 65_536;

/** Paths count from `root`: `proc/stat`. */
export function healthTree(root: string): HealthTree {
  const buffer = Buffer.allocUnsafe(MAX_BYTES);
  let last: Promise<unknown> = Promise.resolve();
  const read = async (path: string): Promise<string | undefined> => {
    const file = await open(join(root, path), "r").catch(() => undefined);
    if (file === undefined) return undefined;
    try {
      let length = 0;
      // Files of /proc tell no size, and some give what they have in pieces.
      for (let got = 1; got > 0 && length < MAX_BYTES; length += got)
        got = (await file.read(buffer, length, MAX_BYTES - length, null)).bytesRead;
      return buffer.toString("latin1", 0, length);
    } catch {
      return undefined; // an interface that is down has no speed
    } finally {
      await file.close();
    }
  };
  return {
    text(path) {
      const next = last.then(() => read(path));
      last = next;
      return next;
    },
    names: async (path) => (await readdir(join(root, path)).catch(() => [])).sort(),
  };
}
