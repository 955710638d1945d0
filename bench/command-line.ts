// The arguments of `npm run bench --`, read and checked.
import { parseArgs } from "node:util";
import type { BenchmarkOptions } from "./benchmark.ts";
import { camgateServer, peerServer, plainServer, type ServerKind } from "./server-under-test.ts";

export const OPTIONS_TEXT = `  --peer mediamtx=<path>   a server to measure beside camgate, in the same run
  --camgate dist|src|none  which camgate: the bundle (default), the sources, or none
  --plain                  beside it the same camgate without what koffi calls
  --transport tcp|udp      of cameras and readers (ingest, latency)
  --readers 1,10,50,200    numbers of readers (fanout, udp-fanout, latency), of viewers (memory, webrtc)
  --cameras 16             cameras (ingest, memory)
  --gop 10                 seconds between keyframes, for the first picture (latency)
  --line 0,100             Mbit/s at which the packets of a frame leave a camera, 0: at once (ingest, latency)
  --settle 30              seconds before memory is read (memory)
  --sessions 40000         sessions (churn)
  --rounds 3               interleaved rounds, three at least (churn: one)
  --seconds 10             length of a timed window
  --no-calls               do not count system calls (needs strace)
  --trial                  one short round: does the benchmark work at all?
  --json <file>            writes every sample, the ratios and the goals
`;

export interface Invocation {
  readonly benchmark: string | undefined;
  readonly options: BenchmarkOptions;
  readonly jsonFile: string | undefined;
}

/** Throws with a sentence for people. */
export function parseCommandLine(words: readonly string[]): Invocation {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      peer: { type: "string", multiple: true, default: [] },
      camgate: { type: "string", default: "dist" },
      plain: { type: "boolean", default: false },
      transport: { type: "string" },
      readers: { type: "string" },
      cameras: { type: "string" },
      gop: { type: "string" },
      line: { type: "string" },
      settle: { type: "string" },
      sessions: { type: "string" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      "no-calls": { type: "boolean", default: false },
      trial: { type: "boolean", default: false },
      json: { type: "string" },
    },
  });
  const { transport } = values;
  if (transport !== undefined && transport !== "tcp" && transport !== "udp") throw new Error(`--transport ${transport}: tcp or udp`);
  const options: BenchmarkOptions = {
    servers: chosenServers(values.camgate, values.plain, values.peer),
    transport,
    readers: numbersOf("readers", values.readers),
    cameras: numberOf("cameras", values.cameras),
    gopSeconds: numbersOf("gop", values.gop),
    lineMbit: numbersOf("line", values.line),
    settleSeconds: numberOf("settle", values.settle),
    sessions: numberOf("sessions", values.sessions),
    rounds: numberOf("rounds", values.rounds),
    windowSeconds: numberOf("seconds", values.seconds),
    countCalls: !values["no-calls"] && !values.trial,
    trial: values.trial,
  };
  return { benchmark: positionals[0], options, jsonFile: values.json };
}

function chosenServers(camgate: string, plain: boolean, peerArguments: readonly string[]): ServerKind[] {
  const peers = peerArguments.map(peerServer);
  if (camgate === "none") return peers;
  const own = camgateServer(camgate === "src" ? "src" : "dist") ?? camgateServer("src");
  if (own === undefined) throw new Error("there is no camgate to measure: build it first");
  return plain ? [own, plainServer(own), ...peers] : [own, ...peers];
}

function numbersOf(name: string, text: string | undefined): number[] | undefined {
  const numbers = text?.split(",").map(Number);
  if (numbers?.some((number) => !(number >= 0))) throw new Error(`--${name} ${text}: numbers with commas between them`);
  return numbers;
}

function numberOf(name: string, text: string | undefined): number | undefined {
  return numbersOf(name, text)?.[0];
}
