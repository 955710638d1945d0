// What lasts and was told to the NOC: its id outlives a restart, so that its end is the end of what began.
import { errorText } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import type { Log } from "#base/log.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { replaceFile } from "#base/replace-file.ts";

export interface OpenConditionsOptions {
  readonly fs: FsPort;
  readonly path: string;
  readonly log: Log;
}

const MAX_CONDITIONS = 512;
const MAX_FILE_BYTES = 256 * 1024;

export class OpenConditions {
  readonly #options: OpenConditionsOptions;
  /** Ids of the events that they began with, oldest first. */
  readonly #ids: Map<string, string>;
  /** Those that an earlier process began, and that nobody has told of in this one. */
  readonly #inherited: Set<string>;
  #isDirty = false;
  #writing: Promise<void> | undefined;

  private constructor(options: OpenConditionsOptions, ids: Map<string, string>) {
    this.#options = options;
    this.#ids = ids;
    this.#inherited = new Set(ids.keys());
  }

  /** Never rejects: what cannot be read is forgotten. */
  static async open(options: OpenConditionsOptions): Promise<OpenConditions> {
    return new OpenConditions(options, await read(options));
  }

  get(condition: string): string | undefined {
    this.#inherited.delete(condition);
    return this.#ids.get(condition);
  }

  begin(condition: string, id: string): void {
    this.#ids.set(condition, id);
    while (this.#ids.size > MAX_CONDITIONS) this.#ids.delete(this.#ids.keys().next().value!);
    this.#changed();
  }

  end(condition: string): void {
    if (this.#ids.delete(condition)) this.#changed();
  }

  /** Began under an earlier process, and did not come again: they are over. */
  get inherited(): readonly string[] {
    return [...this.#inherited];
  }

  /** Resolves when what is known is on disk, or cannot be. */
  async saved(): Promise<void> {
    await this.#writing;
  }

  #changed(): void {
    this.#isDirty = true;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  async #write(): Promise<void> {
    const { fs, path, log } = this.#options;
    while (this.#isDirty) {
      this.#isDirty = false;
      try {
        await replaceFile(fs, path, Buffer.from(JSON.stringify(Object.fromEntries(this.#ids))));
      } catch (error) {
        log.warn(`which events have not ended cannot be kept: ${errorText(error)}`);
      }
    }
  }
}

async function read({ fs, path }: OpenConditionsOptions): Promise<Map<string, string>> {
  try {
    const bytes = await readSmallFile(fs, path, MAX_FILE_BYTES);
    const kept: unknown = bytes && JSON.parse(bytes.toString("utf8"));
    if (typeof kept !== "object" || kept === null) return new Map();
    return new Map(Object.entries(kept).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
  } catch {
    return new Map();
  }
}
