// What a child process prints, line by line, as far as there is room for it.
import type { Readable } from "node:stream";

const MAX_LINE_CHARACTERS = 1000;
const WINDOW_MS = 10_000;
/** A banner of ffmpeg is 40 lines. */
const LINES_PER_WINDOW = 100;
/** Who prints more is read on in the next window, and stands still meanwhile. */
const CHARACTERS_PER_WINDOW = 10 * 2 ** 20;

export interface OutputLogOptions {
  line(text: string): void;
  /** Calls back once after a delay, unless the returned function is called before. */
  schedule(run: () => void, delayMs: number): () => void;
}

/** One for all the streams of a process: they share its room. */
export class OutputLog {
  readonly #options: OutputLogOptions;
  readonly #streams = new Map<Readable, string>();
  #lines = 0;
  #characters = 0;
  #leftOut = 0;
  #cancelWindow: (() => void) | undefined;

  constructor(options: OutputLogOptions) {
    this.#options = options;
  }

  /** Reads the stream to its end. */
  read(stream: Readable): void {
    this.#streams.set(stream, "");
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => this.#push(stream, text));
    stream.on("error", () => {}); // a pipe's: it ends
    stream.on("close", () => this.#end(stream));
  }

  #push(stream: Readable, text: string): void {
    this.#openWindow();
    const lines = (this.#streams.get(stream)! + text).split("\n");
    const rest = lines.pop()!;
    for (const line of lines) this.#write(line);
    this.#streams.set(stream, visiblePart(rest).slice(0, MAX_LINE_CHARACTERS + 1));
    this.#characters += text.length;
    if (this.#characters > CHARACTERS_PER_WINDOW) stream.pause();
  }

  #end(stream: Readable): void {
    this.#write(this.#streams.get(stream) ?? "");
    this.#streams.delete(stream);
    if (this.#streams.size === 0) this.#closeWindow();
  }

  #write(line: string): void {
    const text = visiblePart(line).trimEnd();
    if (text === "") return;
    this.#openWindow();
    if (this.#lines++ >= LINES_PER_WINDOW) this.#leftOut++;
    else this.#options.line(text.length > MAX_LINE_CHARACTERS ? `${text.slice(0, MAX_LINE_CHARACTERS)}…` : text);
  }

  #openWindow(): void {
    this.#cancelWindow ??= this.#options.schedule(() => this.#closeWindow(), WINDOW_MS);
  }

  #closeWindow(): void {
    this.#cancelWindow?.();
    this.#cancelWindow = undefined;
    if (this.#leftOut > 0) this.#options.line(`(lines left out: ${this.#leftOut})`);
    this.#lines = 0;
    this.#characters = 0;
    this.#leftOut = 0;
    for (const stream of this.#streams.keys()) stream.resume();
  }
}

/** What a terminal would show: a progress line is written over by the next one. */
function visiblePart(line: string): string {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  return line.slice(text.lastIndexOf("\r") + 1);
}
