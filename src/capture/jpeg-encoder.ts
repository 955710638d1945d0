// A picture out of coded video, by an ffmpeg that lives for it alone: bytes in, bytes out, no address in between.
import { execFile } from "node:child_process";
import { CallerFault } from "#base/errors.ts";
import { safeText } from "#base/log-line.ts";

const TIMEOUT_MS = 5000;
const MAX_IMAGE_BYTES = 16 << 20;
/** Each takes a core for tens of milliseconds. */
const RUNNING = 2;
const WAITING = 16;

export interface JpegOptions {
  /** What the bytes are to ffmpeg. */
  readonly input: "mp4" | "mjpeg";
  /** Wider pictures are made smaller; undefined: as it is. */
  readonly maxWidth: number | undefined;
  /** 1 to 100. */
  readonly quality: number;
}

export interface JpegEncoderOptions {
  readonly program: string;
  /** For tests. */
  readonly timeoutMs?: number;
}

export class JpegEncoder {
  readonly #program: string;
  readonly #timeoutMs: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor({ program, timeoutMs = TIMEOUT_MS }: JpegEncoderOptions) {
    this.#program = program;
    this.#timeoutMs = timeoutMs;
  }

  /** The first picture in `bytes`. Rejects with a CallerFault. */
  async encode(bytes: Buffer, options: JpegOptions): Promise<Buffer> {
    if (this.#running >= RUNNING) await this.#turn();
    else this.#running++;
    try {
      return await this.#run(bytes, options);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  /** Whoever leaves hands its place on. */
  #turn(): Promise<void> {
    if (this.#waiting.length >= WAITING) throw new CallerFault("too-many", "too many pictures are being made: ask again");
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  #run(bytes: Buffer, options: JpegOptions): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const limits = { timeout: this.#timeoutMs, maxBuffer: MAX_IMAGE_BYTES, killSignal: "SIGKILL" } as const;
      const child = execFile(this.#program, argumentsOf(options), { ...limits, encoding: "buffer" }, (error, image, said) => {
        if (error === null && image.length > 0) resolve(image);
        else reject(faultOf(error, said.toString("utf8")));
      });
      child.stdin?.on("error", () => {}); // it has ended: the callback says how
      child.stdin?.end(bytes);
    });
  }
}

/** ffmpeg reads nothing but its standard input, whatever the bytes say. */
function argumentsOf({ input, maxWidth, quality }: JpegOptions): readonly string[] {
  const scale = maxWidth === undefined ? [] : ["-vf", `scale='min(${maxWidth},iw)':-2`];
  // 2 is the best, 31 the worst.
  const encoder = ["-c:v", "mjpeg", "-q:v", String(Math.round(31 - (quality / 100) * 29)), "-f", "mjpeg", "pipe:1"];
  const source = ["-protocol_whitelist", "pipe", "-threads", "1", "-f", input, "-i", "pipe:0"];
  return ["-hide_banner", "-nostdin", "-loglevel", "error", ...source, "-map", "0:v:0", "-frames:v", "1", ...scale, ...encoder];
}

function faultOf(error: Error | null, said: string): CallerFault {
  const { code, killed } = (error ?? {}) as { readonly code?: unknown; readonly killed?: boolean };
  if (code === "ENOENT")
    return new CallerFault("invalid", "a JPEG needs ffmpeg, and there is none on the PATH: install it, or ask for MP4", "format");
  if (killed === true) return new CallerFault("timed-out", "ffmpeg did not make the picture in time");
  const reason = safeText(said.trim().split("\n").at(-1) ?? "");
  return new CallerFault("no-stream", `ffmpeg cannot make a picture of it${reason === "" ? "" : `: ${reason}`}`);
}
