// A log that a test can wait for: lines with their prefixes, word for word.
import type { Log } from "#base/log.ts";

export class AwaitedLog implements Log {
  readonly lines: string[] = [];
  readonly #prefix: string;
  readonly #watchers: Set<() => void>;

  constructor(prefix = "", parent?: AwaitedLog) {
    this.#prefix = prefix;
    this.#watchers = parent === undefined ? new Set() : parent.#watchers;
    if (parent !== undefined) this.lines = parent.lines;
  }

  /** The `count`th line that matches, now or later. */
  async line(pattern: RegExp, count = 1): Promise<string> {
    for (;;) {
      const found = this.lines.filter((line) => pattern.test(line))[count - 1];
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#watchers.add(resolve));
    }
  }

  debug(text: string): void {
    this.#add(text);
  }

  info(text: string): void {
    this.#add(text);
  }

  warn(text: string): void {
    this.#add(text);
  }

  error(text: string): void {
    this.#add(text);
  }

  child(prefix: string): Log {
    return new AwaitedLog(`${this.#prefix}[${prefix}] `, this);
  }

  #add(text: string): void {
    this.lines.push(this.#prefix + text);
    for (const resolve of this.#watchers) resolve();
    this.#watchers.clear();
  }
}
