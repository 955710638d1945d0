// Log destinations: standard output, a file, the system log. Each write is asynchronous and one at a time; the queue before it bounds the rest.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fstatSync, write } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import type { LogLevel, LogRecord } from "./log-line.ts";
import type { LogSink } from "./log-queue.ts";

type Format = (record: LogRecord) => string;

const writeFd = promisify(write);
const STDOUT_FD = 1;
/** Somebody we share standard output with made it non-blocking, and it is full. */
const STDOUT_RETRY_MS = 20;

/**
 * Standard output. Node writes to pipes and sockets asynchronously, but to files and terminals synchronously, where a full disk or a held
 * terminal would stop the media: those are written by the thread pool.
 */
export function stdoutSink(format: Format): LogSink {
  const status = fstatSync(STDOUT_FD);
  const writeText = status.isFIFO() || status.isSocket() ? writeStdoutStream : writeStdoutFd;
  return { name: "standard output", write: (records) => writeText(linesOf(records, format)), close: async () => {} };
}

function writeStdoutStream(text: string): Promise<void> {
  const { promise, resolve, reject } = settleable();
  // The stream tells its callback and emits an error as well, which would end the process if nobody listened.
  if (process.stdout.listenerCount("error") === 0) process.stdout.on("error", () => {});
  process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  return promise;
}

async function writeStdoutFd(text: string): Promise<void> {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      const { bytesWritten } = await writeFd(STDOUT_FD, rest);
      rest = rest.subarray(bytesWritten);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      await delay(STDOUT_RETRY_MS);
    }
  }
}

/** A file that is appended to; opened anew after a failure. */
export function fileSink(path: string, format: Format): LogSink {
  let file: FileHandle | undefined;
  const close = async () => {
    const closing = file;
    file = undefined;
    await closing?.close();
  };
  return {
    name: `log file ${path}`,
    async write(records) {
      try {
        file ??= await open(path, "a");
        await file.appendFile(linesOf(records, format));
      } catch (error) {
        await close().catch(() => {}); // The first failure is the one to tell.
        throw error;
      }
    },
    close,
  };
}

const SYSLOG_PRIORITIES: Record<LogLevel, string> = {
  debug: "daemon.debug",
  info: "daemon.info",
  warn: "daemon.warning",
  error: "daemon.err",
};

/**
 * The system log, through logger(1), since Node has no Unix datagram sockets: one long-running `logger` for each level in use, because
 * BusyBox's takes the priority from its command line alone. Lines of different levels may so change places within milliseconds.
 */
export function syslogSink(prefix: string, command = "logger"): LogSink {
  const loggers = new Map<LogLevel, ChildProcess>();
  let failure: Error | undefined;

  const start = async (level: LogLevel): Promise<ChildProcess> => {
    const child = spawn(command, ["-t", prefix, "-p", SYSLOG_PRIORITIES[level]], { stdio: ["pipe", "ignore", "ignore"] });
    child.stdin.on("error", () => {}); // The callback of the write tells it.
    await once(child, "spawn"); // Rejects when there is no such program.
    child.once("exit", (code) => {
      loggers.delete(level);
      if (code !== 0) failure = new Error(`${command} ended with status ${code}`);
    });
    child.unref();
    loggers.set(level, child);
    return child;
  };

  return {
    name: "system log",
    async write(records) {
      if (failure !== undefined) {
        const error = failure;
        failure = undefined;
        throw error;
      }
      for (const run of runsOfOneLevel(records)) {
        const child = loggers.get(run.level) ?? (await start(run.level));
        const { promise, resolve, reject } = settleable();
        child.stdin?.write(
          linesOf(run.records, (record) => record.text),
          (error) => (error ? reject(error) : resolve()),
        );
        await promise;
      }
    },
    async close() {
      const ended = [...loggers.values()].map((child) => once(child, "exit"));
      for (const child of loggers.values()) {
        child.ref();
        child.stdin?.end();
      }
      await Promise.all(ended);
    },
  };
}

/** Groups neighbours of the same level. */
function runsOfOneLevel(records: readonly LogRecord[]): { level: LogLevel; records: LogRecord[] }[] {
  const runs: { level: LogLevel; records: LogRecord[] }[] = [];
  for (const record of records) {
    const last = runs.at(-1);
    if (last?.level === record.level) last.records.push(record);
    else runs.push({ level: record.level, records: [record] });
  }
  return runs;
}

function linesOf(records: readonly LogRecord[], format: Format): string {
  return records.map((record) => `${format(record)}\n`).join("");
}

function settleable(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve: () => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
