// Lines of the log for the NOC, on up/log: while a lease lasts, no more than a link bears, secrets taken out.
import { randomUUID } from "node:crypto";
import { CallerFault } from "#base/errors.ts";
import type { LogRecord } from "#base/log-line.ts";
import type { LogTap } from "#base/log-tap.ts";
import type { Schedule } from "#base/schedule.ts";
import type { Command } from "#control/command.ts";

export interface LogTailOptions {
  readonly tap: Pick<LogTap, "listen" | "recent">;
  /** Now or never: QoS 0. */
  tell(body: Readonly<Record<string, unknown>>): void;
  /** A text without secrets. */
  hide(text: string): string;
  /** ms since 1970. */
  utcMs(): number;
  readonly schedule: Schedule;
}

/** `lid` of the lease, and when it ends, ms since 1970. */
export interface LogLease {
  readonly lid: string;
  readonly exp: number;
}

type Level = LogRecord["level"];

const LEVELS: readonly Level[] = ["debug", "info", "warn", "error"];
const TAGS: Readonly<Record<Level, string>> = { debug: "DEB", info: "INF", warn: "WAR", error: "ERR" };
const USUAL_TTL_S = 300;
const MAX_TTL_S = 3600;
const MAX_LAST = 200;
/** Lines wait for so long that they go together. */
const GATHER_MS = 1000;
/** In that time: what is more is counted. */
const MAX_LINES = 50;
const MAX_CHARACTERS = 16_384;
const MAX_LINE_CHARACTERS = 2000;

interface Lease {
  readonly lid: string;
  lines: string[];
  characters: number;
  dropped: number;
  readonly stopListening: () => void;
  cancelEnd: () => void;
  /** Undefined: no lines wait. */
  cancelGathering: (() => void) | undefined;
}

export class LogTail {
  readonly #options: LogTailOptions;
  #lease: Lease | undefined;

  constructor(options: LogTailOptions) {
    this.#options = options;
  }

  /** The one lease there can be; `last`: so many lines of before come first. */
  open({ ttlS, level, last }: { readonly ttlS: number; readonly level: Level; readonly last: number }): LogLease {
    if (this.#lease !== undefined) throw new CallerFault("too-many", `the log is sent already, under the lease ${this.#lease.lid}`);
    const { tap } = this.#options;
    const lease: Lease = {
      lid: randomUUID(),
      lines: [],
      characters: 0,
      dropped: 0,
      stopListening: tap.listen(level, (record) => this.#take(lease, record)),
      cancelEnd: () => {},
      cancelGathering: undefined,
    };
    this.#lease = lease;
    const wanted = tap.recent
      .filter((record) => LEVELS.indexOf(record.level) >= LEVELS.indexOf(level))
      .slice(last === 0 ? Number.POSITIVE_INFINITY : -last);
    // Of what does not go into one message the newest say most.
    let from = wanted.length;
    for (let characters = 0; from > 0 && characters < MAX_CHARACTERS; ) characters += wanted[--from]!.text.length;
    for (const record of wanted.slice(from)) this.#take(lease, record, last);
    lease.dropped += from;
    return this.#extend(lease, ttlS);
  }

  renew(lid: string, ttlS: number): LogLease {
    return this.#extend(this.#named(lid), ttlS);
  }

  stop(lid: string): void {
    this.#end(this.#named(lid));
  }

  close(): void {
    if (this.#lease !== undefined) this.#end(this.#lease);
  }

  #named(lid: string): Lease {
    if (this.#lease?.lid !== lid) throw new CallerFault("not-found", `there is no lease ${lid.slice(0, 64)}`, "lid");
    return this.#lease;
  }

  #extend(lease: Lease, ttlS: number): LogLease {
    const { utcMs, schedule } = this.#options;
    lease.cancelEnd();
    lease.cancelEnd = schedule(() => this.#end(lease), ttlS * 1000);
    return { lid: lease.lid, exp: utcMs() + ttlS * 1000 };
  }

  #take(lease: Lease, { time, level, text }: LogRecord, maxLines = MAX_LINES): void {
    if (lease.lines.length >= maxLines || lease.characters >= MAX_CHARACTERS) {
      lease.dropped++;
      return;
    }
    const shown = this.#options.hide(text).slice(0, MAX_LINE_CHARACTERS);
    lease.lines.push(`${time.toISOString()} ${TAGS[level]} ${shown}`);
    lease.characters += shown.length;
    lease.cancelGathering ??= this.#options.schedule(() => this.#send(lease), GATHER_MS);
  }

  #send(lease: Lease): void {
    const { lid, lines, dropped } = lease;
    lease.lines = [];
    lease.characters = 0;
    lease.dropped = 0;
    lease.cancelGathering = undefined;
    if (lines.length > 0) this.#options.tell({ lid, lines, ...(dropped > 0 && { dropped }) });
  }

  #end(lease: Lease): void {
    lease.stopListening();
    lease.cancelEnd();
    lease.cancelGathering?.();
    this.#send(lease);
    this.#lease = undefined;
  }
}

interface TailInput {
  readonly lid: string | undefined;
  readonly ttlS: number;
  readonly level: Level;
  readonly last: number;
}

export function logTailCommands(tail: LogTail): readonly Command[] {
  const open: Command<TailInput, LogLease> = {
    name: "log.tail",
    scope: "admin",
    summary: "Lines of the log on up/log, for a time; secrets taken out. With `lid` the lease lasts longer.",
    parse: (input) => {
      const { lid, ttl_s, level = "info", last = 0 } = fieldsOf(input, ["lid", "ttl_s", "level", "last"]);
      if (lid !== undefined && (typeof lid !== "string" || lid.length > 64)) throw wrong("lid", "has to be that of a lease");
      if (!LEVELS.includes(level as Level)) throw wrong("level", `has to be one of ${LEVELS.join(", ")}`);
      return {
        lid,
        ttlS: wholeNumber("ttl_s", ttl_s ?? USUAL_TTL_S, 1, MAX_TTL_S),
        level: level as Level,
        last: wholeNumber("last", last, 0, MAX_LAST),
      };
    },
    run: async ({ lid, ...wish }) => (lid === undefined ? tail.open(wish) : tail.renew(lid, wish.ttlS)),
  };
  const stop: Command<string, object> = {
    name: "log.stop",
    scope: "admin",
    summary: "Ends a lease of log.tail.",
    parse: (input) => {
      const { lid } = fieldsOf(input, ["lid"]);
      if (typeof lid !== "string") throw wrong("lid", "has to be that of a lease");
      return lid;
    },
    run: async (lid) => {
      tail.stop(lid);
      return {};
    },
  };
  return [open, stop] as readonly Command[];
}

function fieldsOf(input: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
  const fields = (input ?? {}) as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(fields).find((name) => !names.includes(name));
  if (unknown !== undefined) throw wrong(unknown.slice(0, 64), `is no field here: there are ${names.join(", ")}`);
  return fields;
}

function wholeNumber(name: string, value: unknown, least: number, most: number): number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return value as number;
  throw wrong(name, `has to be a whole number from ${least} to ${most}`);
}

function wrong(name: string, text: string): CallerFault {
  return new CallerFault("invalid", `${name}: ${text}`, name);
}
