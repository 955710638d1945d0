// A document that the broker keeps: told after each birth, and when it has changed.
import { errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { Schedule } from "#base/schedule.ts";
import type { Uplink } from "./uplink.ts";

export interface RetainedFeedOptions {
  /** Of the document, for the log. */
  readonly name: string;
  readonly uplink: Pick<Uplink, "isOpen">;
  /** Undefined: there is none now. */
  read(): Promise<object | undefined>;
  /** Resolves when the broker has it. */
  publish(document: object): Promise<void>;
  readonly schedule: Schedule;
  readonly log: Log;
}

/** How often it is looked whether something has changed. */
const LOOK_MS = 60_000;

export class RetainedFeed {
  readonly #options: RetainedFeedOptions;
  /** As it was told last in this session. */
  #told = "";
  #isTelling = false;
  #hasChanged = false;
  #cancel: (() => void) | undefined;
  #isClosed = false;

  constructor(options: RetainedFeedOptions) {
    this.#options = options;
  }

  /** A session begins: whatever its broker keeps is to be what is true now. */
  tell(): void {
    this.#told = "";
    this.changed();
  }

  /** Something of it has changed: it is told now, and not with the next look. */
  changed(): void {
    this.#hasChanged = this.#isTelling; // what is told now may have been read before
    void this.#look();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  async #look(): Promise<void> {
    if (this.#isClosed) return;
    this.#cancel?.();
    this.#cancel = this.#options.schedule(() => void this.#look(), LOOK_MS);
    if (this.#isTelling || !this.#options.uplink.isOpen) return;
    this.#isTelling = true;
    const before = this.#told;
    try {
      const document = await this.#options.read();
      const text = JSON.stringify(document);
      if (document !== undefined && text !== before && !this.#isClosed) {
        await this.#options.publish(document);
        if (this.#told === before) this.#told = text; // else another session began meanwhile
      }
    } catch (error) {
      this.#options.log.debug(`${this.#options.name} was not told: ${errorText(error)}`);
    } finally {
      this.#isTelling = false;
    }
    if (!this.#hasChanged) return;
    this.#hasChanged = false;
    await this.#look();
  }
}
