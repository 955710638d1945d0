// npm run bench -- <benchmark> [--peer mediamtx=<path>] [--rounds 3] [--json <file>] …: runs one benchmark and prints it.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { MIN_ROUNDS, runInterleaved } from "./harness.ts";
import { type Report, reportJson, reportText } from "./report.ts";
import { FANOUT_COLUMNS, fanoutContender } from "./rtsp-tcp-fanout.ts";
import { LATENCY_COLUMNS, latencyContender } from "./rtsp-tcp-latency.ts";
import { camgateServer, peerServer, type ServerKind } from "./server-under-test.ts";

const USAGE = `npm run bench -- <benchmark> [options]

benchmarks
  fanout    RTSP/TCP fan-out: server CPU per GB delivered, memory, system calls
  latency   RTSP/TCP: what the server adds to a frame's way, and a new reader's wait for the first picture

options
  --peer mediamtx=<path>   a server to measure beside camgate, in the same run
  --camgate dist|src|none  which camgate: the bundle (default), the sources, or none
  --readers 1,10,50,200    numbers of readers
  --rounds 3               interleaved rounds, three at least
  --seconds 10             length of a timed window
  --no-calls               do not count system calls (needs strace)
  --json <file>            writes every sample and the ratios
`;

const LOAD = "1080p H.264, 4 Mbit/s, 30 frames/s, GOP 2 s";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    peer: { type: "string", multiple: true, default: [] },
    camgate: { type: "string", default: "dist" },
    readers: { type: "string" },
    rounds: { type: "string", default: String(MIN_ROUNDS) },
    seconds: { type: "string", default: "10" },
    "no-calls": { type: "boolean", default: false },
    json: { type: "string" },
  },
});

const servers = chosenServers();
const rounds = Math.max(MIN_ROUNDS, Number(options.rounds));
const windowSeconds = Number(options.seconds);
const report = await run(positionals[0]);
if (report === undefined) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  process.stdout.write(`\n${reportText(report)}`);
  if (options.json !== undefined) writeFileSync(options.json, reportJson(report));
}

async function run(benchmark: string | undefined): Promise<Report | undefined> {
  const common = { load: LOAD, rounds, servers };
  switch (benchmark) {
    case "fanout": {
      const contenders = servers.map((kind) => fanoutContender(kind, { windowSeconds, countCalls: !options["no-calls"] }));
      const results = await runInterleaved(contenders, readerCounts("1,10,50,200"), rounds, printRun);
      return { ...common, name: "rtsp-tcp-fanout", columns: FANOUT_COLUMNS, results };
    }
    case "latency": {
      const contenders = servers.map((kind) => latencyContender(kind, { windowSeconds }));
      const results = await runInterleaved(contenders, readerCounts("10"), rounds, printRun);
      return { ...common, name: "rtsp-tcp-latency", columns: LATENCY_COLUMNS, results };
    }
    default:
      return undefined;
  }
}

function chosenServers(): ServerKind[] {
  const peers = options.peer.map(peerServer);
  if (options.camgate === "none") return peers;
  const own = camgateServer(options.camgate === "src" ? "src" : "dist") ?? camgateServer("src");
  if (own === undefined) throw new Error("there is no camgate to measure: build it first");
  return [own, ...peers];
}

function readerCounts(fallback: string): { readers: number }[] {
  return (options.readers ?? fallback).split(",").map((count) => ({ readers: Number(count) }));
}

/** One line per run on stderr: whoever waits sees that it goes on. */
function printRun(contender: string, parameters: object, round: number, sample: Readonly<Record<string, number>>): void {
  const figures = Object.entries(sample).map(([name, value]) => `${name}=${value.toPrecision(3)}`);
  process.stderr.write(`${contender} ${JSON.stringify(parameters)} round ${round}: ${figures.join(" ")}\n`);
}
