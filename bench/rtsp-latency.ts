// Benchmark: how much later a frame leaves the server than it came, and how long a new reader waits for its first picture.
import { setTimeout as sleep } from "node:timers/promises";
import { type Benchmark, type BenchmarkOptions, compare, LOAD, windowSecondsOf } from "./benchmark.ts";
import type { Sample } from "./harness.ts";
import type { JoinOptions } from "./load-join.ts";
import type { ProbeOptions } from "./load-probe.ts";
import type { Column, Report } from "./report.ts";
import type { Transport } from "./rtsp-connection.ts";
import type { ServerKind } from "./server-under-test.ts";
import { LINE_MBIT, ONE_CAMERA, withSite } from "./site.ts";

export const latency: Benchmark = {
  name: "latency",
  summary: "what the server adds to a frame's way, and a new reader's wait for the first picture",
  modest: [{ transport: "tcp" }, { transport: "udp" }],
  run: async (options) => [await compareLatency(options), await compareFirstPicture(options)],
};

const READERS = [10];
const GOP_SECONDS = [10];
/** At once, and as through a network port: what waits for a whole frame shows in the second. Over UDP the latter alone. */
const LINES_MBIT: Readonly<Record<Transport, readonly number[]>> = { tcp: [0, 100], udp: [LINE_MBIT.udp] };
const WARM_UP_MS = 2000;
/** Joins of one run, over two GOPs: no two fall on the same place in a GOP. */
const JOINS = 20;
const TRIAL_JOINS = 5;
const JOIN_GOPS = 2;
const POLL_MS = 250;

const LATENCY_COLUMNS: readonly Column[] = [
  { figure: "lastPacketP50Ms", title: "last packet p50 ms", digits: 2, goal: 1, most: 2 },
  { figure: "lastPacketP99Ms", title: "last packet p99 ms", digits: 2, goal: 1, most: 10 },
  { figure: "firstPacketP50Ms", title: "first packet p50 ms", digits: 2 },
  { figure: "firstPacketP99Ms", title: "first packet p99 ms", digits: 2 },
  { figure: "frames", title: "frames", digits: 0, compared: false },
];

const FIRST_PICTURE_COLUMNS: readonly Column[] = [
  { figure: "pictureP50Ms", title: "first picture p50 ms", digits: 0, goal: 1, most: 200 },
  { figure: "pictureMaxMs", title: "first picture worst ms", digits: 0, goal: 1, most: 200 },
  { figure: "liveP50Ms", title: "live after p50 ms", digits: 0 },
  { figure: "liveMaxMs", title: "live after worst ms", digits: 0 },
  { figure: "joins", title: "joins", digits: 0, compared: false },
  { figure: "failed", title: "failed", digits: 0, most: 0 },
];

interface LatencySetting extends Record<string, number> {
  readonly readers: number;
  readonly lineMbit: number;
}

/** The server pulls the camera; cameras and readers use the same transport. */
function compareLatency(options: BenchmarkOptions): Promise<Report> {
  const transport = options.transport ?? "tcp";
  const windowMs = 1000 * windowSecondsOf(options);
  const readerCounts = options.readers ?? READERS;
  return compare<LatencySetting>(options, {
    name: `rtsp-${transport}-latency`,
    load: LOAD,
    columns: LATENCY_COLUMNS,
    settings: (options.lineMbit ?? LINES_MBIT[transport]).flatMap((lineMbit) => readerCounts.map((readers) => ({ readers, lineMbit }))),
    measure: (kind, setting) => measureLatency(kind, setting, transport, windowMs),
  });
}

/** The probe is one more reader beside `readers` that only count. */
function measureLatency(kind: ServerKind, { readers, lineMbit }: LatencySetting, transport: Transport, windowMs: number): Promise<Sample> {
  return withSite(kind, { ...ONE_CAMERA, lineMbit, transport }, async (site) => {
    await site.readers({ urls: site.urls, readers, transport });
    const probe = await site.load<ProbeOptions>("load-probe.ts", { url: site.urls[0]!, transport, warmUpMs: WARM_UP_MS });
    await sleep(WARM_UP_MS + windowMs);
    const { frames, ...delaysUs } = await probe.counters();
    return { frames: frames!, ...inMs(delaysUs) };
  });
}

function compareFirstPicture(options: BenchmarkOptions): Promise<Report> {
  const transport = options.transport ?? "tcp";
  const joins = options.trial ? TRIAL_JOINS : JOINS;
  return compare(options, {
    name: `rtsp-${transport}-first-picture`,
    load: "1080p H.264, 4 Mbit/s, 30 frames/s",
    columns: FIRST_PICTURE_COLUMNS,
    settings: (options.gopSeconds ?? GOP_SECONDS).map((gopSeconds) => ({ gopSeconds })),
    measure: (kind, { gopSeconds }) => measureFirstPicture(kind, gopSeconds, transport, joins),
  });
}

/** Nobody else reads. The first join comes a GOP after the start: a cache, where there is one, has seen a keyframe. */
function measureFirstPicture(kind: ServerKind, gopSeconds: number, transport: Transport, joins: number): Promise<Sample> {
  const intervalMs = (1000 * JOIN_GOPS * gopSeconds) / (joins + 1);
  return withSite(kind, { ...ONE_CAMERA, gopSeconds, lineMbit: LINE_MBIT[transport], transport }, async ({ urls, load }) => {
    await sleep(Math.max(WARM_UP_MS, 1000 * gopSeconds));
    const timeoutMs = 2000 * gopSeconds + 2000;
    const joiner = await load<JoinOptions>("load-join.ts", { url: urls[0]!, transport, joins, intervalMs, timeoutMs });
    let counters = await joiner.counters();
    while (counters["joins"]! + counters["failed"]! < joins) {
      await sleep(POLL_MS);
      counters = await joiner.counters();
    }
    const { joins: done, failed, ...waitsUs } = counters;
    return { joins: done!, failed: failed!, ...inMs(waitsUs) };
  });
}

/** Figures in µs as figures in ms, renamed; those that could not be taken are left out. */
function inMs(figuresUs: Readonly<Record<string, number | null>>): Sample {
  const taken = Object.entries(figuresUs).filter((entry): entry is [string, number] => entry[1] !== null);
  return Object.fromEntries(taken.map(([name, value]) => [name.replace(/Us$/, "Ms"), value / 1000]));
}
