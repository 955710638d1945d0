// The log: levels, prefixes that name who speaks, and the destinations that MediaMTX has.
import { humanLine, jsonLine, type LogLevel, safeText } from "./log-line.ts";
import { LogQueue, type LogSink } from "./log-queue.ts";
import { fileSink, stdoutSink, syslogSink } from "./log-sinks.ts";

export type { LogLevel } from "./log-line.ts";

/** What everybody logs to. A call returns at once and never throws, whatever the destinations do. */
export interface Log {
  debug(text: string): void;
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
  /** A log whose lines start with `[prefix] `, after the prefixes of this one. */
  child(prefix: string): Log;
}

export interface RootLog extends Log {
  /** Writes what is queued and closes the destinations; gives up on those that do not answer within seconds. */
  close(): Promise<void>;
}

export interface LogOptions {
  /** Lines below this level are not written. Default: info. */
  readonly level?: LogLevel;
  /** JSON lines on standard output and in the file. The system log has its own form. */
  readonly structured?: boolean;
  /** Default: standard output. */
  readonly destinations?: readonly ("stdout" | "file" | "syslog" | LogSink)[];
  /** Path of the log file. */
  readonly file?: string;
  /** The name the system log files our lines under. */
  readonly syslogPrefix?: string;
  readonly now?: () => Date;
}

const RANKS: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Says nothing to nobody. */
export const silentLog: Log = logOf(() => {}, "");

/**
 * Opens a log. A destination that cannot be opened or written costs its own lines and one line in the others, nothing else; it is tried again.
 * Control characters and the passwords of URLs do not get into any line.
 */
export function createLogger(options: LogOptions = {}): RootLog {
  const { level: lowest = "info", destinations = ["stdout"], now = () => new Date() } = options;
  const queues = destinations.map((destination): LogQueue => {
    const sink = typeof destination === "string" ? openSink(destination, options) : destination;
    const queue: LogQueue = new LogQueue(sink, { now, onFault: (text) => emit("error", text, queue) });
    return queue;
  });

  function emit(level: LogLevel, text: string, except?: LogQueue): void {
    if (RANKS[level] < RANKS[lowest]) return;
    const record = { time: now(), level, text: safeText(text) };
    for (const queue of queues) {
      if (queue !== except) queue.push(record);
    }
  }

  return {
    ...logOf(emit, ""),
    async close() {
      // The last faults of one destination are still to be told by the others.
      await Promise.all(queues.map((queue) => queue.flush()));
      await Promise.allSettled(queues.map((queue) => queue.close()));
    },
  };
}

function openSink(destination: "stdout" | "file" | "syslog", options: LogOptions): LogSink {
  const format = options.structured === true ? jsonLine : humanLine;
  switch (destination) {
    case "stdout":
      return stdoutSink(format);
    case "file":
      return fileSink(options.file ?? "mediamtx.log", format);
    case "syslog":
      return syslogSink(options.syslogPrefix ?? "mediamtx");
  }
}

function logOf(emit: (level: LogLevel, text: string) => void, prefix: string): Log {
  return {
    debug: (text) => emit("debug", prefix + text),
    info: (text) => emit("info", prefix + text),
    warn: (text) => emit("warn", prefix + text),
    error: (text) => emit("error", prefix + text),
    child: (name) => logOf(emit, `${prefix}[${name}] `),
  };
}
