// Benchmark: one camera published over RTSP/TCP, many RTSP/TCP readers. What does a delivered gigabyte cost the server?
import { setTimeout as sleep } from "node:timers/promises";
import type { Contender, Sample } from "./harness.ts";
import { LoadProcess, sumCounters } from "./load-messages.ts";
import { countSendCalls, cpuSecondsOf, memoryOf } from "./process-figures.ts";
import type { Column } from "./report.ts";
import { type ServerKind, startServer } from "./server-under-test.ts";
import { CAMERA_LOAD } from "./synthetic-h264.ts";

export interface FanoutSetting extends Record<string, number> {
  readonly readers: number;
}

export interface FanoutOptions {
  readonly windowSeconds: number;
  /** Counts system calls in a window of its own after the timed one. */
  readonly countCalls: boolean;
}

export const FANOUT_COLUMNS: readonly Column[] = [
  { figure: "cpuSecondsPerGb", title: "server CPU s/GB", digits: 2, goal: 0.3 },
  { figure: "cpuPercent", title: "server CPU %", digits: 1 },
  { figure: "privateMib", title: "private MiB", digits: 1 },
  { figure: "residentMib", title: "RSS MiB", digits: 1 },
  { figure: "sendCallsPerFramePerReader", title: "send calls/frame/reader", digits: 2 },
  { figure: "deliveredShare", title: "delivered", digits: 3 },
  { figure: "loadCpuPercent", title: "load CPU %", digits: 0 },
];

const READERS_PER_PROCESS = 100;
/** Readers that joined with a GOP cache have caught up by then, and a JavaScript server is compiled. */
const WARM_UP_MS = 4000;
const CALLS_WINDOW_MS = 4000;
const GOP_SECONDS = CAMERA_LOAD.gopFrames / CAMERA_LOAD.framesPerSecond;

/** One server in this benchmark: a fresh process for every run. */
export function fanoutContender(kind: ServerKind, options: FanoutOptions): Contender<FanoutSetting> {
  // Whole GOPs: a window with one keyframe more than another would not compare.
  const windowMs = 1000 * Math.max(1, Math.round(options.windowSeconds / GOP_SECONDS)) * GOP_SECONDS;
  return {
    name: kind.name,
    async run({ readers }): Promise<Sample> {
      const server = await startServer(kind);
      const loads: LoadProcess[] = [];
      try {
        const url = server.rtspUrl("cam");
        const publisher = await LoadProcess.start("load-publish.ts", [url]);
        loads.push(publisher);
        const readLoads: LoadProcess[] = [];
        for (let left = readers; left > 0; left -= READERS_PER_PROCESS) {
          const load = await LoadProcess.start("load-read.ts", [url, String(Math.min(left, READERS_PER_PROCESS))]);
          readLoads.push(load);
          loads.push(load);
        }
        await sleep(WARM_UP_MS);
        const timed = await measureWindow(server.pid, publisher, readLoads, readers, windowMs);
        return options.countCalls ? { ...timed, ...(await measureCalls(server.pid, publisher, readLoads)) } : timed;
      } finally {
        await Promise.all(loads.map((load) => load.stop()));
        await server.stop();
      }
    },
  };
}

async function measureWindow(
  serverPid: number,
  publisher: LoadProcess,
  readLoads: readonly LoadProcess[],
  readers: number,
  windowMs: number,
): Promise<Sample> {
  const snapshot = async () => ({
    atMs: performance.now(),
    serverCpu: cpuSecondsOf(serverPid),
    loadCpu: [publisher, ...readLoads].reduce((sum, { pid }) => sum + cpuSecondsOf(pid), 0),
    published: await publisher.counters(),
    read: await sumCounters(readLoads),
  });
  const before = await snapshot();
  await sleep(windowMs);
  const after = await snapshot();
  const memory = memoryOf(serverPid);

  if (after.read["closed"] !== 0) throw new Error(`${after.read["closed"]} of ${readers} readers lost their connection`);
  const seconds = (after.atMs - before.atMs) / 1000;
  const bytes = after.read["bytes"]! - before.read["bytes"]!;
  const cpuSeconds = after.serverCpu - before.serverCpu;
  return {
    cpuSecondsPerGb: cpuSeconds / (bytes / 1e9),
    cpuPercent: (100 * cpuSeconds) / seconds,
    privateMib: memory.privateBytes / 2 ** 20,
    residentMib: memory.residentBytes / 2 ** 20,
    deliveredShare: bytes / ((after.published["bytes"]! - before.published["bytes"]!) * readers),
    deliveredMbitPerSecond: (bytes * 8) / 1e6 / seconds,
    loadCpuPercent: (100 * (after.loadCpu - before.loadCpu)) / seconds,
  };
}

/** By frames delivered, not published: a server that strace slows down too much drops some. */
async function measureCalls(serverPid: number, publisher: LoadProcess, readLoads: readonly LoadProcess[]): Promise<Sample> {
  const snapshot = async () => ({ published: await publisher.counters(), read: await sumCounters(readLoads) });
  let framesDelivered = 0;
  const calls = await countSendCalls(serverPid, async () => {
    const before = await snapshot();
    await sleep(CALLS_WINDOW_MS);
    const after = await snapshot();
    const frames = after.published["frames"]! - before.published["frames"]!;
    const framesBytes = after.published["bytes"]! - before.published["bytes"]!;
    framesDelivered = (after.read["bytes"]! - before.read["bytes"]!) / (framesBytes / frames);
  });
  return calls === undefined ? {} : { sendCallsPerFramePerReader: calls / framesDelivered };
}
