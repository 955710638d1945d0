// Which commands came and what became of them, on disk before anything is done: none runs twice, and none that was taken is forgotten.
import { dirname } from "node:path";
import type { FsFile, FsPort } from "#base/fs-port.ts";
import type { CommandAnswer } from "./command-request.ts";
import { type LogRecord, parseRecord, RECORD_HEADER_BYTES, writeRecord } from "./log-record.ts";
import { type ReplayState, ReplayWindow } from "./replay-window.ts";

/** A command that was taken. */
export interface TakenCommand {
  readonly id: string;
  readonly op: string;
  /** Where its answers go. */
  readonly responseTopic: string;
  /** Of the boot that took it, a UUID. */
  readonly bootId: string;
  /** Of the process that took it; absent: an earlier version did. */
  readonly runId?: string;
  /** Of the key that signed it, and the counter that is used up with it. */
  readonly kid?: string;
  readonly ctr?: number;
}

export interface JournalEntry extends TakenCommand {
  /** The terminal answer, as it was sent; undefined: it has not ended. */
  answer: string | undefined;
}

/** Commands that are remembered, so that one that is delivered again is answered as before. */
export const JOURNAL_ENTRIES = 1024;
const MAX_FILE_BYTES = 1 << 20;
/** Of all answers, in UTF-16 units: beyond that the oldest long ones lose their results. That a command came is remembered all the same. */
const MAX_ANSWERS_LENGTH = 256 * 1024;
const LONG_ANSWER_LENGTH = 512;

interface TakenLine {
  readonly taken: TakenCommand;
}
interface AnswerLine {
  readonly answer: string;
  readonly of: string;
}
interface WindowLine {
  readonly window: ReplayState;
  readonly kid: string;
}
type Line = TakenLine | AnswerLine | WindowLine;

export class CommandJournal {
  readonly #fs: FsPort;
  readonly #path: string;
  /** By id, oldest first. */
  readonly #entries = new Map<string, JournalEntry>();
  readonly #windows = new Map<string, ReplayWindow>();
  #answersLength = 0;
  #file: FsFile | undefined;
  #sizeBytes = 0;
  #nextRecord = 1;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(fs: FsPort, path: string) {
    this.#fs = fs;
    this.#path = path;
  }

  /** Rejects with the system's error: without a journal no command may run. */
  static async open(fs: FsPort, path: string): Promise<CommandJournal> {
    const journal = new CommandJournal(fs, path);
    await fs.makeFolder(dirname(path));
    if ((await fs.facts(path)) !== undefined) await journal.#read();
    journal.#shortenAnswers();
    await journal.#rewrite(); // cuts a torn tail, and shows that it can be written
    return journal;
  }

  get(id: string): JournalEntry | undefined {
    return this.#entries.get(id);
  }

  /** Commands that a crash has cut off, oldest first. */
  get unfinished(): readonly JournalEntry[] {
    return [...this.#entries.values()].filter(({ answer }) => answer === undefined);
  }

  /** The counters of a key. Those accepted are kept with the commands that are taken. */
  windowOf(kid: string): ReplayWindow {
    const known = this.#windows.get(kid);
    if (known !== undefined) return known;
    const window = new ReplayWindow();
    this.#windows.set(kid, window);
    return window;
  }

  /** On disk when it resolves: only then may the command run. Rejects with the system's error, and then it may not. */
  take(command: TakenCommand): Promise<JournalEntry> {
    const entry: JournalEntry = { ...command, answer: undefined };
    this.#entries.set(command.id, entry);
    return this.#inTurn(async () => {
      try {
        await this.#append({ taken: command });
      } catch (error) {
        this.#entries.delete(command.id);
        throw error;
      }
      return entry;
    });
  }

  /** The terminal answer is on disk when it resolves. After a rejection it is remembered in memory alone. */
  finish(id: string, answer: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#setAnswer(entry, answer);
    this.#shortenAnswers();
    return this.#inTurn(() => this.#append({ answer, of: id }));
  }

  /** The counters of a key that signed something else than a command are on disk when it resolves. */
  noteWindow(kid: string): Promise<void> {
    return this.#inTurn(() => this.#append({ window: this.windowOf(kid).state, kid }));
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#file?.close();
    this.#file = undefined;
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(run);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #append(line: Line): Promise<void> {
    if (this.#file === undefined || this.#sizeBytes > MAX_FILE_BYTES) {
      await this.#rewrite(); // holds the line already
      return;
    }
    const bytes = writeRecord(this.#recordOf(line));
    const file = this.#file;
    try {
      await file.write([bytes], this.#sizeBytes);
      await file.sync();
      this.#sizeBytes += bytes.length;
    } catch (error) {
      this.#file = undefined; // what is in it may be anything now: the next line is written with all others, anew
      await file.close().catch(() => {});
      throw error;
    }
  }

  /** A file beside the old one, which it then replaces. */
  async #rewrite(): Promise<void> {
    for (const [id, { answer }] of this.#entries) {
      if (this.#entries.size <= JOURNAL_ENTRIES) break;
      if (answer === undefined) continue;
      this.#entries.delete(id);
      this.#answersLength -= answer.length;
    }
    const lines: Line[] = [...this.#windows].map(([kid, { state }]) => ({ window: state, kid }));
    for (const { answer, ...taken } of this.#entries.values()) {
      lines.push({ taken });
      if (answer !== undefined) lines.push({ answer, of: taken.id });
    }
    const fresh = `${this.#path}.new`;
    await this.#file?.close().catch(() => {});
    this.#file = undefined;
    const file = await this.#fs.open(fresh, "create");
    try {
      const bytes = Buffer.concat(lines.map((line) => writeRecord(this.#recordOf(line))));
      await file.write([bytes], 0);
      await file.sync();
      await this.#fs.rename(fresh, this.#path);
      await this.#fs.syncFolder(dirname(this.#path));
      this.#sizeBytes = bytes.length;
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
    this.#file = file;
  }

  async #read(): Promise<void> {
    const file = await this.#fs.open(this.#path, "read");
    try {
      const bytes = Buffer.alloc(await file.size());
      const whole = bytes.subarray(0, await file.read(bytes, 0));
      let offset = 0;
      for (let record = parseRecord(whole, 0); record !== undefined; record = parseRecord(whole, offset)) {
        this.#replay(JSON.parse(record.payload.toString("utf8")) as Line);
        offset += RECORD_HEADER_BYTES + record.payload.length;
      }
    } finally {
      await file.close();
    }
  }

  #replay(line: Line): void {
    if ("window" in line) this.#windows.set(line.kid, new ReplayWindow(line.window));
    else if ("answer" in line) {
      const entry = this.#entries.get(line.of);
      if (entry !== undefined) this.#setAnswer(entry, line.answer);
    } else {
      const { taken } = line;
      this.#entries.set(taken.id, { ...taken, answer: undefined });
      if (taken.kid !== undefined && taken.ctr !== undefined) this.windowOf(taken.kid).accept(taken.ctr);
    }
  }

  #setAnswer(entry: JournalEntry, answer: string): void {
    this.#answersLength += answer.length - (entry.answer?.length ?? 0);
    entry.answer = answer;
  }

  #shortenAnswers(): void {
    for (const entry of this.#entries.values()) {
      if (this.#answersLength <= MAX_ANSWERS_LENGTH) return;
      if ((entry.answer?.length ?? 0) > LONG_ANSWER_LENGTH) this.#setAnswer(entry, shortened(entry.answer!));
    }
  }

  #recordOf(line: Line): LogRecord {
    return { id: this.#nextRecord++, class: 0, isDone: false, payload: Buffer.from(JSON.stringify(line)) };
  }
}

/** Without what it was asked for: how it ended, and that is all. */
function shortened(answer: string): string {
  const { id, st, n } = JSON.parse(answer) as CommandAnswer;
  return JSON.stringify({ id, st, n, msg: "its result is not kept any more" } satisfies CommandAnswer);
}
