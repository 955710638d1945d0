// Free space of the folders recorded to. A disk that hangs does not hold up a scrape: the last answer is told.
import type { Space } from "#base/fs-port.ts";

export interface FolderSpace extends Space {
  readonly directory: string;
}

export interface SpaceGaugeOptions {
  /** Asked anew each time. */
  directories(): readonly string[];
  /** May reject, or never settle. */
  space(directory: string): Promise<Space>;
  /** Calls back once after a delay, unless the returned function is called before. */
  readonly schedule?: (run: () => void, delayMs: number) => () => void;
}

const PATIENCE_MS = 500;

export class SpaceGauge {
  readonly #options: SpaceGaugeOptions;
  readonly #known = new Map<string, Space>();
  /** Folders whose answer is outstanding: they are not asked again. */
  readonly #asking = new Map<string, Promise<void>>();

  constructor(options: SpaceGaugeOptions) {
    this.#options = options;
  }

  get directories(): readonly string[] {
    return this.#options.directories();
  }

  /** By the order of the folders; without those whose space is not known. Never rejects, and takes half a second at most. */
  async read(): Promise<readonly FolderSpace[]> {
    const directories = this.#options.directories();
    await this.#inTime(Promise.all(directories.map((directory) => this.#ask(directory))));
    return directories.flatMap((directory) => {
      const space = this.#known.get(directory);
      return space === undefined ? [] : [{ directory, ...space }];
    });
  }

  #ask(directory: string): Promise<void> {
    let asking = this.#asking.get(directory);
    if (asking === undefined) {
      asking = this.#refresh(directory).finally(() => this.#asking.delete(directory));
      this.#asking.set(directory, asking);
    }
    return asking;
  }

  async #refresh(directory: string): Promise<void> {
    try {
      this.#known.set(directory, await this.#options.space(directory));
    } catch {
      this.#known.delete(directory); // not there, or not readable: nothing is known of it
    }
  }

  async #inTime(answers: Promise<unknown>): Promise<void> {
    const schedule = this.#options.schedule ?? afterDelay;
    let cancel: () => void = () => {};
    const patience = new Promise<void>((resolve) => {
      cancel = schedule(resolve, PATIENCE_MS);
    });
    await Promise.race([answers, patience]);
    cancel();
  }
}

function afterDelay(run: () => void, delayMs: number): () => void {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
}
