// Benchmark: the link to the NOC, against Debian's mosquitto. It has no peer; what is judged are the goals of docs/performance.md.
import { mosquittoMissing } from "#testing/peers/mosquitto.ts";
import { type Benchmark, type BenchmarkOptions, measurePart } from "./benchmark.ts";
import { measureFleet } from "./noc-fleet.ts";
import { measureLink } from "./noc-link.ts";
import { measureOffline } from "./noc-offline.ts";
import { measureOutbox } from "./noc-outbox.ts";
import { measureRollback } from "./noc-rollback.ts";
import type { Column } from "./report.ts";
import { OWN_NAME, type ServerKind } from "./server-under-test.ts";

export const noc: Benchmark = {
  name: "noc",
  summary: "the link to the NOC: births, commands, the outbox through SIGKILL, a day offline, rollback, a fleet that loses its broker",
  modest: [{}],
  run: async (options) => {
    if (mosquittoMissing !== false) throw new Error(mosquittoMissing);
    const kind = ownOf(options);
    const { trial } = options;
    return [
      await measurePart(options, {
        name: "noc-link",
        load: "one gateway behind a proxy; pings ten a second, signed commands one after the other",
        columns: LINK,
        settings: [trial ? { reconnects: 3, pings: 5, signed: 5, tripled: 3 } : { reconnects: 50, pings: 200, signed: 300, tripled: 100 }],
        measure: (setting) => measureLink(kind, setting),
      }),
      await measurePart(options, {
        name: "noc-outbox",
        load: "critical events taken down without a broker, then sent; killed as often on either way",
        columns: OUTBOX,
        settings: [trial ? { events: 1000, kills: 2 } : { events: 10_000, kills: 8 }],
        measure: measureOutbox,
      }),
      await measurePart(options, {
        name: "noc-offline",
        load: "four cameras, telemetry each minute, simulated time, a real file system",
        columns: OFFLINE,
        settings: trial ? [{ hours: 2, eventsPerHour: 60 }] : [1, 60, 3600].map((eventsPerHour) => ({ hours: 24, eventsPerHour })),
        measure: measureOffline,
      }),
      await measurePart(options, {
        name: "noc-rollback",
        load: "a config with another broker: nobody there, one that says nothing, one that takes a birth and nothing more",
        columns: ROLLBACK,
        settings: [{ probationSeconds: trial ? 2 : 10 }],
        measure: (setting) => measureRollback(kind, setting),
      }),
      await measurePart(options, {
        name: "noc-fleet",
        load: "simulated gateways in one process, a connection each, telemetry each minute; their broker is killed and comes back",
        columns: FLEET,
        settings: trial ? [{ sites: 100, downSeconds: 1 }] : [2, 60].map((downSeconds) => ({ sites: 5000, downSeconds })),
        measure: (setting) => measureFleet(kind, setting),
      }),
    ];
  },
};

const LINK: readonly Column[] = [
  { figure: "bootMs", title: "CONNACK to birth at the NOC ms, first", digits: 1, most: 1000 },
  { figure: "birthP50Ms", title: "later p50", digits: 1 },
  { figure: "birthMaxMs", title: "longest", digits: 1, most: 1000 },
  { figure: "pingP50Ms", title: "ping to ack p50 ms", digits: 1 },
  { figure: "pingP95Ms", title: "p95", digits: 1, most: 100 },
  { figure: "pingP99Ms", title: "p99", digits: 1, most: 300 },
  { figure: "ackP50Ms", title: "signed command to ack p50 ms", digits: 1 },
  { figure: "ackP95Ms", title: "p95", digits: 1, most: 100 },
  { figure: "ackP99Ms", title: "p99", digits: 1, most: 300 },
  { figure: "answersEach", title: "answers to three deliveries", digits: 2, least: 3, most: 3 },
  { figure: "twice", title: "run again", digits: 0, most: 0 },
  { figure: "unlike", title: "not the same", digits: 0, most: 0 },
];

const OUTBOX: readonly Column[] = [
  { figure: "safe", title: "events that were safe", digits: 0 },
  { figure: "lost", title: "lost", digits: 0, most: 0 },
  { figure: "again", title: "came again, with the same id", digits: 0 },
  { figure: "sessions", title: "sessions", digits: 0 },
  { figure: "drainedPerSecond", title: "sent per second", digits: 0 },
];

const OFFLINE: readonly Column[] = [
  { figure: "memoryMib", title: "memory MiB", digits: 2, most: 2 },
  { figure: "diskMib", title: "disk MiB", digits: 2, most: 8 },
  { figure: "writtenMib", title: "written MiB", digits: 2 },
  { figure: "syncs", title: "syncs", digits: 0 },
  { figure: "waiting", title: "kept", digits: 0 },
];

const ROLLBACK: readonly Column[] = [
  { figure: "nobodyS", title: "undone after probation s, nobody there", digits: 1, most: 30 },
  { figure: "silentS", title: "silent", digits: 1, most: 30 },
  { figure: "deafS", title: "deaf", digits: 1, most: 30 },
];

const FLEET: readonly Column[] = [
  { figure: "mean", title: "connects/s, mean", digits: 0 },
  { figure: "peak", title: "peak", digits: 0 },
  { figure: "restartPeakToMean", title: "peak / mean, restart", digits: 2, most: 2 },
  { figure: "outagePeakToMean", title: "peak / mean, outage", digits: 2 },
  { figure: "backSeconds", title: "99 % back after s", digits: 1 },
  { figure: "allSeconds", title: "all", digits: 1 },
  { figure: "attemptsEach", title: "attempts each", digits: 2 },
  { figure: "fleetCpuMs", title: "CPU ms each", digits: 1 },
  { figure: "siteKib", title: "KiB of the simulation each", digits: 0 },
];

function ownOf({ servers }: BenchmarkOptions): ServerKind {
  const own = servers.find(({ name }) => name === OWN_NAME);
  if (own === undefined) throw new Error("there is no camgate to measure: --camgate dist or src");
  return own;
}
