// Whether a process runs. One that has ended, and that nobody has collected yet, does not.
import { readFileSync } from "node:fs";

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    // proc_pid_stat(5): the state stands behind the name, which is in parentheses.
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.[0] !== "Z";
  } catch {
    return process.platform !== "linux"; // no /proc, or it has ended just now
  }
}
