// Who listens to a log: the last lines are kept for whoever looks for a fault, and handed on while somebody has asked for them.
import type { Log, LogLevel } from "./log.ts";
import { type LogRecord, safeText } from "./log-line.ts";

/** Must not throw, and must not log. */
export type LogListener = (record: LogRecord) => void;

const RANKS: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
/** Of kept lines, in UTF-16 units. */
const MAX_KEPT_LENGTH = 262_144;
const RECORD_OVERHEAD = 64;

export class LogTap {
  /** What is logged to it goes to the log below as well. */
  readonly log: Log;
  readonly #now: () => Date;
  readonly #listeners = new Map<LogListener, number>();
  #kept: LogRecord[] = [];
  #keptLength = 0;

  constructor(below: Log, now: () => Date = () => new Date()) {
    this.#now = now;
    this.log = this.#over(below, "");
  }

  /** The last ones from `info` on, oldest first. */
  get recent(): readonly LogRecord[] {
    return this.#kept;
  }

  /** Of this level and above, whatever the log writes itself, until the returned function is called. */
  listen(level: LogLevel, listener: LogListener): () => void {
    this.#listeners.set(listener, RANKS[level]);
    return () => void this.#listeners.delete(listener);
  }

  #over(below: Log, prefix: string): Log {
    const say = (level: LogLevel, text: string): void => {
      below[level](text);
      this.#take(level, prefix + text);
    };
    return {
      debug: (text) => say("debug", text),
      info: (text) => say("info", text),
      warn: (text) => say("warn", text),
      error: (text) => say("error", text),
      child: (name) => this.#over(below.child(name), `${prefix}[${name}] `),
    };
  }

  #take(level: LogLevel, text: string): void {
    const rank = RANKS[level];
    const isKept = rank >= RANKS.info;
    if (!isKept && this.#listeners.size === 0) return;
    const record: LogRecord = { time: this.#now(), level, text: safeText(text) };
    for (const [listener, least] of this.#listeners) if (rank >= least) listener(record);
    if (isKept) this.#keep(record);
  }

  #keep(record: LogRecord): void {
    this.#kept.push(record);
    this.#keptLength += record.text.length + RECORD_OVERHEAD;
    if (this.#keptLength <= MAX_KEPT_LENGTH) return;
    // A quarter at once: not line by line.
    let dropped = 0;
    for (; this.#keptLength > (MAX_KEPT_LENGTH * 3) / 4; dropped++) this.#keptLength -= this.#kept[dropped]!.text.length + RECORD_OVERHEAD;
    this.#kept = this.#kept.slice(dropped);
  }
}
