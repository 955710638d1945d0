// Benchmark: how much later a frame leaves the server over WebRTC than it came.
import { setTimeout as sleep } from "node:timers/promises";
import { type Benchmark, compare, LOAD, windowSecondsOf } from "./benchmark.ts";
import type { Sample } from "./harness.ts";
import type { WhepOptions } from "./load-whep.ts";
import type { WhepProbeOptions } from "./load-whep-probe.ts";
import type { Column } from "./report.ts";
import type { ServerKind } from "./server-under-test.ts";
import { ONE_CAMERA, withSite } from "./site.ts";

const VIEWERS = [10];
const WARM_UP_MS = 3000;

const COLUMNS: readonly Column[] = [
  { figure: "lastPacketP50Ms", title: "last packet p50 ms", digits: 2, goal: 1, most: 2 },
  { figure: "lastPacketP99Ms", title: "last packet p99 ms", digits: 2 },
  { figure: "keyframeP50Ms", title: "of keyframes p50 ms", digits: 2 },
  { figure: "firstPacketP50Ms", title: "first packet p50 ms", digits: 2 },
  { figure: "firstPacketP99Ms", title: "first packet p99 ms", digits: 2 },
  { figure: "frames", title: "frames", digits: 0, compared: false },
];

export const webRtcLatency: Benchmark = {
  name: "webrtc-latency",
  summary: "WebRTC: what the server adds to a frame's way from a camera over RTSP to a viewer",
  modest: [{}],
  run: async (options) => [
    await compare(options, {
      name: "webrtc-latency",
      load: LOAD,
      columns: COLUMNS,
      settings: (options.readers ?? VIEWERS).map((viewers) => ({ viewers })),
      measure: (kind, { viewers }) => measure(kind, viewers, 1000 * windowSecondsOf(options)),
    }),
  ],
};

/** The probe is one more viewer beside those that only count. A camera's frame comes at once. */
function measure(kind: ServerKind, viewers: number, windowMs: number): Promise<Sample> {
  return withSite(kind, ONE_CAMERA, async ({ server, load }) => {
    const url = server.whepUrl("cam0");
    await sleep(WARM_UP_MS);
    await load<WhepOptions>("load-whep.ts", { url, viewers });
    const probe = await load<WhepProbeOptions>("load-whep-probe.ts", { url, warmUpMs: WARM_UP_MS });
    await sleep(WARM_UP_MS + windowMs);
    const { frames, ...delaysUs } = await probe.counters();
    const delays = Object.entries(delaysUs).map(([name, value]) => [name.replace(/Us$/, "Ms"), (value ?? Number.NaN) / 1000]);
    return { frames: frames!, ...Object.fromEntries(delays) };
  });
}
