// What becomes of a command that arrives: read, compared with those before, judged, taken down, run, answered. One that is refused did nothing.
import type { UtcTime } from "#base/clock.ts";
import { errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { type Caller, type Command, type CommandTable, scopeOf } from "#control/command.ts";
import { CommandFault, commandErrorOf } from "./command-fault.ts";
import { type CommandJournal, JOURNAL_ENTRIES, type JournalEntry, type TakenCommand } from "./command-journal.ts";
import { ROTATION } from "./command-keys.ts";
import { type CommandAnswer, type CommandRequest, idOf, MAX_REQUEST_BYTES, parseCommandRequest } from "./command-request.ts";
import { type SigningKeys, verifyJws } from "./jws.ts";
import { type Rate, RateLimit } from "./rate-limit.ts";
import { parseStrictJson } from "./strict-json.ts";

/** Who may do privileged things: whoever signs, whoever the broker lets publish, or nobody. */
export type CommandTrust = "signed" | "broker" | "off";

/** A message on one of the topics of commands. */
export interface CommandMessage {
  readonly payload: Buffer;
  /** The broker kept it: it may be years old. */
  readonly isRetained: boolean;
  /** It went to all gateways. */
  readonly isBroadcast: boolean;
  /** Where its answers go; checked already. */
  readonly responseTopic: string;
}

export interface OperationLimit {
  readonly rate?: Rate;
  readonly atOnce?: number;
}

export interface CommandIntakeOptions {
  readonly commands: CommandTable;
  readonly journal: CommandJournal;
  readonly trust: CommandTrust;
  /** Of now: they are rotated while the gateway runs. */
  keys(): SigningKeys;
  /** Whether that key may sign such an operation; absent: each may sign any. */
  maySign?(kid: string, op: string): boolean;
  /** `tenant/gateway`. */
  readonly audience: string;
  readonly bootId: string;
  /** Of this process: another one at each start. */
  readonly runId: string;
  /** Monotonic. */
  nowMs(): number;
  utcNow(): UtcTime;
  readonly limits: ReadonlyMap<string, OperationLimit>;
  readonly log: Log;
  /** A terminal answer is kept until the NOC has it. Must not throw. */
  answer(topic: string, answer: CommandAnswer, isTerminal: boolean): void;
  /** A refusal, for the event `cmd.denied`. */
  denied(code: string, op: string | undefined): void;
  random(): number;
}

/** What all gateways may be asked at once. */
const BROADCAST_OPS = new Set(["ping", "rebirth", "backoff"]);
/** Whoever decides who may sign has to sign, also where the broker is trusted. */
const ALWAYS_SIGNED = new Set([ROTATION]);
const TRUSTED_TIME = new Set(["ntp", "ptp", "hint"]);
const MAX_RUNNING = 16;
const MAX_SPREAD_S = 3600;
/** Times that one which still runs is answered for at its end, with how often it came. */
const MAX_DELIVERIES = 16;
/** Of an answer: brokers of the contract take 256 KiB, and one that is sent more may drop the connection, again and again. */
const MAX_ANSWER_BYTES = 192 * 1024;
/** Of answers that need no journal, in UTF-16 units: the oldest go, and whoever asks again is answered anew. */
const MAX_RECENT_LENGTH = 1 << 20;

interface Running {
  readonly request: CommandRequest;
  readonly abort: AbortController;
  /** Answers so far. */
  n: number;
  /** Where its end is told, once for each time that it came. */
  readonly topics: string[];
}

export class CommandIntake {
  readonly #options: CommandIntakeOptions;
  readonly #running = new Map<string, Running>();
  readonly #rates = new Map<string, RateLimit>();
  /** Answers of commands that need no journal: what they do can be done twice. */
  readonly #recent = new Map<string, string>();
  #recentLength = 0;

  constructor(options: CommandIntakeOptions) {
    this.#options = options;
  }

  /** What a crash cut off: known to be done, or lost. `proof` tells of an operation that can show that it happened. */
  async settle(proof: (entry: JournalEntry) => unknown): Promise<void> {
    for (const entry of this.#options.journal.unfinished) {
      const res = proof(entry);
      const answer: CommandAnswer =
        res === undefined
          ? { id: entry.id, st: "lost", n: 2, msg: "the gateway stopped while it ran" }
          : { id: entry.id, st: "ok", n: 2, res };
      await this.#keepEnd(entry.id, answer);
      this.#options.answer(entry.responseTopic, answer, true);
    }
  }

  /** Resolves when the command is taken or refused: only then may the broker forget it. Never rejects. */
  async receive(message: CommandMessage): Promise<void> {
    let id: string | null = null;
    let op: string | undefined;
    try {
      if (message.payload.length > MAX_REQUEST_BYTES) throw new CommandFault("E_SIZE", `larger than ${MAX_REQUEST_BYTES} bytes`);
      if (message.isRetained) throw new CommandFault("E_RETAINED", "a command must not be retained");
      const { value, kid } = this.#open(message.payload);
      id = idOf(value);
      const request = parseCommandRequest(value);
      if ("fault" in request) throw new CommandFault("E_SCHEMA", request.fault);
      op = request.op;
      if (this.#answerAgain(request.id, message.responseTopic)) return;
      const command = this.#options.commands.get(request.op);
      const isPrivileged = command !== undefined && scopeOf(command, request.args) !== "read";
      this.#checkOrigin(request, kid, isPrivileged, message.isBroadcast);
      this.#checkTime(request, kid);
      if (command === undefined) throw new CommandFault("E_UNSUPPORTED", `this gateway has no operation '${request.op}'`);
      this.#admit(request);
      await this.#take(request, kid, command, message);
    } catch (error) {
      const fault = commandErrorOf(error);
      if (fault.c === "E_INTERNAL") this.#options.log.error(`a command could not be taken: ${errorText(error)}`);
      this.#options.denied(fault.c, op);
      const st = fault.c === "E_EXPIRED" ? "exp" : "rej";
      this.#options.answer(message.responseTopic, { id, st, n: 1, e: fault }, true);
    }
  }

  /** False: there is no such command that runs. */
  cancel(id: string): boolean {
    const running = this.#running.get(id);
    running?.abort.abort(new CommandFault("E_CANCELLED", "it was cancelled"));
    return running !== undefined;
  }

  /** Ends all that runs. */
  close(): void {
    for (const id of this.#running.keys()) this.cancel(id);
  }

  /** The request, and the key that signed it. */
  #open(payload: Buffer): { readonly value: unknown; readonly kid: string | undefined } {
    const text = payload.toString("utf8");
    const isSigned = /^[\w-]+\.[\w-]*\.[\w-]*$/.test(text);
    const verdict = isSigned ? verifyJws(text, this.#options.keys()) : undefined;
    if (verdict !== undefined && "fault" in verdict) throw new CommandFault("E_SIG", verdict.fault);
    const parsed = parseStrictJson(verdict?.payload ?? text);
    if ("fault" in parsed) throw new CommandFault("E_SCHEMA", parsed.fault);
    return { value: parsed.value, kid: verdict?.kid };
  }

  /** A command that came before is answered as it was, and not run again. */
  #answerAgain(id: string, topic: string): boolean {
    const running = this.#running.get(id);
    if (running !== undefined) {
      this.#options.answer(topic, { id, st: "ack", n: 1 }, false);
      if (running.topics.length < MAX_DELIVERIES) running.topics.push(topic);
      return true;
    }
    const answer = this.#recent.get(id) ?? this.#options.journal.get(id)?.answer;
    if (answer !== undefined) this.#options.answer(topic, JSON.parse(answer) as CommandAnswer, true);
    return answer !== undefined;
  }

  #checkOrigin({ op, aud, ctr }: CommandRequest, kid: string | undefined, isPrivileged: boolean, isBroadcast: boolean): void {
    const { trust, audience } = this.#options;
    if (isBroadcast && !BROADCAST_OPS.has(op)) throw new CommandFault("E_DENIED", `${op} is not for all gateways at once`);
    if (kid !== undefined) {
      if (aud !== audience) throw new CommandFault("E_AUD", `aud: it is for ${String(aud)}, not for ${audience}`);
      if (ctr === undefined) throw new CommandFault("E_SCHEMA", "ctr: a signed command has to have one");
      if (this.#options.maySign?.(kid, op) === false) throw new CommandFault("E_DENIED", `${kid} may not sign ${op}`);
    }
    if (!isPrivileged) return;
    if (trust === "off") throw new CommandFault("E_DENIED", `${op} is off here: mqtt.commands is off`);
    if (kid !== undefined || (trust === "broker" && !ALWAYS_SIGNED.has(op))) return;
    throw new CommandFault("E_SIG", `${op} has to be signed`);
  }

  #checkTime({ exp, ctr, strictTime }: CommandRequest, kid: string | undefined): void {
    const { utcUs, quality } = this.#options.utcNow();
    const isTimeKnown = TRUSTED_TIME.has(quality);
    if (isTimeKnown && utcUs / 1000 > exp) throw new CommandFault("E_EXPIRED", "it came too late");
    if (!isTimeKnown && strictTime)
      throw new CommandFault("E_EXPIRED", "the gateway does not know the time, and strict_time asks that it does");
    if (kid === undefined || ctr === undefined) return;
    const window = this.#options.journal.windowOf(kid);
    const isFresh = isTimeKnown ? window.isFresh(ctr) : window.isAhead(ctr);
    if (!isFresh) throw new CommandFault("E_REPLAY", `ctr: ${ctr} was used, or is too old`);
  }

  #admit({ op }: CommandRequest): void {
    const nowMs = this.#options.nowMs();
    const { rate, atOnce = MAX_RUNNING } = this.#options.limits.get(op) ?? {};
    const same = [...this.#running.values()].filter(({ request }) => request.op === op).length;
    if (same >= atOnce || this.#running.size >= MAX_RUNNING) throw new CommandFault("E_BUSY", `${op} runs already`, 5);
    if (rate === undefined) return;
    const limit = this.#rates.get(op) ?? new RateLimit(rate, nowMs);
    this.#rates.set(op, limit);
    if (!limit.take(nowMs)) throw new CommandFault("E_RATE", `${op} comes too often`, Math.ceil(limit.waitMs(nowMs) / 1000));
  }

  async #take(request: CommandRequest, kid: string | undefined, command: Command, message: CommandMessage): Promise<void> {
    const { journal, bootId, runId } = this.#options;
    const { id, op, ctr } = request;
    const taken: TakenCommand = {
      id,
      op,
      responseTopic: message.responseTopic,
      bootId,
      runId,
      ...(kid !== undefined && { kid, ctr: ctr! }),
    };
    const running: Running = { request, abort: new AbortController(), n: 0, topics: [message.responseTopic] };
    this.#running.set(id, running);
    // What is signed uses up a counter, whatever it does: that has to outlive a crash.
    const isKept = scopeOf(command, request.args) !== "read" || kid !== undefined;
    if (kid !== undefined) journal.windowOf(kid).accept(ctr!);
    try {
      if (isKept) await journal.take(taken);
    } catch (error) {
      this.#running.delete(id);
      throw new CommandFault("E_IO", `the command cannot be taken down: ${errorText(error)}`, 60);
    }
    void this.#run(running, message, isKept, kid);
  }

  async #run(running: Running, message: CommandMessage, isKept: boolean, kid: string | undefined): Promise<void> {
    const { commands, trust, answer } = this.#options;
    const { request, abort } = running;
    const { id, op, args, progressSeconds } = request;
    const topic = message.responseTopic;
    if (message.isBroadcast) await this.#spread(args["spread_s"], abort.signal);
    answer(topic, { id, st: "ack", n: ++running.n }, false);
    const mayAll = kid !== undefined || trust === "broker";
    const caller: Caller = { name: kid ?? "the NOC", may: (scope) => mayAll || scope === "read" };
    let toldMs = Number.NEGATIVE_INFINITY;
    const progress = (percent: number, text: string): void => {
      const nowMs = this.#options.nowMs();
      if (nowMs - toldMs < progressSeconds * 1000 || !this.#running.has(id)) return;
      toldMs = nowMs;
      answer(topic, { id, st: "run", n: ++running.n, pct: Math.round(percent), msg: text }, false);
    };
    let end: Omit<CommandAnswer, "n">;
    try {
      end = { id, st: "ok", res: (await commands.dispatch(op, args, { caller, signal: abort.signal, progress })) ?? {} };
    } catch (error) {
      const fault = abort.signal.aborted ? commandErrorOf(abort.signal.reason) : commandErrorOf(error);
      if (fault.c === "E_INTERNAL") this.#options.log.error(`${op}: ${errorText(error)}`);
      end = { id, st: abort.signal.aborted ? "cancel" : "err", e: fault };
    }
    const last = sendable({ ...end, n: running.n + 1 });
    if (isKept) await this.#keepEnd(id, last);
    else this.#remember(last);
    this.#running.delete(id);
    for (const to of running.topics) answer(to, last, true);
  }

  /** Before it goes out: what the NOC has been told is never told otherwise. */
  async #keepEnd(id: string, answer: CommandAnswer): Promise<void> {
    await this.#options.journal.finish(id, JSON.stringify(answer)).catch((error: unknown) => {
      this.#options.log.warn(`the end of command ${id} cannot be kept: ${errorText(error)}`);
    });
  }

  #remember(answer: CommandAnswer): void {
    const text = JSON.stringify(answer);
    this.#recent.set(answer.id!, text);
    this.#recentLength += text.length;
    for (const [id, { length }] of this.#recent) {
      if (this.#recent.size <= JOURNAL_ENTRIES && this.#recentLength <= MAX_RECENT_LENGTH) return;
      this.#recent.delete(id);
      this.#recentLength -= length;
    }
  }

  /** A command to thousands is answered over a time that it names. */
  async #spread(seconds: unknown, signal: AbortSignal): Promise<void> {
    if (typeof seconds !== "number" || !(seconds > 0)) return;
    const delayMs = this.#options.random() * Math.min(seconds, MAX_SPREAD_S) * 1000;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

function sendable(answer: CommandAnswer): CommandAnswer {
  const sizeBytes = Buffer.byteLength(JSON.stringify(answer));
  if (sizeBytes <= MAX_ANSWER_BYTES) return answer;
  const { id, n } = answer;
  const m = `the answer has ${sizeBytes} bytes, and ${MAX_ANSWER_BYTES} go into a message: ask for less at once`;
  return { id, st: "err", n, e: { c: "E_SIZE", m } };
}
