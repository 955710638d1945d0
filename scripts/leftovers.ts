// Processes that tests left behind, found by an environment variable that everything a test starts inherits. Linux only.
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** How long a process that was told to end may take about it. */
const DEFAULT_GRACE_MS = 3000;

export interface Marker {
  readonly name: string;
  readonly value: string;
}

/** A variable to put into the environment of a test run. */
export function leftoverMarker(): Marker {
  return { name: "CAMGATE_TEST_RUN", value: randomUUID() };
}

/** Kills the marked processes that are still there after a grace period and describes each: process id, command, test file. */
export async function takeLeftovers(marker: Marker, graceMs = DEFAULT_GRACE_MS): Promise<string[]> {
  const deadlineMs = Date.now() + graceMs;
  while (markedProcesses(marker).length > 0 && Date.now() < deadlineMs) await delay(50);
  return markedProcesses(marker).map(({ pid, environment }) => {
    const command = readProcFile(pid, "cmdline").join(" ").trim();
    const file = environment.find((entry) => entry.startsWith("CAMGATE_TEST_FILE="))?.split("=")[1];
    kill(pid);
    return `${pid} ${command}, started by ${file ?? "an unknown file"}`;
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself in the meantime.
  }
}

/** This process does not find itself: /proc shows the environment a process was started with. */
function markedProcesses(marker: Marker): { pid: number; environment: string[] }[] {
  return processIds()
    .map((pid) => ({ pid, environment: readProcFile(pid, "environ") }))
    .filter(({ environment }) => environment.includes(`${marker.name}=${marker.value}`));
}

function processIds(): number[] {
  try {
    return readdirSync("/proc").map(Number).filter(Number.isInteger);
  } catch {
    return []; // Not Linux.
  }
}

/** The NUL-separated strings of a file below /proc; none when the process is gone, a zombie, or somebody else's. */
function readProcFile(pid: number, name: "environ" | "cmdline"): string[] {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8").split("\0");
  } catch {
    return [];
  }
}
