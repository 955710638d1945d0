// Tells when a file is another one than it was: edited, replaced, or reached through a link that points elsewhere now.

import { type FSWatcher, realpathSync, statSync, watch } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";

/** An editor writes in several steps. */
const SETTLE_MS = 10;
/** The first of them may be to empty the file. An empty file is a config as well, but hardly ever what somebody means. */
const EMPTY_SETTLE_MS = 2000;
const PERIOD_MS = 1000;
/** Of a folder that cannot be watched: it is gone, or the system has no watches left. */
const RETRY_MS = 10_000;

export interface WatchFileOptions {
  readonly file: string;
  /** Called at most once a second, after the file has been as it is for 10 ms; for 2 s where it is empty. */
  onChange(): void;
  readonly log: Log;
}

/** Watches the folder of the name and the folder of the file that a link leads to, until the returned function is called. */
export function watchFile({ file, onChange, log }: WatchFileOptions): () => void {
  const name = resolve(file);
  let watchers: FSWatcher[] = [];
  let watched = "";
  let seen = identityOf(name);
  let timer: NodeJS.Timeout | undefined;
  let toldMs = Number.NEGATIVE_INFINITY;
  let eventMs = Number.NEGATIVE_INFINITY;
  let isClosed = false;
  let hasSaid = false;

  const lookIn = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(look, ms);
  };

  const arm = (): void => {
    const folders = foldersOf(name);
    // A folder of the same name may be another one by now.
    const identity = folders.map((folder) => `${folder} ${inodeOf(folder)}`).join("\n");
    if (identity === watched && watchers.length > 0) return;
    for (const watcher of watchers) watcher.close();
    watchers = [];
    watched = identity;
    try {
      for (const folder of folders) {
        const watcher = watch(folder, () => {
          eventMs = performance.now();
          lookIn(SETTLE_MS);
        });
        watchers.push(watcher);
        watcher.on("error", (error) => giveUp(error));
      }
      hasSaid = false;
    } catch (error) {
      giveUp(error);
    }
  };

  const giveUp = (error: unknown): void => {
    if (!hasSaid) log.warn(`${file} is looked at every ${RETRY_MS / 1000} s only: its folder cannot be watched (${errorText(error)})`);
    hasSaid = true;
    for (const watcher of watchers) watcher.close();
    watchers = [];
    if (!isClosed) lookIn(RETRY_MS);
  };

  const look = (): void => {
    const now = identityOf(name);
    const settleMs = now?.endsWith(EMPTY) ? EMPTY_SETTLE_MS : SETTLE_MS;
    const waitMs = Math.max(toldMs + PERIOD_MS, eventMs + settleMs) - performance.now();
    if (waitMs > 0) {
      lookIn(Math.ceil(waitMs));
      return;
    }
    arm();
    // A file that is being replaced is away for a moment.
    if (now !== seen && now !== undefined) {
      seen = now;
      toldMs = performance.now();
      onChange();
    }
    if (watchers.length === 0) lookIn(RETRY_MS);
  };

  arm();
  return () => {
    isClosed = true;
    clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  };
}

/** What the identity of a file without bytes ends with. */
const EMPTY = ",0";

/** Undefined: it is not there. */
function identityOf(file: string): string | undefined {
  try {
    const { dev, ino, size, mtimeNs } = statSync(file, { bigint: true });
    return [dev, ino, mtimeNs, size].join();
  } catch {
    return undefined;
  }
}

/** Undefined: it is not there. */
function inodeOf(folder: string): bigint | undefined {
  return statSync(folder, { bigint: true, throwIfNoEntry: false })?.ino;
}

function foldersOf(file: string): string[] {
  const folders = [dirname(file)];
  try {
    const target = realpathSync(file);
    if (basename(target) !== basename(file) || dirname(target) !== folders[0]) folders.push(dirname(target));
  } catch {
    // Not there: the folder of the name tells when it comes.
  }
  return [...new Set(folders)];
}
