// Why the machine was booted, as far as it can be told afterwards: the watchdog's word, the kernel's last words, and what we were asked to do before.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export type ResetReason = "power" | "watchdog" | "reboot_cmd" | "update" | "panic" | "unknown";

export interface ResetFacts {
  /** WDIOF_CARDRESET is set: the watchdog bit (linux/watchdog.h). */
  readonly isFromWatchdog: boolean;
  /** The kernel left a record of its end in persistent storage. */
  readonly hasCrashRecord: boolean;
  /** Why the run of the gateway before this boot said that it goes; undefined: it was cut off. */
  readonly farewell: string | undefined;
  /** There was a run before. */
  readonly isKnown: boolean;
}

const WDIOF_CARDRESET = 0x20;

export function resetReasonOf({ isFromWatchdog, hasCrashRecord, farewell, isKnown }: ResetFacts): ResetReason {
  if (hasCrashRecord) return "panic";
  if (farewell === "reboot") return "reboot_cmd";
  if (farewell === "update") return "update";
  if (isFromWatchdog) return "watchdog";
  return isKnown && farewell === undefined ? "power" : "unknown";
}

/** `root`: `/`. What is not there says nothing. */
export async function readResetFacts(root: string): Promise<Pick<ResetFacts, "isFromWatchdog" | "hasCrashRecord">> {
  const status = await readFile(join(root, "sys/class/watchdog/watchdog0/bootstatus"), "utf8").catch(() => "0");
  const records = await readdir(join(root, "sys/fs/pstore")).catch(() => []);
  return {
    isFromWatchdog: (Number.parseInt(status, 10) & WDIOF_CARDRESET) !== 0,
    hasCrashRecord: records.some((name) => name.startsWith("dmesg-")),
  };
}
