// Benchmark: how much later a frame leaves the server than it came, and how long a new reader waits for its first picture.
import { setTimeout as sleep } from "node:timers/promises";
import type { Contender, Sample } from "./harness.ts";
import { LoadProcess } from "./load-messages.ts";
import type { Column } from "./report.ts";
import type { FanoutSetting } from "./rtsp-tcp-fanout.ts";
import { type ServerKind, startServer } from "./server-under-test.ts";

export const LATENCY_COLUMNS: readonly Column[] = [
  { figure: "lastPacketP50Ms", title: "last packet p50 ms", digits: 2, goal: 1 },
  { figure: "lastPacketP99Ms", title: "last packet p99 ms", digits: 2, goal: 1 },
  { figure: "firstPacketP50Ms", title: "first packet p50 ms", digits: 2 },
  { figure: "firstPictureP50Ms", title: "first picture p50 ms", digits: 0, goal: 1 },
  { figure: "firstPictureMaxMs", title: "first picture worst ms", digits: 0 },
  { figure: "joins", title: "joins", digits: 0 },
];

/** The probe joins every 730 ms: fewer joins than these do not meet every phase of a GOP. */
const MIN_WINDOW_SECONDS = 12;

/** One server in this benchmark. The probe is one more reader beside `readers` that only count. */
export function latencyContender(kind: ServerKind, options: { readonly windowSeconds: number }): Contender<FanoutSetting> {
  return {
    name: kind.name,
    async run({ readers }): Promise<Sample> {
      const server = await startServer(kind);
      const loads: LoadProcess[] = [];
      try {
        const url = server.rtspUrl("cam");
        loads.push(await LoadProcess.start("load-publish.ts", [url]));
        loads.push(await LoadProcess.start("load-read.ts", [url, String(readers)]));
        const probe = await LoadProcess.start("load-probe.ts", [url]);
        loads.push(probe);
        await sleep(1000 * Math.max(MIN_WINDOW_SECONDS, options.windowSeconds));
        const counters = await probe.counters();
        return {
          lastPacketP50Ms: counters["lastPacketP50Us"]! / 1000,
          lastPacketP99Ms: counters["lastPacketP99Us"]! / 1000,
          firstPacketP50Ms: counters["firstPacketP50Us"]! / 1000,
          firstPictureP50Ms: counters["firstPictureP50Us"]! / 1000,
          firstPictureMaxMs: counters["firstPictureMaxUs"]! / 1000,
          joins: counters["joins"]!,
        };
      } finally {
        await Promise.all(loads.map((load) => load.stop()));
        await server.stop();
      }
    },
  };
}
