// What a process costs, read from /proc (Linux only), and the system calls it makes, counted by strace.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";

const clockTicksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** User and system time of the process and all of its threads, the ended ones included. Resolution: 10 ms. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // proc(5): the second field is the name in brackets and may hold spaces; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / clockTicksPerSecond;
}

/** What all processors together have worked since the machine started: user, nice, system, irq, softirq, steal. */
export function machineCpuSeconds(): number {
  // proc(5): `cpu user nice system idle iowait irq softirq steal …` in clock ticks
  const [, user, nice, system, , , irq, softirq, steal] = readFileSync("/proc/stat", "utf8").split("\n", 1)[0]!.split(/\s+/).map(Number);
  return (user! + nice! + system! + irq! + softirq! + steal!) / clockTicksPerSecond;
}

export interface MemoryMib {
  /** Heaps, stacks and whatever else the process has written to: what it adds to the machine, whoever runs beside it. */
  readonly privateDirtyMib: number;
  /** With the pages of files that nobody else has mapped now: the program's own code counts unless somebody else runs it too. */
  readonly privateMib: number;
  readonly residentMib: number;
}

export function memoryMibOf(pid: number): MemoryMib {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const mibOf = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(rollup)?.[1] ?? Number.NaN) / 1024;
  const privateDirtyMib = mibOf("Private_Dirty");
  return { privateDirtyMib, privateMib: privateDirtyMib + mibOf("Private_Clean"), residentMib: mibOf("Rss") };
}

/** Open file descriptors. */
export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
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
