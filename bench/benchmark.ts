// What a benchmark is: figures of one server at one setting, taken of every server in turn.
import { type Contender, MIN_ROUNDS, runInterleaved, type Sample } from "./harness.ts";
import type { Column, Report } from "./report.ts";
import type { Transport } from "./rtsp-connection.ts";
import { OWN_NAME, type ServerKind } from "./server-under-test.ts";

/** What the command line asks for. What is undefined is left to each benchmark. */
export interface BenchmarkOptions {
  readonly servers: readonly ServerKind[];
  readonly rounds?: number | undefined;
  readonly windowSeconds?: number | undefined;
  readonly transport?: Transport | undefined;
  readonly readers?: readonly number[] | undefined;
  readonly cameras?: number | undefined;
  readonly settleSeconds?: number | undefined;
  /** Seconds between keyframes that a new reader is measured with. */
  readonly gopSeconds?: readonly number[] | undefined;
  /** Of the cameras' network ports; 0: a frame leaves at once. */
  readonly lineMbit?: readonly number[] | undefined;
  readonly sessions?: number | undefined;
  readonly countCalls: boolean;
  /** One short round: shows that the benchmark works, says nothing about the servers. */
  readonly trial: boolean;
}

export interface Benchmark {
  readonly name: string;
  readonly summary: string;
  /** What `all` runs it with, one after the other. */
  readonly modest: readonly Partial<BenchmarkOptions>[];
  run(options: BenchmarkOptions): Promise<Report[]>;
}

/** Where nothing else is said. */
export const LOAD = "1080p H.264, 4 Mbit/s, 30 frames/s, GOP 2 s";
const WINDOW_SECONDS = 10;
const TRIAL_WINDOW_SECONDS = 2;

export function windowSecondsOf(options: BenchmarkOptions): number {
  return options.windowSeconds ?? (options.trial ? TRIAL_WINDOW_SECONDS : WINDOW_SECONDS);
}

export type Setting = Readonly<Record<string, number>>;

export interface Comparison<Parameters extends Setting> {
  readonly name: string;
  readonly load: string;
  readonly columns: readonly Column[];
  readonly settings: readonly Parameters[];
  /** Where one run is a row of figures in itself. */
  readonly rounds?: number;
  measure(kind: ServerKind, setting: Parameters): Promise<Sample>;
}

/** Measures all servers of the options in interleaved rounds. */
export async function compare<Parameters extends Setting>(
  options: BenchmarkOptions,
  { name, load, columns, settings, measure, ...comparison }: Comparison<Parameters>,
): Promise<Report> {
  const { servers, trial } = options;
  const rounds = trial ? 1 : Math.max(comparison.rounds ?? MIN_ROUNDS, options.rounds ?? 0);
  const contenders = servers.map((kind): Contender<Parameters> => ({ name: kind.name, run: (setting) => measure(kind, setting) }));
  const results = await runInterleaved(contenders, settings, rounds, (contender, setting, round, sample) =>
    printRun(`${name} ${contender}`, setting, round, sample),
  );
  return { name, load: trial ? `TRIAL; ${load}` : load, rounds, servers, columns, results };
}

/** Of a benchmark without a peer: figures at some settings, which have goals of their own. */
export interface Part<Parameters extends Setting> {
  readonly name: string;
  readonly load: string;
  readonly columns: readonly Column[];
  readonly settings: readonly Parameters[];
  measure(setting: Parameters): Promise<Sample>;
}

export async function measurePart<Parameters extends Setting>(options: BenchmarkOptions, part: Part<Parameters>): Promise<Report> {
  const { name, load, columns, settings, measure } = part;
  const rounds = options.rounds ?? 1;
  const results = await runInterleaved([{ name: OWN_NAME, run: measure }], settings, rounds, (_, setting, round, sample) => {
    process.stderr.write(`${name} ${JSON.stringify(setting)} round ${round}: ${JSON.stringify(sample)}\n`);
  });
  return { name, load: options.trial ? `TRIAL; ${load}` : load, rounds, servers: [], columns, results };
}

/** One line per run on stderr: whoever waits sees that it goes on. */
function printRun(contender: string, setting: Setting, round: number, sample: Sample): void {
  const figures = Object.entries(sample).map(([name, value]) => `${name}=${value.toPrecision(3)}`);
  process.stderr.write(`${contender} ${JSON.stringify(setting)} round ${round}: ${figures.join(" ")}\n`);
}
