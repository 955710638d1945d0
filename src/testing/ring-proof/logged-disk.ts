// A backing for disks that logs every write and flush (block-log.py).
import { existsSync } from "node:fs";
import { copyFile, mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findPeer, missingOf } from "../peers/find-peer.ts";
import { RunningPeer, runPeer, type TestScope } from "../peers/run-peer.ts";
import { until } from "../peers/until.ts";
import { type LoggedOperation, readBlockLog } from "./block-log.ts";
import type { Backing } from "./loop-disk.ts";

const SCRIPT = fileURLToPath(new URL("block-log.py", import.meta.url));
const TIMEOUT_MS = 600_000;

const python = findPeer("python3-fusepy");
const fusermount = findPeer("fusermount3");

/** What to hand to `test(…, { skip })`: why there can be no such disk here, or false. */
export const loggedDiskMissing: string | false =
  missingOf(python, fusermount) || (!existsSync("/dev/fuse") && "there is no /dev/fuse here");

export class LoggedDisk implements Backing {
  #folder = "";
  #process: RunningPeer | undefined;

  /** Of the disk: room for what is made of it. */
  get folder(): string {
    return this.#folder;
  }

  /** The image as it was before anything was logged: a copy to go on with. */
  get base(): string {
    return join(this.#folder, "base");
  }

  async open(image: string): Promise<string> {
    this.#folder = dirname(image);
    await copyFile(image, this.base);
    await mkdir(this.#mountPoint);
    const args = [SCRIPT, image, this.#log, this.#mountPoint];
    this.#process = new RunningPeer(python, args, { timeoutMs: TIMEOUT_MS });
    const disk = join(this.#mountPoint, "disk");
    await until("the logged disk", () => stat(disk).catch(() => undefined));
    return disk;
  }

  async close(): Promise<void> {
    if (this.#process === undefined) return;
    await runPeer(atOnce, fusermount, ["-u", this.#mountPoint]).catch(() => {});
    await this.#process.kill();
  }

  /** Everything so far. */
  operations(): Promise<LoggedOperation[]> {
    return readBlockLog(this.#log);
  }

  get #log(): string {
    return join(this.#folder, "log");
  }

  get #mountPoint(): string {
    return join(this.#folder, "fuse");
  }
}

/** It ends by itself. */
const atOnce: TestScope = { after: () => {} };
