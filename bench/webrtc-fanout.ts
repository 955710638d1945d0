// Benchmark: one camera published over RTSP/TCP, many WebRTC viewers. What does each cost the server, and what does it take to let one in?
import { setTimeout as sleep } from "node:timers/promises";
import { type Benchmark, compare, LOAD, windowSecondsOf } from "./benchmark.ts";
import type { Sample } from "./harness.ts";
import { type LoadProcess, sumCounters } from "./load-messages.ts";
import type { PublishOptions } from "./load-publish.ts";
import type { WhepOptions } from "./load-whep.ts";
import { cpuSecondsOf, memoryMibOf } from "./process-figures.ts";
import type { Column } from "./report.ts";
import type { ServerKind } from "./server-under-test.ts";
import { untilMidGop, wholeGopsMs, withSite } from "./site.ts";
import { measureWindow } from "./window.ts";

/** None: what the server grows by meanwhile, whether somebody watches or not. */
const VIEWERS = [0, 1, 10, 30, 100];
/** The most that camgate may need of what the peer needs. */
const GOAL = 0.5;
/** More than these, and a load process limits what is measured. */
const VIEWERS_PER_PROCESS = 50;
const WARM_UP_MS = 4000;
const FRAMING_BYTES = 4;

const COLUMNS: readonly Column[] = [
  { figure: "cpuPercentPerViewer", title: "server CPU % per viewer", digits: 3, goal: GOAL },
  { figure: "cpuPercent", title: "server CPU %", digits: 1 },
  { figure: "setUpCpuMs", title: "CPU ms to let one in", digits: 1 },
  { figure: "setUpMs", title: "ms to let one in", digits: 0 },
  { figure: "grownMib", title: "MiB grown", digits: 1 },
  { figure: "residentMib", title: "RSS MiB", digits: 1 },
  { figure: "deliveredShare", title: "delivered", digits: 3, least: 0.98 },
  { figure: "lostPackets", title: "packets lost", digits: 0 },
  { figure: "loadCpuPercent", title: "load CPU %", digits: 0 },
  { figure: "otherCpuPercent", title: "other CPU %", digits: 0, compared: false },
];

export const webRtcFanout: Benchmark = {
  name: "webrtc",
  summary: "WebRTC fan-out: server CPU and memory per viewer, CPU and time to let one in",
  modest: [{ readers: [30], windowSeconds: 6 }],
  run: async (options) => [
    await compare(options, {
      name: "webrtc-fanout",
      load: LOAD,
      columns: COLUMNS,
      settings: (options.readers ?? VIEWERS).map((viewers) => ({ viewers })),
      measure: (kind, { viewers }) => measure(kind, viewers, wholeGopsMs(windowSecondsOf(options))),
    }),
  ],
};

function measure(kind: ServerKind, viewers: number, windowMs: number): Promise<Sample> {
  return withSite(kind, undefined, async ({ server, urls, load }) => {
    const publisher = await load<PublishOptions>("load-publish.ts", { url: urls[0]! });
    const url = server.whepUrl("cam");
    await sleep(WARM_UP_MS);
    const [cpuBefore, memoryBefore] = [cpuSecondsOf(server.pid), memoryMibOf(server.pid)];
    const viewLoads: LoadProcess[] = [];
    for (let first = 0; first < viewers; first += VIEWERS_PER_PROCESS) {
      viewLoads.push(await load<WhepOptions>("load-whep.ts", { url, viewers: Math.min(VIEWERS_PER_PROCESS, viewers - first) }));
    }
    const setUpCpuSeconds = cpuSecondsOf(server.pid) - cpuBefore;
    await sleep(WARM_UP_MS);
    await untilMidGop((await publisher.counters())["frames"]!);
    const window = await measureWindow(server.pid, publisher, viewLoads, windowMs);
    const memory = memoryMibOf(server.pid);
    const cpuPercent = (100 * window.serverCpuSeconds) / window.seconds;
    const common = {
      cpuPercent,
      grownMib: memory["privateDirtyMib"]! - memoryBefore["privateDirtyMib"]!,
      ...memory,
      loadCpuPercent: (100 * window.loadCpuSeconds) / window.seconds,
      otherCpuPercent: (100 * window.otherCpuSeconds) / window.seconds,
    };
    if (viewers === 0) return common;
    // What each viewer should have got, without framing and with SRTP's tag and the cuts for small packets: a little more than was sent.
    const sentBytes = window.sent["bytes"]! - FRAMING_BYTES * window.sent["packets"]!;
    return {
      ...common,
      cpuPercentPerViewer: cpuPercent / viewers,
      setUpCpuMs: (1000 * setUpCpuSeconds) / viewers,
      setUpMs: (await sumCounters(viewLoads))["setUpMs"]! / viewLoads.length,
      deliveredShare: window.received["bytes"]! / (sentBytes * viewers),
      lostPackets: window.received["lost"]!,
    };
  });
}
