// Replaces a small file as a whole: whoever reads it, after whatever crash, finds the old bytes or the new ones.
import { dirname } from "node:path";
import type { FsPort } from "./fs-port.ts";

/** On the medium, with its name, when it resolves. Its folder is made if need be. Only its owner may read it. Rejects with the system's error. */
export async function replaceFile(fs: FsPort, path: string, bytes: Buffer): Promise<void> {
  const folder = dirname(path);
  const fresh = `${path}.new`;
  await makeFolder(fs, folder);
  try {
    await fs.remove(fresh).catch(() => {}); // of a crash
    const file = await fs.open(fresh, "create-private");
    try {
      await file.write([bytes], 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(fresh, path);
  } catch (error) {
    await fs.remove(fresh).catch(() => {});
    throw error;
  }
  await fs.syncFolder(folder);
}

/** Each one that is made is on the medium. */
async function makeFolder(fs: FsPort, folder: string): Promise<void> {
  if ((await fs.facts(folder)) !== undefined) return;
  const parent = dirname(folder);
  if (parent !== folder) await makeFolder(fs, parent);
  await fs.makeFolder(folder);
  await fs.syncFolder(parent);
}
