// Benchmark: a site as it stands day by day, cameras in and some viewers. How much memory does the server keep?
import { setTimeout as sleep } from "node:timers/promises";
import { type Benchmark, compare, LOAD } from "./benchmark.ts";
import type { Sample } from "./harness.ts";
import { type MemoryMib, memoryMibOf } from "./process-figures.ts";
import type { Column } from "./report.ts";
import type { ServerKind } from "./server-under-test.ts";
import { GOP_SECONDS, withSite } from "./site.ts";
import { median } from "./statistics.ts";

export const memory: Benchmark = {
  name: "memory",
  summary: "private memory and RSS with pulled cameras and viewers, after a settling time",
  modest: [{ settleSeconds: 20 }],
  run: async (options) => {
    const settleSeconds = options.settleSeconds ?? (options.trial ? TRIAL_SETTLE_SECONDS : SETTLE_SECONDS);
    const report = await compare(options, {
      name: "rtsp-memory",
      load: `each camera ${LOAD}; all over RTSP/TCP`,
      columns: COLUMNS,
      settings: (options.readers ?? [VIEWERS]).map((viewers) => ({ cameras: options.cameras ?? CAMERAS, viewers, settleSeconds })),
      measure: measureMemory,
    });
    return [report];
  },
};

const CAMERAS = 16;
const VIEWERS = 20;
const SETTLE_SECONDS = 30;
const TRIAL_SETTLE_SECONDS = 3;
/** A heap goes up and down: the middle and the most of these are told. */
const SAMPLES = 10;
const SAMPLE_INTERVAL_MS = 500;

const COLUMNS: readonly Column[] = [
  { figure: "privateDirtyMib", title: "private dirty MiB", digits: 1, goal: 1 },
  { figure: "privateDirtyMaxMib", title: "its most", digits: 1 },
  { figure: "privateMib", title: "private MiB", digits: 1 },
  { figure: "residentMib", title: "RSS MiB", digits: 1 },
  { figure: "readersLost", title: "viewers lost", digits: 0, most: 0 },
];

interface MemorySetting extends Record<string, number> {
  readonly cameras: number;
  readonly viewers: number;
  readonly settleSeconds: number;
}

/** Viewers are spread over the cameras. */
function measureMemory(kind: ServerKind, { cameras, viewers, settleSeconds }: MemorySetting): Promise<Sample> {
  return withSite(kind, { cameras, gopSeconds: GOP_SECONDS, lineMbit: 0, transport: "tcp" }, async ({ server, urls, readers }) => {
    const readLoads = await readers({ urls, readers: viewers, transport: "tcp" });
    await sleep(1000 * settleSeconds);
    const samples: MemoryMib[] = [];
    while (samples.length < SAMPLES) {
      samples.push(memoryMibOf(server.pid));
      await sleep(SAMPLE_INTERVAL_MS);
    }
    let readersLost = 0;
    for (const load of readLoads) readersLost += (await load.counters())["closed"]!;
    return {
      privateDirtyMib: median(samples.map(({ privateDirtyMib }) => privateDirtyMib)),
      privateDirtyMaxMib: Math.max(...samples.map(({ privateDirtyMib }) => privateDirtyMib)),
      privateMib: median(samples.map(({ privateMib }) => privateMib)),
      residentMib: median(samples.map(({ residentMib }) => residentMib)),
      readersLost,
    };
  });
}
