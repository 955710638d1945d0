// What a diagnostics bundle holds: the config without secrets, how everything is, the last lines of the log, and what the kernel says of process and machine.
import { arch, cpus, release, type as systemType, totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";
import type { FsPort } from "#base/fs-port.ts";
import { humanLine } from "#base/log-line.ts";
import { version } from "#base/version.ts";
import type { DiagnosticsEntry } from "#commands/diagnostics.ts";
import { showConfig } from "#config/show-config.ts";
import type { Caller } from "#control/command.ts";
import type { GatewayContext } from "./context.ts";

const GATEWAY: Caller = { name: "the gateway", may: () => true };
/** Commands whose answers are in it, by the name of the file. */
const COMMANDS: readonly (readonly [string, string])[] = [
  ["health.json", "health"],
  ["recording.json", "rec.state"],
  ["locks.json", "rec.locks"],
  ["config-status.json", "cfg.status"],
];
const KERNEL_FILES = [
  ...["self/status", "self/limits", "self/mountinfo", "self/cgroup", "self/io", "meminfo", "loadavg", "uptime", "stat", "vmstat"],
  ...["diskstats", "net/dev", "net/route", "net/sockstat", "net/snmp", "pressure/cpu", "pressure/io", "pressure/memory", "version"],
].map((name) => ({ name: `proc/${name}`, path: `/proc/${name}` }));
const MAX_KERNEL_BYTES = 64 * 1024;
const MAX_AUDIT_ENTRIES = 200;

export function diagnosticsOf(context: GatewayContext): readonly DiagnosticsEntry[] {
  const entry = (name: string, read: (signal: AbortSignal) => unknown): DiagnosticsEntry => ({
    name,
    read: async (signal) => read(signal),
  });
  return [
    entry("about.json", () => aboutOf(context)),
    entry("config.yml", () => `${showConfig(context.config, { origins: true }).join("\n")}\n`),
    ...COMMANDS.map(([file, command]) => entry(file, (signal) => answerOf(context, command, signal))),
    entry("sessions.json", () => sessionsOf(context)),
    entry("link.json", () => linkOf(context)),
    entry("process.json", () => processOf()),
    entry("machine.json", () => import("#device/inventory.ts").then(({ readInventory }) => readInventory())),
    entry("audit.json", () => auditOf(context)),
    entry("log.txt", () => `${context.logTap.recent.map(humanLine).join("\n")}\n`),
    ...KERNEL_FILES.map(({ name, path }) => entry(name, () => readStart(context.fs, path))),
  ];
}

function aboutOf({ clock, startedUs, fleet, config }: GatewayContext): object {
  const nowUs = clock.nowUs();
  const { utcUs, quality, errorMs } = clock.utcOf(nowUs);
  return {
    camgate: version,
    node: process.version,
    system: `${systemType()} ${release()} ${arch()}`,
    cpus: cpus().length,
    memory_mb: Math.round(totalmem() / 2 ** 20),
    profile: config.global.profile,
    gateway: fleet === undefined ? null : `${fleet.identity.tenant}/${fleet.identity.gatewayId}`,
    time: new Date(utcUs / 1000).toISOString(),
    time_quality: quality,
    time_error_ms: errorMs ?? null,
    up_s: Math.round((nowUs - startedUs) / 1e6),
  };
}

function answerOf({ commands }: GatewayContext, name: string, signal: AbortSignal): Promise<unknown> | undefined {
  return commands?.commands.dispatch(name, {}, { caller: GATEWAY, signal, progress: () => {} });
}

function sessionsOf({ sessions }: GatewayContext): readonly object[] {
  return sessions.all().map((session) => {
    const { id, kind, created, remote, state, path, user, userAgent, transport } = session;
    return { id, kind, created, remote, state, path, user, userAgent, transport, counters: session.counters() };
  });
}

/** Undefined: none is kept. */
async function auditOf({ audit }: GatewayContext): Promise<object | undefined> {
  if (audit === undefined) return undefined;
  const { head } = await audit.log.list(Number.MAX_SAFE_INTEGER, 1);
  return audit.log.list(Math.max(1, head.n - MAX_AUDIT_ENTRIES + 1), MAX_AUDIT_ENTRIES);
}

/** Undefined: there is none. */
function linkOf({ fleet, noc }: GatewayContext): object | undefined {
  if (fleet === undefined) return undefined;
  const { link, outbox, sessions, uplink } = fleet;
  const { url, version: protocol, reconnects, roundTripMs, sentBytes } = link.status;
  return {
    status: { url, protocol, reconnects, roundTripMs, sentBytes },
    isOpen: uplink.isOpen,
    droppedSayings: uplink.droppedSayings,
    outbox: { counts: outbox.counts, dropped: outbox.dropped },
    lastRun: sessions.lastRun ?? null,
    desired: noc?.report ?? null,
  };
}

function processOf(): object {
  const active = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) active.set(name, (active.get(name) ?? 0) + 1);
  return {
    pid: process.pid,
    up_s: Math.round(process.uptime()),
    memory: process.memoryUsage(),
    heap: getHeapStatistics(),
    resources: process.resourceUsage(),
    active,
  };
}

/** Undefined: there is no such file here, or it is not for us. */
async function readStart(fs: FsPort, path: string): Promise<string | undefined> {
  const file = await fs.open(path, "read").catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const buffer = Buffer.alloc(MAX_KERNEL_BYTES);
    return buffer.toString("utf8", 0, await file.read(buffer, 0));
  } finally {
    await file.close();
  }
}
