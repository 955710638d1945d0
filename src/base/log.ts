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
  /** Other options from now on; destinations that stay the same stay open. */
  configure(options: LogOptions): void;
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
  const { now = () => new Date() } = options;
  let lowest: LogLevel = options.level ?? "info";
  let opened = openKey(options);
  let queues = open(options);
  const closings = new Set<Promise<void>>();

  function open(wanted: LogOptions): readonly LogQueue[] {
    return (wanted.destinations ?? ["stdout"]).map((destination): LogQueue => {
      const sink = typeof destination === "string" ? openSink(destination, wanted) : destination;
      const queue: LogQueue = new LogQueue(sink, { now, onFault: (text) => emit("error", text, queue) });
      return queue;
    });
  }

  function emit(level: LogLevel, text: string, except?: LogQueue): void {
    if (RANKS[level] < RANKS[lowest]) return;
    const record = { time: now(), level, text: safeText(text) };
    for (const queue of queues) {
      if (queue !== except) queue.push(record);
    }
  }

  return {
    ...logOf(emit, ""),
    configure(wanted) {
      lowest = wanted.level ?? "info";
      if (openKey(wanted) === opened) return;
      const before = queues;
      opened = openKey(wanted);
      queues = open(wanted);
      for (const queue of before) {
        const closing = queue.close().then(() => void closings.delete(closing));
        closings.add(closing);
      }
    },
    async close() {
      // The last faults of one destination are still to be told by the others.
      await Promise.all(queues.map((queue) => queue.flush()));
      await Promise.allSettled([...closings, ...queues.map((queue) => queue.close())]);
    },
  };
}

/** Equal keys: the destinations are the same, opened the same way. */
function openKey({ destinations = ["stdout"], structured, file, syslogPrefix }: LogOptions): string {
  return JSON.stringify([destinations, structured, file, syslogPrefix]);
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
