// Reboots the machine when a schedule says so: while something is in the way it waits, up to the end of its window, and no due time does it twice, whatever
// the clock says after the boot.
import { once } from "node:events";
import { errorText } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import type { Log } from "#base/log.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { replaceFile } from "#base/replace-file.ts";
import type { Perform } from "./schedules.ts";

export interface RebooterOptions {
  readonly power: {
    /** Throws what is in the way. */
    check(operation: "sys.reboot"): void;
    /** Rejects where it is not done; does not settle otherwise. */
    reboot(why: string): Promise<never>;
  };
  readonly fs: FsPort;
  /** Where it is remembered for which due times the machine was booted, and when last. */
  readonly file: string;
  /** Of a plan's value, which validation let through: how long it may wait. */
  windowMs(value: string): number;
  /** Number of this boot. */
  readonly bootCounter: number;
  /** Monotonic: since the machine was booted. */
  nowMs(): number;
  /** Rejects when the signal is aborted. */
  sleep(delayMs: number, signal: AbortSignal): Promise<void>;
  readonly log: Log;
}

const DEFAULT_WINDOW_MS = 3_600_000;
const RETRY_MS = 60_000;
/** From a boot of ours to the next: somebody can take a schedule back that reboots for ever. */
const BETWEEN_MS = 1_800_000;
/** Due times that are remembered. */
const REMEMBERED = 16;
const MAX_FILE_BYTES = 4096;

interface Kept {
  readonly due: readonly number[];
  /** The boot that was ended. */
  readonly boot: number;
}

export function rebooter({ power, fs, file, windowMs, bootCounter, nowMs, sleep, log }: RebooterOptions): Perform {
  return async (plan, { dueMs, signal }) => {
    const before = await read(fs, file);
    if (before?.due.includes(dueMs)) return;
    const check = (): void => {
      power.check("sys.reboot");
      if (before?.boot === bootCounter - 1 && nowMs() < BETWEEN_MS) throw new Error("a schedule has rebooted the machine just before");
    };
    const endMs = nowMs() + (plan.value === "" ? DEFAULT_WINDOW_MS : windowMs(plan.value));
    for (let reason = ""; ; ) {
      try {
        check();
        break;
      } catch (error) {
        if (nowMs() + RETRY_MS > endMs) throw error;
        if (reason !== errorText(error)) log.info(`the machine is rebooted later: ${errorText(error)}`);
        reason = errorText(error);
      }
      await sleep(RETRY_MS, signal);
    }
    const kept: Kept = { due: [...(before?.due ?? []), dueMs].slice(-REMEMBERED), boot: bootCounter };
    await replaceFile(fs, file, Buffer.from(`${JSON.stringify(kept)}\n`)).catch((error: unknown) => {
      log.warn(`that the machine is rebooted cannot be noted: ${errorText(error)}`);
    });
    if (signal.aborted) return;
    // It does not settle: the machine ends us, and nobody waits for it then.
    await Promise.race([power.reboot(`a schedule (${plan.cron}, ${plan.timeZone})`), once(signal, "abort")]);
  };
}

/** Undefined: there is none, or it is not what this version writes. */
async function read(fs: FsPort, file: string): Promise<Kept | undefined> {
  try {
    const bytes = await readSmallFile(fs, file, MAX_FILE_BYTES);
    const { due, boot } = (bytes && JSON.parse(bytes.toString("utf8"))) as Kept;
    return due.every(Number.isSafeInteger) && Number.isSafeInteger(boot) ? { due, boot } : undefined;
  } catch {
    return undefined;
  }
}
