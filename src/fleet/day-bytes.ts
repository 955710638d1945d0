// How much was sent since midnight, UTC. Kept on the medium now and then: a card is not worn by it, and a restart loses minutes.
import type { FsPort } from "#base/fs-port.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { replaceFile } from "#base/replace-file.ts";

export interface DayBytesOptions {
  readonly fs: FsPort;
  readonly path: string;
  /** As far as it is known. */
  utcMs(): number;
  nowMs(): number;
}

const DAY_MS = 86_400_000;
const WRITE_EVERY_MS = 900_000;
const MAX_FILE_BYTES = 1024;

export class DayBytes {
  readonly #options: DayBytesOptions;
  /** Days since 1970. */
  #day: number;
  #bytes: number;
  #keptMs: number;
  #isKept = true;
  #writing: Promise<void> = Promise.resolve();

  private constructor(options: DayBytesOptions, kept: { readonly day: number; readonly bytes: number } | undefined) {
    this.#options = options;
    this.#day = kept?.day ?? this.#today();
    this.#bytes = kept?.bytes ?? 0;
    this.#keptMs = options.nowMs();
  }

  /** Never rejects: what cannot be read counts from now. */
  static async open(options: DayBytesOptions): Promise<DayBytes> {
    const bytes = await readSmallFile(options.fs, options.path, MAX_FILE_BYTES).catch(() => undefined);
    return new DayBytes(options, bytes === undefined ? undefined : keptOf(bytes.toString("utf8")));
  }

  add(bytes: number): void {
    this.#turn();
    if (bytes <= 0) return;
    this.#bytes += bytes;
    this.#isKept = false;
    if (this.#options.nowMs() - this.#keptMs >= WRITE_EVERY_MS) this.#keep();
  }

  get today(): number {
    this.#turn();
    return this.#bytes;
  }

  /** Never rejects. */
  async close(): Promise<void> {
    if (!this.#isKept) this.#keep();
    await this.#writing;
  }

  /** A clock that is set back within the day, or to the day before, begins none. */
  #turn(): void {
    const today = this.#today();
    if (today === this.#day || today === this.#day - 1) return;
    this.#day = today;
    this.#bytes = 0;
    this.#isKept = false;
  }

  #today(): number {
    return Math.floor(this.#options.utcMs() / DAY_MS);
  }

  #keep(): void {
    const { fs, path, nowMs } = this.#options;
    this.#keptMs = nowMs();
    this.#isKept = true;
    const text = `${JSON.stringify({ day: this.#day, bytes: this.#bytes })}\n`;
    this.#writing = this.#writing.then(() => replaceFile(fs, path, Buffer.from(text))).catch(() => {}); // tried again with the next
  }
}

/** Undefined: it is not what this version writes. */
function keptOf(text: string): { readonly day: number; readonly bytes: number } | undefined {
  try {
    const { day, bytes } = (JSON.parse(text) ?? {}) as Readonly<Record<string, unknown>>;
    return Number.isSafeInteger(day) && Number.isSafeInteger(bytes) && (bytes as number) >= 0
      ? { day: day as number, bytes: bytes as number }
      : undefined;
  } catch {
    return undefined;
  }
}
