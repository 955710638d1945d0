// What a process costs, read from /proc (Linux only), and the system calls it makes, counted by strace.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";

const clockTicksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** User and system time of the process and all of its threads, the ended ones included. Resolution: 10 ms. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // proc(5): the second field is the name in brackets and may hold spaces; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / clockTicksPerSecond;
}

/** Resident memory, and the part of it that no other process shares: what the process really adds to the machine. */
export function memoryOf(pid: number): { privateBytes: number; residentBytes: number } {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const bytesOf = (name: string) => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(rollup)?.[1] ?? Number.NaN);
  return { privateBytes: bytesOf("Private_Clean") + bytesOf("Private_Dirty"), residentBytes: bytesOf("Rss") };
}

const SEND_CALLS = ["write", "writev", "sendto", "sendmsg", "sendmmsg"];

/**
 * How often the process calls one of the sending system calls while `during` runs; undefined without strace.
 * It slows the process by much: never in a timed window, and what was delivered meanwhile has to be counted too.
 */
export async function countSendCalls(pid: number, during: () => Promise<void>): Promise<number | undefined> {
  if (spawnSync("strace", ["-V"]).error) return undefined;
  const args = ["-f", "-c", "-e", `trace=${SEND_CALLS.join(",")}`, "-p", String(pid)];
  const strace = spawn("strace", args, { stdio: ["ignore", "ignore", "pipe"] });
  let text = "";
  strace.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const closed = once(strace, "close");
  await once(strace.stderr, "data"); // "strace: Process … attached"
  await during();
  strace.kill("SIGINT");
  await closed;
  return parseStraceSummary(text);
}

/** The calls of the table that `strace -c` prints, summed: `% time  seconds  usecs/call  calls  [errors]  syscall`. */
export function parseStraceSummary(text: string): number | undefined {
  let calls: number | undefined;
  for (const line of text.split("\n")) {
    const match = /^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$/.exec(line);
    if (match && SEND_CALLS.includes(match[2]!)) calls = (calls ?? 0) + Number(match[1]);
  }
  return calls;
}

/** One line that says on what the figures were made. */
export function machineText(): string {
  const [first] = cpus();
  return `${first?.model.trim() ?? "unknown CPU"}, ${cpus().length} cores, Linux ${readFileSync("/proc/sys/kernel/osrelease", "utf8").trim()}`;
}
