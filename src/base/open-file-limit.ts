// How many files and sockets the system lets this process have open (RLIMIT_NOFILE).
import { readFileSync } from "node:fs";

/** undefined where the system does not tell (it is not Linux) or sets none. */
export function openFileLimit(): number | undefined {
  try {
    return parseLimits(readFileSync("/proc/self/limits", "latin1"));
  } catch {
    return undefined;
  }
}

/** The soft limit in the text of /proc/self/limits (proc(5)). */
export function parseLimits(text: string): number | undefined {
  const soft = /^Max open files +(\d{1,15}) /m.exec(text)?.[1];
  return soft === undefined ? undefined : Number(soft);
}
