// Replaces a file as a whole: whoever reads it, after whatever crash, finds the old bytes or the new ones.
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** On the medium, with its name, when it resolves. Rejects with the system's error. */
export async function writeFileAtomic(path: string, bytes: Buffer): Promise<void> {
  const fresh = `${path}.new`;
  await using(await open(fresh, "w", 0o644), async (file) => {
    await file.writeFile(bytes);
    await file.sync();
  });
  await rename(fresh, path).catch(async (error: unknown) => {
    await rm(fresh, { force: true });
    throw error;
  });
  await using(await open(dirname(path), "r"), (folder) => folder.sync());
}

async function using<Handle extends { close(): Promise<void> }>(handle: Handle, use: (handle: Handle) => Promise<void>): Promise<void> {
  try {
    await use(handle);
  } finally {
    await handle.close();
  }
}
