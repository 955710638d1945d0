// Reboots the machine when a schedule says so: while something is in the way it waits, up to the end of its window, and no due time does it twice, whatever
// the clock says after the boot.
import { once } from "node:events";
import { errorText } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import type { Log } from "#base/log.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { replaceFile } from "#base/replace-file.ts";
import { parseDuration } from "#config/duration.ts";
import type { Perform } from "#schedules/schedules.ts";
import type { GatewayPower } from "./power.ts";

export interface ScheduleRebootOptions {
  readonly power: Pick<GatewayPower, "check" | "reboot">;
  readonly fs: FsPort;
  /** Where it is remembered for which due times the machine was booted. */
  readonly file: string;
  /** Monotonic. */
  nowMs(): number;
  /** Rejects when the signal is aborted. */
  sleep(delayMs: number, signal: AbortSignal): Promise<void>;
  readonly log: Log;
}

const DEFAULT_WINDOW_MS = 3_600_000;
const RETRY_MS = 60_000;
/** Due times that are remembered. */
const REMEMBERED = 16;
const MAX_FILE_BYTES = 4096;

export function rebooter({ power, fs, file, nowMs, sleep, log }: ScheduleRebootOptions): Perform {
  const remembered = async (): Promise<readonly number[]> => {
    try {
      const bytes = await readSmallFile(fs, file, MAX_FILE_BYTES);
      const kept: unknown = bytes === undefined ? [] : JSON.parse(bytes.toString("utf8"));
      return Array.isArray(kept) ? kept.filter((dueMs): dueMs is number => Number.isSafeInteger(dueMs)) : [];
    } catch {
      return []; // an unreadable one forgets
    }
  };
  return async (plan, { dueMs, signal }) => {
    const before = await remembered();
    if (before.includes(dueMs)) return;
    const endMs = nowMs() + (plan.value === "" ? DEFAULT_WINDOW_MS : parseDuration(plan.value)!);
    for (;;) {
      try {
        power.check("sys.reboot");
        break;
      } catch (error) {
        if (nowMs() + RETRY_MS > endMs) throw error;
        log.info(`the machine is rebooted later: ${errorText(error)}`);
      }
      await sleep(RETRY_MS, signal);
    }
    await replaceFile(fs, file, Buffer.from(JSON.stringify([...before, dueMs].slice(-REMEMBERED)))).catch((error: unknown) => {
      log.warn(`that the machine is rebooted cannot be noted: ${errorText(error)}`);
    });
    if (signal.aborted) return;
    // It does not settle: the machine ends us, and nobody waits for it then.
    await Promise.race([power.reboot(`a schedule (${plan.cron}, ${plan.timeZone})`), once(signal, "abort")]);
  };
}
