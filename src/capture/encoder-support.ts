// Whether an ffmpeg has an encoder: it is asked, once while it can, now and then while it cannot.
import { execFile } from "node:child_process";
import type { Clock } from "#base/clock.ts";

const TIMEOUT_MS = 10_000;
/** Somebody may install what is missing. */
const ASKED_AGAIN_US = 60_000_000;

export class EncoderSupport {
  readonly #encoder: string;
  readonly #program: string;
  readonly #clock: Clock;
  #asked: Promise<string | undefined> | undefined;
  #askedUs = 0;

  /** `encoder`: as ffmpeg names it. */
  constructor(encoder: string, program: string, clock: Clock) {
    this.#encoder = encoder;
    this.#program = program;
    this.#clock = clock;
  }

  /** What is missing, in words; undefined: nothing. Never rejects. */
  async fault(): Promise<string | undefined> {
    if (this.#asked === undefined) {
      this.#asked = askFor(this.#encoder, this.#program);
      this.#askedUs = this.#clock.nowUs();
    }
    const fault = await this.#asked;
    if (fault !== undefined && this.#clock.nowUs() - this.#askedUs > ASKED_AGAIN_US) this.#asked = undefined;
    return fault;
  }
}

function askFor(encoder: string, program: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const limits = { timeout: TIMEOUT_MS, killSignal: "SIGKILL", maxBuffer: 1 << 20, windowsHide: true } as const;
    execFile(program, ["-hide_banner", "-nostdin", "-h", `encoder=${encoder}`], limits, (error, said) => {
      if (said.includes(`Encoder ${encoder} `)) resolve(undefined);
      else if (error?.code === "ENOENT") resolve("there is no ffmpeg on the PATH: install it");
      else if (error === null) resolve(`ffmpeg has no encoder ${encoder}`);
      else resolve("ffmpeg does not run");
    });
  });
}
