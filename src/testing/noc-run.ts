// `camgate noc …` in the process of a test: what it prints, and how it ends.
import { runNoc } from "#cli/noc.ts";

export interface NocRun {
  /** What it has printed so far. */
  readonly lines: readonly string[];
  /** Its exit code. */
  readonly code: Promise<number>;
  /** Of an operator who has seen enough. */
  readonly stop: AbortController;
}

type Environment = Readonly<Record<string, string>>;

/** `env` says where broker, keys and certificates are. */
export function startNocRun(env: Environment, ...words: readonly string[]): NocRun {
  const lines: string[] = [];
  const stop = new AbortController();
  return { lines, stop, code: runNoc(words, { line: (text) => lines.push(text) }, { env, signal: stop.signal, columns: undefined }) };
}

/** One that ends by itself. `text`: all that it printed. */
export async function nocRun(env: Environment, ...words: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  const { lines, code } = startNocRun(env, ...words);
  return { code: await code, text: lines.join("\n") };
}
