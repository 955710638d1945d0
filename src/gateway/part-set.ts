// The parts that run: started, taken to another config with as little disturbance as can be, and closed.
import { errorText } from "#base/errors.ts";
import type { Config } from "#config/config.ts";
import type { GatewayContext } from "./context.ts";
import type { Part, PartModule, Ports, RunningPart } from "./part.ts";

interface Entry {
  readonly part: Part;
  readonly key: string;
  readonly running: RunningPart;
}

export class PartSet {
  readonly #parts: readonly Part[];
  readonly #context: GatewayContext;
  readonly #entries = new Map<Part, Entry>();
  /** Of parts that were closed; answers on their way may take a second. */
  readonly #closings = new Set<Promise<void>>();

  constructor(parts: readonly Part[], context: GatewayContext) {
    this.#parts = parts;
    this.#context = context;
  }

  /** Of all parts, by the setting of the address. */
  get ports(): Ports {
    return Object.assign({}, ...[...this.#entries.values()].map(({ running }) => running.ports));
  }

  /**
   * Restarts, starts and closes what has another key under `config`. New parts are up before old ones go, where their addresses let them. Rejects when one
   * cannot start: then those of before run.
   */
  async change(config: Config): Promise<void> {
    const wanted = this.#parts.flatMap((part) => {
      const key = part.key(config, this.#entries.has(part));
      return key === undefined ? [] : [{ part, key }];
    });
    const stays = (part: Part): boolean => wanted.some((one) => one.part === part && one.key === this.#entries.get(part)?.key);
    const leaving = [...this.#entries.values()].filter(({ part }) => !stays(part));
    const change = new Change(leaving, (entry) => this.#close(entry));
    // Loaded together beforehand: nothing comes between the starts.
    const coming = await Promise.all(
      wanted.filter(({ part }) => !stays(part)).map(async (one) => ({ ...one, module: await one.part.load() })),
    );
    const start = (module: PartModule) => (): Promise<RunningPart> => module.start(this.#context, config);
    try {
      // Whoever cannot start at all is found out before anybody has to go.
      const waiting: typeof coming = [];
      for (const one of coming) {
        const running = await change.startBeside(start(one.module));
        if (running === undefined) waiting.push(one);
        else change.started.push({ part: one.part, key: one.key, running });
      }
      for (const { part, key, module } of waiting) change.started.push({ part, key, running: await change.startInPlace(start(module)) });
    } catch (error) {
      const gone = this.#inOrder(change.closings.keys());
      for (const entry of change.started.toReversed()) change.close(entry);
      for (const { part, key } of gone) await this.#restore(part, key, change);
      throw error;
    }
    for (const entry of leaving) {
      if (!change.closings.has(entry)) change.close(entry);
      this.#entries.delete(entry.part);
    }
    for (const entry of change.started) this.#entries.set(entry.part, entry);
  }

  /** For what change left running as it was: the rest of the config. */
  update(config: Config): void {
    for (const { running } of this.#entries.values()) running.update?.(config);
  }

  /** Servers first, then what they stand on. */
  async close(): Promise<void> {
    const entries = this.#inOrder(this.#entries.values()).toReversed();
    this.#entries.clear();
    for (const { running } of entries.filter(({ part }) => part.isBelow !== true)) await running.close();
    await Promise.all(this.#closings);
    for (const { running } of entries.filter(({ part }) => part.isBelow === true)) await running.close();
  }

  /** A request over HTTP may wait for this very change: who changes something does not wait for the end of its server, which waits for the answer. */
  #close({ part, running }: Entry): Promise<void> {
    const closing = running.close().catch((error: unknown) => this.#context.log.child(part.name).error(errorText(error)));
    this.#closings.add(closing);
    void closing.then(() => this.#closings.delete(closing));
    return closing;
  }

  async #restore(part: Part, key: string, change: Change): Promise<void> {
    this.#entries.delete(part);
    const module = await part.load();
    try {
      this.#entries.set(part, { part, key, running: await change.startInPlace(() => module.start(this.#context, this.#context.config)) });
    } catch (error) {
      this.#context.log.child(part.name).error(`cannot go on as before: ${errorText(error)}; a reload tries again`);
    }
  }

  #inOrder(entries: Iterable<Entry>): readonly Entry[] {
    return [...entries].sort((a, b) => this.#parts.indexOf(a.part) - this.#parts.indexOf(b.part));
  }
}

/** One change: who goes, who came, and whose ports were in the way. */
class Change {
  readonly started: Entry[] = [];
  /** Of those that had to go for another one. */
  readonly closings = new Map<Entry, Promise<void>>();
  readonly #leaving: readonly Entry[];
  readonly #close: (entry: Entry) => Promise<void>;

  constructor(leaving: readonly Entry[], close: (entry: Entry) => Promise<void>) {
    this.#leaving = leaving;
    this.#close = close;
  }

  /** Undefined: one that leaves has the address that is wanted. */
  async startBeside(start: () => Promise<RunningPart>): Promise<RunningPart | undefined> {
    try {
      return await start();
    } catch (error) {
      if (this.#holdersOf(error).length === 0) throw error;
      return undefined;
    }
  }

  /** Closes those that leave and have the address that is wanted. Some of their addresses may take until their very end. */
  async startInPlace(start: () => Promise<RunningPart>): Promise<RunningPart> {
    const waitedFor = new Set<Entry>();
    for (;;) {
      try {
        return await start();
      } catch (error) {
        const holders = this.#holdersOf(error);
        const open = holders.find((entry) => !this.closings.has(entry));
        const closing = holders.find((entry) => this.closings.has(entry) && !waitedFor.has(entry));
        if (open !== undefined) this.close(open);
        else if (closing === undefined) throw error;
        else {
          waitedFor.add(closing);
          await this.closings.get(closing);
        }
      }
    }
  }

  close(entry: Entry): void {
    this.closings.set(entry, this.#close(entry));
  }

  /** Those that leave, or are closed already, with the port that was in use. */
  #holdersOf(error: unknown): readonly Entry[] {
    const { code, port } = error as { readonly code?: string; readonly port?: number };
    if (code !== "EADDRINUSE" || port === undefined) return [];
    return [...new Set([...this.#leaving, ...this.closings.keys()])].filter(({ running }) =>
      Object.values(running.ports ?? {}).includes(port),
    );
  }
}
