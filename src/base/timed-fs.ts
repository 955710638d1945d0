// Measures how long a file system port takes to make data safe.
import type { FsPort } from "./fs-port.ts";

/** The same port; `onSync` is told of each sync that went well: of which file, and how long it took. It must not throw. */
export function timedFs(fs: FsPort, onSync: (path: string, durationMs: number) => void, nowMs = (): number => performance.now()): FsPort {
  return {
    open: async (path, mode) => {
      const file = await fs.open(path, mode);
      return {
        read: (buffer, position) => file.read(buffer, position),
        write: (buffers, position) => file.write(buffers, position),
        sync: async () => {
          const startMs = nowMs();
          await file.sync();
          onSync(path, nowMs() - startMs);
        },
        truncate: (sizeBytes) => file.truncate(sizeBytes),
        size: () => file.size(),
        close: () => file.close(),
      };
    },
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
