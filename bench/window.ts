// A timed window: what the server and its loads did in it.
import { setTimeout as sleep } from "node:timers/promises";
import { type LoadCounters, type LoadProcess, sumCounters } from "./load-messages.ts";
import { cpuSecondsOf, machineCpuSeconds } from "./process-figures.ts";

export interface Window {
  readonly seconds: number;
  readonly serverCpuSeconds: number;
  /** Of all load processes together. */
  readonly loadCpuSeconds: number;
  /** Of everything else on the machine: where it is much, the figures are to be doubted. */
  readonly otherCpuSeconds: number;
  /** What the counters of the sending, and of all receiving loads, rose by. */
  readonly sent: LoadCounters;
  readonly received: LoadCounters;
}

/** Says what happened within `windowMs`. */
export async function measureWindow(
  serverPid: number,
  sender: LoadProcess,
  receivers: readonly LoadProcess[],
  windowMs: number,
): Promise<Window> {
  const snapshot = async () => ({
    atMs: performance.now(),
    serverCpu: cpuSecondsOf(serverPid),
    machineCpu: machineCpuSeconds(),
    loadCpu: [sender, ...receivers].reduce((sum, { pid }) => sum + cpuSecondsOf(pid), 0),
    sent: await sender.counters(),
    received: await sumCounters(receivers),
  });
  const before = await snapshot();
  await sleep(windowMs);
  const after = await snapshot();
  const serverCpuSeconds = after.serverCpu - before.serverCpu;
  const loadCpuSeconds = after.loadCpu - before.loadCpu;
  return {
    seconds: (after.atMs - before.atMs) / 1000,
    serverCpuSeconds,
    loadCpuSeconds,
    otherCpuSeconds: Math.max(0, after.machineCpu - before.machineCpu - serverCpuSeconds - loadCpuSeconds),
    sent: difference(before.sent, after.sent),
    received: difference(before.received, after.received),
  };
}

function difference(before: LoadCounters, after: LoadCounters): LoadCounters {
  return Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)]));
}
