// The programs that a process has started, as Linux shows them in /proc.
import { readdir, readFile } from "node:fs/promises";

/** Process ids of the running children of `parent` whose command line, words separated by blanks, matches; lowest first. */
export async function childrenOf(parent: number, commandLine: RegExp): Promise<readonly number[]> {
  const numbers = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(numbers.map(async (pid) => ((await isChild(pid, parent, commandLine)) ? [pid] : [])));
  return found.flat().sort((a, b) => a - b);
}

async function isChild(pid: number, parent: number, commandLine: RegExp): Promise<boolean> {
  try {
    // proc_pid_stat(5): state and parent stand behind the name, which is in parentheses.
    const [state, ppid] = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ").at(-1)!.split(" ");
    if (Number(ppid) !== parent || state === "Z") return false;
    return commandLine.test((await readFile(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " "));
  } catch {
    return false; // it has ended meanwhile
  }
}
