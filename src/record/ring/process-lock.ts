// One process a ring: an abstract Unix socket, which the kernel takes back when the process ends however it ends.
import { createServer } from "node:net";
import { StartFault } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";

const EX_TEMPFAIL = 75; // sysexits.h: it may work later

/** Another process has the ring. */
export class RingInUse extends StartFault {
  constructor(text: string) {
    super(EX_TEMPFAIL, text);
    this.name = "RingInUse";
  }
}

/** Undefined: somebody has it. The function gives it back. */
export type TakeLock = (name: string) => Promise<(() => Promise<void>) | undefined>;

/** What the LOCK file may be. */
const LOCK_FILE_BYTES = 512;

/**
 * Abstract sockets are of a network namespace: processes of two containers that share a ring's folder do not see each other's.
 * Elsewhere than on Linux there are none, and nothing is locked.
 */
export const takeSocketLock: TakeLock = (name) => {
  if (process.platform !== "linux") return Promise.resolve(async () => {});
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.unref();
    server.once("error", (error: NodeJS.ErrnoException) => (error.code === "EADDRINUSE" ? resolve(undefined) : reject(error)));
    server.listen(`\0${name}`, () => resolve(() => new Promise((closed) => server.close(() => closed()))));
  });
};

/** Name of the lock of the ring in a folder: the folder's place on its device, however it is reached. */
export function lockNameOf(device: number, inode: number): string {
  return `camgate-ring-${device}-${inode}`;
}

/** Says in the ring who has it. Overwritten in place; also shows that the medium takes writes. */
export async function writeLockFile(fs: FsPort, path: string, bootId: string): Promise<void> {
  await fs.allocate(path, LOCK_FILE_BYTES);
  const text = JSON.stringify({ pid: process.pid, boot_id: bootId });
  const file = await fs.open(path, "update");
  try {
    await file.write([Buffer.from(`${text.padEnd(LOCK_FILE_BYTES - 1)}\n`)], 0);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** For the message to a second process. */
export async function readLockFile(fs: FsPort, path: string): Promise<string> {
  try {
    const file = await fs.open(path, "read");
    try {
      const bytes = Buffer.alloc(LOCK_FILE_BYTES);
      return bytes.toString("utf8", 0, await file.read(bytes, 0)).trim();
    } finally {
      await file.close();
    }
  } catch {
    return "";
  }
}
