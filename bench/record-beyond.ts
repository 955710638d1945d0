// Benchmark: what recording costs beyond relaying. Servers of one kind pull the same cameras at the same time: one relays, the others record as well.
import { setTimeout as sleep } from "node:timers/promises";
import { type Benchmark, compare, LOAD, type Setting, windowSecondsOf } from "./benchmark.ts";
import type { Sample } from "./harness.ts";
import { cpuSecondsOf } from "./process-figures.ts";
import type { Column } from "./report.ts";
import { OWN_NAME, type RecordStore, type RunningServer, type ServerKind, startServer } from "./server-under-test.ts";
import { GOP_SECONDS, pulledPaths, wholeGopsMs, withSite } from "./site.ts";
import { measureWindow } from "./window.ts";

export const recordBeyond: Benchmark = {
  name: "record-beyond",
  summary: "what recording to files and to the ring costs beyond the relay: server CPU",
  modest: [{ windowSeconds: 10 }],
  run: async (options) => {
    const report = await compare<BeyondSetting>(options, {
      name: "record-beyond",
      load: `each camera ${LOAD}, over TCP, recorded as fMP4 in parts of a second; the ring writes over what it wrote before`,
      columns: COLUMNS,
      settings: [{ cameras: options.cameras ?? CAMERAS }],
      measure: (kind, setting) => measureBeyond(kind, setting, options.trial ? TRIAL_WARM_UP_MS : WARM_UP_MS, windowOf(options)),
    });
    return [report];
  },
};

const CAMERAS = 16;
/** By then the ring has been filled once: its first lap makes files. */
const WARM_UP_MS = 95_000;
const TRIAL_WARM_UP_MS = 4000;
/** Of a core, for the load of 16 cameras. */
const MOST_BEYOND_PERCENT = 3;

const COLUMNS: readonly Column[] = [
  { figure: "relayPercent", title: "relay CPU %", digits: 1 },
  { figure: "filesBeyondPercent", title: "files: beyond it", digits: 1, most: MOST_BEYOND_PERCENT },
  { figure: "ringBeyondPercent", title: "ring: beyond it", digits: 1, most: MOST_BEYOND_PERCENT },
  { figure: "loadCpuPercent", title: "load CPU %", digits: 0 },
  { figure: "otherCpuPercent", title: "other CPU %", digits: 0, compared: false },
];

interface BeyondSetting extends Setting {
  readonly cameras: number;
}

function windowOf(options: Parameters<Benchmark["run"]>[0]): number {
  return wholeGopsMs(windowSecondsOf(options));
}

function measureBeyond(kind: ServerKind, { cameras }: BeyondSetting, warmUpMs: number, windowMs: number): Promise<Sample> {
  const pulled = { cameras, gopSeconds: GOP_SECONDS, lineMbit: 0, transport: "tcp" } as const;
  const stores: readonly RecordStore[] = kind.name === OWN_NAME ? ["files", "ring"] : ["files"];
  return withSite(kind, pulled, async ({ server, cameras: load }) => {
    const recording = new Map<RecordStore, RunningServer>();
    try {
      for (const record of stores) recording.set(record, await startServer(kind, pulledPaths(load!, { ...pulled, record })));
      await sleep(warmUpMs);
      const usedBefore = [...recording.values()].map(({ pid }) => cpuSecondsOf(pid));
      const window = await measureWindow(server.pid, load!, [], windowMs);
      const percentOf = (cpuSeconds: number) => (100 * cpuSeconds) / window.seconds;
      const relayPercent = percentOf(window.serverCpuSeconds);
      const used = [...recording].map(([store, { pid }], i) => [store, cpuSecondsOf(pid) - usedBefore[i]!] as const);
      const usedByAll = used.reduce((sum, [, cpuSeconds]) => sum + cpuSeconds, 0);
      return {
        relayPercent,
        ...Object.fromEntries(used.map(([store, cpuSeconds]) => [`${store}BeyondPercent`, percentOf(cpuSeconds) - relayPercent])),
        loadCpuPercent: percentOf(window.loadCpuSeconds),
        otherCpuPercent: percentOf(window.otherCpuSeconds - usedByAll),
      };
    } finally {
      await Promise.all([...recording.values()].map((each) => each.stop()));
    }
  });
}
