// Benchmarks: cameras that the server pulls and nobody watches. What does having them cost, and what does recording them?
import { setTimeout as sleep } from "node:timers/promises";
import { type Benchmark, compare, LOAD, windowSecondsOf } from "./benchmark.ts";
import type { Sample } from "./harness.ts";
import { memoryMibOf } from "./process-figures.ts";
import type { Column } from "./report.ts";
import type { Transport } from "./rtsp-connection.ts";
import type { RecordStore, ServerKind } from "./server-under-test.ts";
import { GOP_SECONDS, LINE_MBIT, type Site, wholeGopsMs, withSite } from "./site.ts";
import { measureWindow } from "./window.ts";

export const ingest: Benchmark = {
  name: "ingest",
  summary: "cameras pulled over RTSP without viewers: server CPU and memory",
  modest: [
    { transport: "tcp", windowSeconds: 6 },
    { transport: "udp", windowSeconds: 6 },
  ],
  run: async (options) => {
    const transport = options.transport ?? "tcp";
    const windowMs = wholeGopsMs(windowSecondsOf(options));
    const lines = options.lineMbit ?? [LINE_MBIT[transport]];
    const cameras = options.cameras ?? CAMERAS;
    const report = await compare<IngestSetting>(options, {
      name: `rtsp-${transport}-ingest`,
      load: `each camera ${LOAD}`,
      columns: COLUMNS,
      settings: lines.map((lineMbit) => ({ cameras, lineMbit })),
      measure: (kind, setting) => measureIngest(kind, setting, transport, windowMs),
    });
    return [report];
  },
};

export const record: Benchmark = {
  name: "record",
  summary: "cameras pulled over RTSP and recorded to files, without viewers: server CPU and memory",
  modest: [{ windowSeconds: 6 }],
  run: async (options) => {
    const windowMs = wholeGopsMs(windowSecondsOf(options));
    const report = await compare<IngestSetting>(options, {
      name: "rtsp-record",
      load: `each camera ${LOAD}, over TCP, recorded as fMP4 in parts of a second`,
      columns: COLUMNS,
      settings: [{ cameras: options.cameras ?? CAMERAS, lineMbit: 0 }],
      measure: (kind, setting) => measureIngest(kind, setting, "tcp", windowMs, "files"),
    });
    return [report];
  },
};

const CAMERAS = 16;
const WARM_UP_MS = 4000;
/** A reader has caught up with the GOP cache by then. */
const CATCH_UP_MS = 3000;
const CHECK_MS = 1000 * 2 * GOP_SECONDS;
/** The check's readers are counted a little after the cameras are. */
const LEAST_SHARE = 0.99;

const COLUMNS: readonly Column[] = [
  { figure: "cpuPercent", title: "server CPU %", digits: 1, goal: 0.8 },
  { figure: "cpuSecondsPerGb", title: "CPU s/GB in", digits: 2 },
  { figure: "privateDirtyMib", title: "private dirty MiB", digits: 1 },
  { figure: "residentMib", title: "RSS MiB", digits: 1 },
  { figure: "arrivedShare", title: "arrived", digits: 3, least: LEAST_SHARE },
  { figure: "lostPackets", title: "packets lost", digits: 0, most: 0 },
  { figure: "loadCpuPercent", title: "load CPU %", digits: 0 },
  { figure: "otherCpuPercent", title: "other CPU %", digits: 0, compared: false },
];

interface IngestSetting extends Record<string, number> {
  readonly cameras: number;
  readonly lineMbit: number;
}

function measureIngest(
  kind: ServerKind,
  setting: IngestSetting,
  transport: Transport,
  windowMs: number,
  recorded?: RecordStore,
): Promise<Sample> {
  return withSite(kind, { ...setting, gopSeconds: GOP_SECONDS, transport, record: recorded }, async (site) => {
    const load = site.cameras!;
    await sleep(WARM_UP_MS);
    const window = await measureWindow(site.server.pid, load, [], windowMs);
    if (window.sent["dropped"] !== 0) throw new Error(`${kind.name} did not read ${window.sent["dropped"]} packets in time`);
    return {
      cpuPercent: (100 * window.serverCpuSeconds) / window.seconds,
      cpuSecondsPerGb: window.serverCpuSeconds / (window.sent["bytes"]! / 1e9),
      ...memoryMibOf(site.server.pid),
      loadCpuPercent: (100 * window.loadCpuSeconds) / window.seconds,
      otherCpuPercent: (100 * window.otherCpuSeconds) / window.seconds,
      ...(await checkArrival(site)),
    };
  });
}

/** What a reader of every camera gets and misses, taken after the timed window: does the server have all of them, whole? */
async function checkArrival({ server, cameras, urls, readers }: Site): Promise<Sample> {
  const readLoads = await readers({ urls, readers: urls.length, transport: "tcp", countGaps: true });
  await sleep(CATCH_UP_MS);
  const { sent, received } = await measureWindow(server.pid, cameras!, readLoads, CHECK_MS);
  return { arrivedShare: received["packets"]! / sent["packets"]!, lostPackets: received["lost"]! };
}
