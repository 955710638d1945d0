// A disk for one test: ext4 on a loop device over a temporary file, that can be pulled, filled, cut and crashed. Linux, root.
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findPeer, missingOf, type Peer } from "../peers/find-peer.ts";
import { runPeer, type TestScope } from "../peers/run-peer.ts";

const SCRIPT = fileURLToPath(new URL("block-device.py", import.meta.url));
/** As a card is made for a ring (docs/storage.md), smaller. */
const MKFS_OPTIONS = ["-q", "-F", "-b", "4096", "-m", "0", "-O", "fast_commit,^metadata_csum_seed"];
export const MOUNT_OPTIONS = "noatime,lazytime,commit=30,errors=remount-ro";

const tools = {
  truncate: findPeer("truncate"),
  losetup: findPeer("losetup"),
  mkfs: findPeer("mkfs.ext4"),
  mount: findPeer("mount"),
  umount: findPeer("umount"),
  python: findPeer("python3"),
};

/** What to hand to `test(…, { skip })`: why there can be no such disk here, or false. */
export const loopDiskMissing: string | false = missingOf(...Object.values(tools)) || loopDevicesMissing();

function loopDevicesMissing(): string | false {
  if (process.getuid?.() !== 0) return "only root may mount";
  try {
    execFileSync(tools.losetup.file, ["--find"], { stdio: "pipe" });
    return false;
  } catch {
    return "there are no loop devices here";
  }
}

/** What lies between a disk and its image. */
export interface Backing {
  /** Resolves with the file that the disk is on. */
  open(image: string): Promise<string>;
  close(): Promise<void>;
}

const DIRECT: Backing = { open: async (image) => image, close: async () => {} };

/** The file system of an image, at `mountPoint` while `look` does something with it. False: it cannot be mounted. */
export async function withImage(image: string, mountPoint: string, look: () => Promise<void>): Promise<boolean> {
  try {
    await run(tools.mount, "-o", `loop,${MOUNT_OPTIONS}`, image, mountPoint);
  } catch {
    return false;
  }
  try {
    await look();
  } finally {
    await run(tools.umount, mountPoint);
  }
  return true;
}

/** What is done on the disk takes it for the scope of its own clean-up: that comes before it is unmounted. */
export class LoopDisk implements TestScope {
  device: string;
  readonly mountPoint: string;
  readonly #image: string;
  readonly #cleanups: (() => Promise<void>)[] = [];
  #isMounted = false;

  private constructor(folder: string, image: string, device: string) {
    this.#image = image;
    this.device = device;
    this.mountPoint = join(folder, "mnt");
  }

  /** Made and mounted; everything of it is gone when the test ends. */
  static async make(scope: TestScope, sizeBytes: number, backing = DIRECT): Promise<LoopDisk> {
    const folder = await mkdtemp(join(tmpdir(), "camgate-disk-"));
    const image = join(folder, "image");
    let disk: LoopDisk | undefined;
    scope.after(async () => {
      await disk?.dispose();
      await backing.close();
      await rm(folder, { recursive: true, force: true });
    });
    await mkdir(join(folder, "mnt"));
    await run(tools.truncate, "--size", String(sizeBytes), image);
    await run(tools.mkfs, ...MKFS_OPTIONS, image);
    disk = new LoopDisk(folder, image, await attach(await backing.open(image)));
    await disk.mount();
    return disk;
  }

  after(cleanup: () => Promise<void>): void {
    this.#cleanups.push(cleanup);
  }

  async mount(options = MOUNT_OPTIONS): Promise<void> {
    await run(tools.mount, "-o", options, this.device, this.mountPoint);
    this.#isMounted = true;
  }

  async remount(options: string): Promise<void> {
    await run(tools.mount, "-o", `remount,${options}`, this.mountPoint);
  }

  /** Rejects while a file on it is open. */
  async unmount(): Promise<void> {
    await run(tools.umount, this.mountPoint);
    this.#isMounted = false;
  }

  /** The power goes: of what was not synced, random pages of `files` are on the medium, and nothing else. Everything fails from here on. */
  async crash(seed: number, files: readonly string[]): Promise<void> {
    await run(tools.python, SCRIPT, "shutdown", this.mountPoint, String(seed), ...files);
  }

  /** The device is gone: it has no block but its first. */
  async pull(): Promise<void> {
    await run(tools.python, SCRIPT, "limit", this.device, "4096");
  }

  /** It comes back as another device, as a card does. It must be unmounted. */
  async plugIn(): Promise<void> {
    const pulled = this.device;
    this.device = await attach(this.#image);
    await run(tools.losetup, "--detach", pulled);
  }

  async dispose(): Promise<void> {
    try {
      for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
    } finally {
      if (this.#isMounted) await this.unmount().catch(() => run(tools.umount, "--lazy", this.mountPoint));
      await run(tools.losetup, "--detach", this.device);
    }
  }
}

function attach(image: string): Promise<string> {
  return run(tools.losetup, "--find", "--show", image);
}

/** They end by themselves, and some are called when the test has ended. */
async function run(tool: Peer, ...args: string[]): Promise<string> {
  return (await runPeer({ after: () => {} }, tool, args)).stdout.toString().trim();
}
