// Interleaved rounds and what they sum up to: A B A B …, so that what the machine does meanwhile hits all contenders alike.
import { median } from "./statistics.ts";

/** Named figures of one run, e.g. `cpuSecondsPerGb`. A figure that could not be taken is left out. */
export type Sample = Readonly<Record<string, number>>;

export interface Contender<Parameters> {
  readonly name: string;
  run(parameters: Parameters): Promise<Sample>;
}

export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The figures of one contender at one setting over all rounds. */
export interface Result<Parameters> {
  readonly contender: string;
  readonly parameters: Parameters;
  readonly figures: Readonly<Record<string, Summary>>;
  readonly samples: readonly Sample[];
}

/** Fewer say nothing about the spread. */
export const MIN_ROUNDS = 3;

/** Runs every contender once per round at every setting. A run that throws ends the whole benchmark: half a comparison is none. */
export async function runInterleaved<Parameters>(
  contenders: readonly Contender<Parameters>[],
  settings: readonly Parameters[],
  rounds: number,
  onRun: (contender: string, parameters: Parameters, round: number, sample: Sample) => void,
): Promise<Result<Parameters>[]> {
  const results: Result<Parameters>[] = [];
  for (const parameters of settings) {
    const samples = contenders.map((): Sample[] => []);
    for (let round = 1; round <= rounds; round += 1) {
      for (const [i, contender] of contenders.entries()) {
        const sample = await contender.run(parameters);
        samples[i]!.push(sample);
        onRun(contender.name, parameters, round, sample);
      }
    }
    results.push(
      ...contenders.map(({ name }, i) => ({ contender: name, parameters, figures: summarize(samples[i]!), samples: samples[i]! })),
    );
  }
  return results;
}

/** Median, least and most of every figure that any of the samples has. */
export function summarize(samples: readonly Sample[]): Record<string, Summary> {
  const names = new Set(samples.flatMap((sample) => Object.keys(sample)));
  const summaries: Record<string, Summary> = {};
  for (const name of names) {
    const values = samples.map((sample) => sample[name]).filter((value) => value !== undefined && !Number.isNaN(value)) as number[];
    if (values.length === 0) continue;
    summaries[name] = { median: median(values), min: Math.min(...values), max: Math.max(...values) };
  }
  return summaries;
}

/** The ratio of two medians, by figure: below 1 means that `of` needs less. */
export function ratios(of: Readonly<Record<string, Summary>>, to: Readonly<Record<string, Summary>>): Record<string, number> {
  const shared = Object.keys(of).filter((name) => name in to && to[name]!.median !== 0);
  return Object.fromEntries(shared.map((name) => [name, of[name]!.median / to[name]!.median]));
}
