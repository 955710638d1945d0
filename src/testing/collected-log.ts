// A log that keeps what it is told, word for word: nothing is taken out of the lines.
import type { Log } from "#base/log.ts";

export interface CollectedLog extends Log {
  readonly lines: readonly string[];
}

export function collectedLog(): CollectedLog {
  const lines: string[] = [];
  return { ...logOf(lines, ""), lines };
}

function logOf(lines: string[], prefix: string): Log {
  const add = (text: string): void => void lines.push(prefix + text);
  return { debug: add, info: add, warn: add, error: add, child: (name) => logOf(lines, `${prefix}[${name}] `) };
}
