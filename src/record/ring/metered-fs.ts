// Counts what is written through a file system port.
import type { FsFile, FsPort } from "#base/fs-port.ts";
import type { WearMeter } from "./wear.ts";

/** The same port; every write is added to `meter`. */
export function meteredFs(fs: FsPort, meter: WearMeter): FsPort {
  return {
    open: async (path, mode) => metered(await fs.open(path, mode), meter),
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

function metered(file: FsFile, meter: WearMeter): FsFile {
  return {
    read: (buffer, position) => file.read(buffer, position),
    write: async (buffers, position) => {
      meter.add(
        position,
        buffers.reduce((sum, { length }) => sum + length, 0),
      );
      await file.write(buffers, position);
    },
    sync: () => file.sync(),
    truncate: (sizeBytes) => file.truncate(sizeBytes),
    size: () => file.size(),
    close: () => file.close(),
  };
}
