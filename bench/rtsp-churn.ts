// Benchmark: many thousand sessions that come and go. Is what they leave behind nothing?
import { setTimeout as sleep } from "node:timers/promises";
import { type Benchmark, compare, LOAD } from "./benchmark.ts";
import type { Sample } from "./harness.ts";
import type { ChurnOptions } from "./load-churn.ts";
import { descriptorsOf, type MemoryMib, memoryMibOf } from "./process-figures.ts";
import type { Column } from "./report.ts";
import type { ServerKind } from "./server-under-test.ts";
import { ONE_CAMERA, withSite } from "./site.ts";
import { slope } from "./statistics.ts";

export const churn: Benchmark = {
  name: "churn",
  summary: "sessions that come and go, TCP and UDP: growth of memory and descriptors",
  modest: [{ sessions: 10_000 }],
  run: async (options) => {
    const sessions = options.sessions ?? (options.trial ? TRIAL_SESSIONS : SESSIONS);
    const report = await compare(options, {
      name: "rtsp-churn",
      load: `${LOAD}; ${WIDTH} sessions at a time of ${PACKETS} packets each, half over UDP`,
      columns: columns(sessions),
      settings: [{ sessions }],
      rounds: 1,
      measure: (kind, { sessions }) => measureChurn(kind, sessions),
    });
    return [report];
  },
};

const SESSIONS = 40_000;
const TRIAL_SESSIONS = 400;
/** Sessions at a time. */
const WIDTH = 50;
const PACKETS = 24;
const SESSION_TIMEOUT_MS = 15_000;
const WARM_UP_MS = 3000;
const SAMPLE_INTERVAL_MS = 500;
/** Time to close what the last sessions left open. */
const SETTLE_MS = 3000;
/** A leaked session, with its socket's object or its entry in a table, is a kibibyte at least. */
const MOST_KIB_PER_SESSION = 0.25;
/** A heap still finds its size during the first ten thousand: with fewer sessions growth is shown and not judged. */
const MIN_JUDGED_SESSIONS = 40_000;

const columns = (sessions: number): Column[] => [
  { figure: "privateDirtyMibAt10", title: "private dirty MiB at 10 %", digits: 1 },
  { figure: "privateDirtyMibAt50", title: "at 50 %", digits: 1 },
  { figure: "privateDirtyMibAt100", title: "at 100 %", digits: 1 },
  {
    figure: "privateDirtyKibPerSession",
    title: "KiB/session, 2nd half",
    digits: 3,
    ...(sessions >= MIN_JUDGED_SESSIONS && { most: MOST_KIB_PER_SESSION }),
    compared: false,
  },
  { figure: "residentMibAt10", title: "RSS MiB at 10 %", digits: 1 },
  { figure: "residentMibAt50", title: "at 50 %", digits: 1 },
  { figure: "residentMibAt100", title: "at 100 %", digits: 1 },
  { figure: "descriptorsAt10", title: "fds at 10 %", digits: 0, compared: false },
  { figure: "descriptorsAt50", title: "at 50 %", digits: 0, compared: false },
  { figure: "descriptorsAt100", title: "at 100 %", digits: 0, compared: false },
  { figure: "descriptorsLeft", title: "fds left", digits: 0, most: 0, compared: false },
  { figure: "failed", title: "failed", digits: 0, most: 0, compared: false },
  { figure: "sessionsPerSecond", title: "sessions/s", digits: 0 },
];

/** What the server held when so many sessions were over. */
export interface ChurnPoint extends MemoryMib {
  readonly done: number;
  readonly descriptors: number;
}

function measureChurn(kind: ServerKind, sessions: number): Promise<Sample> {
  return withSite(kind, ONE_CAMERA, async ({ server, urls, load }) => {
    await sleep(WARM_UP_MS);
    const descriptorsBefore = descriptorsOf(server.pid);
    const options = { url: urls[0]!, sessions, width: WIDTH, packets: PACKETS, timeoutMs: SESSION_TIMEOUT_MS };
    const startedMs = performance.now();
    const churning = await load<ChurnOptions>("load-churn.ts", options);
    const points: ChurnPoint[] = [];
    let counters = await churning.counters();
    while (counters["done"]! < sessions) {
      await sleep(SAMPLE_INTERVAL_MS);
      counters = await churning.counters();
      points.push({ done: counters["done"]!, ...memoryMibOf(server.pid), descriptors: descriptorsOf(server.pid) });
    }
    const seconds = (performance.now() - startedMs) / 1000;
    await sleep(SETTLE_MS);
    return {
      ...growthOf(points, sessions),
      descriptorsLeft: descriptorsOf(server.pid) - descriptorsBefore,
      failed: counters["failed"]!,
      sessionsPerSecond: sessions / seconds,
    };
  });
}

/** The figures when 10, 50 and 100 % of the sessions were over, and how dirty private memory rose over the second half. */
export function growthOf(points: readonly ChurnPoint[], sessions: number): Sample {
  const figures: Record<string, number> = {};
  for (const percent of [10, 50, 100]) {
    const point = points.find(({ done }) => done >= (sessions * percent) / 100) ?? points.at(-1);
    if (point === undefined) continue;
    figures[`privateDirtyMibAt${percent}`] = point.privateDirtyMib;
    figures[`residentMibAt${percent}`] = point.residentMib;
    figures[`descriptorsAt${percent}`] = point.descriptors;
  }
  const secondHalf = points.filter(({ done }) => done >= sessions / 2);
  return {
    ...figures,
    privateDirtyKibPerSession: 1024 * slope(secondHalf.map(({ done, privateDirtyMib }) => ({ x: done, y: privateDirtyMib }))),
  };
}
