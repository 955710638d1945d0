// One reading of everything that the machine and this process tell; what is a rate is made of two of them.

import { parseTemperature, parseThrottled, processorZone } from "./board.ts";
import type { InterfaceHealth, NetworkHealth, SystemHealth } from "./health.ts";
import type { HealthTree } from "./health-tree.ts";
import { type MemoryFacts, parseMemory, parseOomKills } from "./memory.ts";
import { type InterfaceCounts, parseDefaultRoute, parseInterfaces, parseWirelessSignal } from "./network.ts";
import { type CpuTimes, parseCpuTimes, parseLoad, parseProcessTimes, parseUptime } from "./processor.ts";

/** Of this process, as Node tells it. */
export interface ProcessReading {
  readonly id: number;
  readonly uptimeS: number;
  readonly rssBytes: number;
  /** User and system since the start. */
  readonly cpuUs: number;
}

export interface HostReading {
  readonly atUs: number;
  readonly process: ProcessReading;
  readonly cpu: CpuTimes | undefined;
  /** By process id: those that this process has started and that run. */
  readonly children: ReadonlyMap<string, { readonly name: string; readonly ticks: number }>;
  readonly load1: number | undefined;
  readonly hostUptimeS: number | undefined;
  readonly memory: MemoryFacts | undefined;
  readonly oomKills: number | undefined;
  readonly descriptors: number | undefined;
  readonly temperature: number | null | undefined;
  readonly throttled: ReturnType<typeof parseThrottled>;
  readonly interfaces: readonly (InterfaceCounts & { readonly up: boolean; readonly mbps: number | null })[];
  readonly wan: string | undefined;
  readonly signal: number | null | undefined;
}

/** Where the firmware of a Raspberry Pi tells of its power. */
const THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled";
const MAX_CHILDREN = 64;

/** Never rejects. */
export async function readHost(tree: HealthTree, atUs: number, process: ProcessReading): Promise<HostReading> {
  const parsed = async <T>(path: string, parse: (text: string) => T | undefined): Promise<T | undefined> => {
    const text = await tree.text(path);
    return text === undefined ? undefined : parse(text);
  };
  const cpu = await parsed("proc/stat", parseCpuTimes);
  const names = await tree.names("proc/self/fd");
  const wireless = await tree.text("proc/net/wireless");
  return {
    atUs,
    process,
    cpu,
    children: await readChildren(tree, process.id),
    load1: await parsed("proc/loadavg", parseLoad),
    hostUptimeS: await parsed("proc/uptime", parseUptime),
    memory: await parsed("proc/meminfo", parseMemory),
    oomKills: await parsed("proc/vmstat", parseOomKills),
    descriptors: names.length === 0 ? undefined : names.length - 1, // one is that of the folder itself
    temperature: await readTemperature(tree),
    throttled: await parsed(THROTTLED, parseThrottled),
    interfaces: await readInterfaces(tree),
    wan: await parsed("proc/net/route", parseDefaultRoute),
    signal: wireless === undefined ? undefined : (parseWirelessSignal(wireless) ?? null),
  };
}

/** What the event loop tells; undefined: not measured. */
export interface LoopFacts {
  readonly delayP99Ms: number | undefined;
  readonly gcMs: number | undefined;
}

/** What two readings say. */
export function systemHealth(before: HostReading, now: HostReading, loop: LoopFacts): SystemHealth {
  const { process, memory, hostUptimeS, oomKills, temperature, throttled } = now;
  const ticks = (now.cpu?.totalTicks ?? 0) - (before.cpu?.totalTicks ?? 0);
  const busyTicks = (now.cpu?.busyTicks ?? 0) - (before.cpu?.busyTicks ?? 0);
  let ffmpegTicks = 0;
  for (const [id, child] of now.children) if (child.name === "ffmpeg") ffmpegTicks += child.ticks - (before.children.get(id)?.ticks ?? 0);
  const cores = now.cpu?.cores ?? 1;
  return {
    up_s: Math.floor(process.uptimeS),
    ...(hostUptimeS !== undefined && { host_up_s: Math.floor(hostUptimeS) }),
    load1: now.load1 ?? null,
    cpu_pct: ticks <= 0 ? null : percent(busyTicks / ticks),
    cpu_by: {
      gw: percent((process.cpuUs - before.process.cpuUs) / Math.max(1, now.atUs - before.atUs) / cores),
      ...(ticks > 0 && { ffmpeg: percent(ffmpegTicks / ticks) }),
    },
    mem_used_pct: memory === undefined ? null : percent(memory.usedBytes / memory.totalBytes),
    rss_mb: Math.round(process.rssBytes / 1e6),
    swap_mb: memory === undefined ? null : Math.round(memory.swapUsedBytes / 1e6),
    fd: now.descriptors ?? null,
    ...(temperature !== undefined && { temp_c: temperature === null ? null : Number(temperature.toFixed(1)) }),
    ...(throttled !== undefined && { thr: throttled }),
    evloop_p99_ms: loop.delayP99Ms === undefined ? null : Number(loop.delayP99Ms.toFixed(1)),
    gc_ms: loop.gcMs === undefined ? null : Math.round(loop.gcMs),
    ...(oomKills !== undefined && { oom: oomKills }),
  };
}

export function networkHealth(before: HostReading, now: HostReading): NetworkHealth {
  const seconds = Math.max(1, now.atUs - before.atUs) / 1e6;
  const kbps = (bytes: number, bytesBefore: number | undefined): number =>
    bytesBefore === undefined || bytes < bytesBefore ? 0 : Math.round(((bytes - bytesBefore) * 8) / 1000 / seconds);
  const interfaces = now.interfaces.map(({ name, up, mbps, receivedBytes, sentBytes, errors, drops }): InterfaceHealth => {
    const then = before.interfaces.find((one) => one.name === name);
    return {
      n: name,
      up,
      mbps,
      rx_kbps: kbps(receivedBytes, then?.receivedBytes),
      tx_kbps: kbps(sentBytes, then?.sentBytes),
      err: errors,
      drop: drops,
    };
  });
  return { if: interfaces, wan: now.wan ?? null, ...(now.signal !== undefined && { wifi_dbm: now.signal }) };
}

/** Linux tells a process's children where it is built so. Ours are all started by the main thread. */
async function readChildren(tree: HealthTree, processId: number): Promise<HostReading["children"]> {
  const children = new Map<string, { name: string; ticks: number }>();
  const ids = (await tree.text(`proc/self/task/${processId}/children`)) ?? "";
  for (const id of (ids.match(/\d+/g) ?? []).slice(0, MAX_CHILDREN)) {
    const text = await tree.text(`proc/${id}/stat`);
    const times = text === undefined ? undefined : parseProcessTimes(text);
    if (times !== undefined) children.set(id, times);
  }
  return children;
}

/** Undefined: the board has no thermal zones; null: the one that matters does not say. */
async function readTemperature(tree: HealthTree): Promise<number | null | undefined> {
  const zones = (await tree.names("sys/class/thermal")).filter((name) => /^thermal_zone\d+$/.test(name));
  if (zones.length === 0) return undefined;
  const types: string[] = [];
  for (const zone of zones) types.push((await tree.text(`sys/class/thermal/${zone}/type`)) ?? "");
  const text = await tree.text(`sys/class/thermal/${zones[processorZone(types)]}/temp`);
  return text === undefined ? null : (parseTemperature(text) ?? null);
}

async function readInterfaces(tree: HealthTree): Promise<HostReading["interfaces"]> {
  const found: HostReading["interfaces"][number][] = [];
  for (const counts of parseInterfaces((await tree.text("proc/net/dev")) ?? "")) {
    const state = (await tree.text(`sys/class/net/${counts.name}/operstate`))?.trim();
    const speed = Number((await tree.text(`sys/class/net/${counts.name}/speed`)) ?? "-1");
    found.push({ ...counts, up: state === "up" || state === "unknown", mbps: speed > 0 ? speed : null });
  }
  return found;
}

/** One decimal, never above the whole: the two clocks that are compared do not tick together. */
function percent(share: number): number {
  return Number((Math.min(1, Math.max(0, share)) * 100).toFixed(1));
}
