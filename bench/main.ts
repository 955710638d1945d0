// npm run bench -- <benchmark> [--peer mediamtx=<path>] [--rounds 3] [--json <file>] …: runs benchmarks and prints what they found.
import { writeFileSync } from "node:fs";
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import { type Invocation, OPTIONS_TEXT, parseCommandLine } from "./command-line.ts";
import { noc } from "./noc.ts";
import { recordBeyond } from "./record-beyond.ts";
import { type Report, reportsJson, reportText } from "./report.ts";
import { ring } from "./ring.ts";
import { churn } from "./rtsp-churn.ts";
import { fanout, udpFanout } from "./rtsp-fanout.ts";
import { ingest, record } from "./rtsp-ingest.ts";
import { latency } from "./rtsp-latency.ts";
import { memory } from "./rtsp-memory.ts";
import { srtp } from "./srtp.ts";
import { webRtcFanout } from "./webrtc-fanout.ts";
import { webRtcGlass } from "./webrtc-glass.ts";
import { webRtcLatency } from "./webrtc-latency.ts";

const BENCHMARKS: readonly Benchmark[] = [
  fanout,
  udpFanout,
  ingest,
  record,
  recordBeyond,
  latency,
  memory,
  churn,
  ring,
  noc,
  srtp,
  webRtcFanout,
  webRtcLatency,
  webRtcGlass,
];

const USAGE = `npm run bench -- <benchmark> [options]

benchmarks
${BENCHMARKS.map(({ name, summary }) => `  ${name.padEnd(14)} ${summary}\n`).join("")}  all         one after the other, each with a modest load; what fails is told, and the rest goes on

options
${OPTIONS_TEXT}`;

// The servers end with this process, and load processes when their channel closes.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

process.exitCode = await main();

async function main(): Promise<number> {
  let invocation: Invocation;
  try {
    invocation = parseCommandLine(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  const { benchmark: name, options, jsonFile } = invocation;
  const benchmark = BENCHMARKS.find((one) => one.name === name);
  if (name === "all") return runAll(options, jsonFile);
  if (benchmark === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  try {
    const reports = await benchmark.run(options);
    for (const report of reports) print(report);
    if (jsonFile !== undefined) writeFileSync(jsonFile, reportsJson(reports));
    return 0;
  } catch (error) {
    process.stderr.write(`${name}: ${(error as Error).message}\n`);
    return 1;
  }
}

/** The file is written after every benchmark: an end on the way loses nothing. */
async function runAll(options: BenchmarkOptions, jsonFile: string | undefined): Promise<number> {
  const asked = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as unknown as BenchmarkOptions;
  const reports: Report[] = [];
  const failures: string[] = [];
  for (const { name, modest, run } of BENCHMARKS) {
    for (const changes of modest) {
      try {
        const found = await run({ ...changes, ...asked });
        for (const report of found) print(report);
        reports.push(...found);
      } catch (error) {
        failures.push(`${name} ${JSON.stringify(changes)}: ${(error as Error).message}`);
        process.stdout.write(`\n${failures.at(-1)}\n`);
      }
      if (jsonFile !== undefined) writeFileSync(jsonFile, reportsJson(reports, failures));
    }
  }
  return failures.length === 0 ? 0 : 1;
}

function print(report: Report): void {
  process.stdout.write(`\n${reportText(report)}`);
}
