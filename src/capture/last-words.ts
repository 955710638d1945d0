// Why ffmpeg ended, from what it printed: its last line, where that says anything.
import { safeText } from "#base/log-line.ts";

/** What ffmpeg says at its end whatever the cause was; that stands before it. */
const NO_CAUSE = [
  /^Error initializing output stream/,
  /^Could not write header/,
  /^Conversion failed!/,
  /^Exiting normally/,
  /^Error (opening|parsing) (input|output|options|file)/,
  /^Error splitting the argument list/,
  /^Task finished with error code/,
  /^Terminating thread with return code/,
  /^Nothing was written into output file/,
];
/** `[rtsp @ 0x5555] `, `[out#0/rtsp @ 0x5555] `. */
const SPEAKER = /^(\[[^\]]* @ (0x)?[0-9a-f]+\] *)+/;

const CURES: readonly (readonly [pattern: RegExp, cure: string])[] = [
  [/^AAC with no global headers/, "this AAC cannot be passed on as it is: -c:v copy -c:a aac"],
  [/ experimental /, "add -strict experimental"],
];

export class LastWords {
  #last = "";
  #telling = "";

  line(text: string): void {
    const words = text.replace(SPEAKER, "");
    if (words === "") return;
    this.#last = words;
    if (!NO_CAUSE.some((pattern) => pattern.test(words))) this.#telling = words;
  }

  /** Fit for a log; empty where nothing was printed. */
  get text(): string {
    const words = this.#telling === "" ? this.#last : this.#telling;
    const cure = CURES.find(([pattern]) => pattern.test(words))?.[1];
    return safeText(cure === undefined ? words : `${words} (${cure})`);
  }
}
