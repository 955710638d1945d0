// Benchmark: one camera published over RTSP/TCP, many RTSP readers. What does a delivered gigabyte cost the server?
import { setTimeout as sleep } from "node:timers/promises";
import { type Benchmark, type BenchmarkOptions, compare, LOAD, windowSecondsOf } from "./benchmark.ts";
import type { Sample } from "./harness.ts";
import type { LoadProcess } from "./load-messages.ts";
import type { PublishOptions } from "./load-publish.ts";
import { countSendCalls, memoryMibOf } from "./process-figures.ts";
import type { Column } from "./report.ts";
import type { Transport } from "./rtsp-connection.ts";
import type { ServerKind } from "./server-under-test.ts";
import { untilMidGop, wholeGopsMs, withSite } from "./site.ts";
import { measureWindow, type Window } from "./window.ts";

export const fanout: Benchmark = {
  name: "fanout",
  summary: "RTSP/TCP fan-out: server CPU per GB delivered, memory, system calls",
  modest: [{ readers: [50], windowSeconds: 6 }],
  run: async (options) => [await compareFanout(options, "tcp")],
};

export const udpFanout: Benchmark = {
  name: "udp-fanout",
  summary: "the same with readers over RTSP/UDP, and what they lost",
  modest: [{ readers: [50], windowSeconds: 6 }],
  run: async (options) => [await compareFanout(options, "udp")],
};

const READERS = [1, 10, 50, 200];
/** The most that camgate may need of what the peer needs. */
const GOAL: Readonly<Record<Transport, number>> = { tcp: 0.3, udp: 0.5 };
const FRAMING_BYTES = 4;
/** Less is not the same work. The readers of a process are asked one after the other: some frames fall between. */
const LEAST_SHARE = 0.99;
/** Readers that joined with a GOP cache have caught up by then, and a JavaScript server is compiled. */
const WARM_UP_MS = 4000;
const CALLS_WINDOW_MS = 4000;

function columns(transport: Transport): Column[] {
  return [
    { figure: "cpuSecondsPerGb", title: "server CPU s/GB", digits: 2, goal: GOAL[transport] },
    { figure: "cpuPercent", title: "server CPU %", digits: 1 },
    { figure: "privateDirtyMib", title: "private dirty MiB", digits: 1 },
    { figure: "residentMib", title: "RSS MiB", digits: 1 },
    { figure: "sendCallsPerFramePerReader", title: "send calls/frame/reader", digits: 2 },
    { figure: "deliveredShare", title: "delivered", digits: 3, least: LEAST_SHARE },
    ...(transport === "udp" ? [{ figure: "lostPackets", title: "packets lost", digits: 0, most: 0 }] : []),
    { figure: "loadCpuPercent", title: "load CPU %", digits: 0 },
    { figure: "otherCpuPercent", title: "other CPU %", digits: 0, compared: false },
  ];
}

function compareFanout(options: BenchmarkOptions, transport: Transport) {
  const windowMs = wholeGopsMs(windowSecondsOf(options));
  return compare(options, {
    name: `rtsp-${transport}-fanout`,
    load: LOAD,
    columns: columns(transport),
    settings: (options.readers ?? READERS).map((readers) => ({ readers })),
    measure: (kind, { readers }) => measureFanout(kind, { readers, transport, windowMs, countCalls: options.countCalls }),
  });
}

interface FanoutSetting {
  readonly readers: number;
  readonly transport: Transport;
  readonly windowMs: number;
  /** Counts system calls in a window of its own after the timed one. */
  readonly countCalls: boolean;
}

function measureFanout(kind: ServerKind, setting: FanoutSetting): Promise<Sample> {
  return withSite(kind, undefined, async ({ server, urls, load, readers: startReaders }) => {
    const { readers, transport, windowMs, countCalls } = setting;
    const publisher = await load<PublishOptions>("load-publish.ts", { url: urls[0]! });
    const readLoads = await startReaders({ urls, readers, transport });
    await sleep(WARM_UP_MS);
    await untilMidGop((await publisher.counters())["frames"]!);
    const window = await measureWindow(server.pid, publisher, readLoads, windowMs);
    if (window.received["closed"] !== 0) throw new Error(`${window.received["closed"]} of ${readers} readers lost their connection`);
    const bytes = window.received["bytes"]!;
    return {
      cpuSecondsPerGb: window.serverCpuSeconds / (bytes / 1e9),
      cpuPercent: (100 * window.serverCpuSeconds) / window.seconds,
      ...memoryMibOf(server.pid),
      deliveredShare: bytes / (sentBytes(window, transport) * readers),
      ...(transport === "udp" && { lostPackets: window.received["lost"]! }),
      deliveredMbitPerSecond: (bytes * 8) / 1e6 / window.seconds,
      loadCpuPercent: (100 * window.loadCpuSeconds) / window.seconds,
      otherCpuPercent: (100 * window.otherCpuSeconds) / window.seconds,
      ...(countCalls && (await measureCalls(server.pid, publisher, readLoads, transport))),
    };
  });
}

/** As a reader over this transport counts them: datagrams have no framing. */
function sentBytes({ sent }: Window, transport: Transport): number {
  return sent["bytes"]! - (transport === "udp" ? FRAMING_BYTES * sent["packets"]! : 0);
}

/** By frames delivered, not published: a server that strace slows down too much drops some. */
async function measureCalls(
  serverPid: number,
  publisher: LoadProcess,
  readLoads: readonly LoadProcess[],
  transport: Transport,
): Promise<Sample> {
  let framesDelivered = 0;
  const calls = await countSendCalls(serverPid, async () => {
    const window = await measureWindow(serverPid, publisher, readLoads, CALLS_WINDOW_MS);
    framesDelivered = window.received["bytes"]! / (sentBytes(window, transport) / window.sent["frames"]!);
  });
  return calls === undefined ? {} : { sendCallsPerFramePerReader: calls / framesDelivered };
}
