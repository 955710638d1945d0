// The inventory, which the broker keeps: told after each birth, and when it has changed.
import { errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { Schedule } from "#base/schedule.ts";
import type { Uplink } from "./uplink.ts";

export interface InfoFeedOptions {
  readonly uplink: Pick<Uplink, "say" | "isOpen">;
  /** The document, without its envelope. */
  read(): Promise<Readonly<Record<string, unknown>>>;
  readonly schedule: Schedule;
  readonly log: Log;
}

/** How often it is looked whether something has changed. */
const LOOK_MS = 60_000;

export class InfoFeed {
  readonly #options: InfoFeedOptions;
  /** As it was told last in this session. */
  #told = "";
  #isTelling = false;
  #cancel: (() => void) | undefined;
  #isClosed = false;

  constructor(options: InfoFeedOptions) {
    this.#options = options;
  }

  /** A session begins: whatever its broker keeps is to be what is true now. */
  tell(): void {
    this.#told = "";
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
      const body = await this.#options.read();
      const text = JSON.stringify(body);
      if (text !== before && !this.#isClosed) {
        await this.#options.uplink.say({ topic: "info", body, retain: true });
        if (this.#told === before) this.#told = text; // else another session began meanwhile
      }
    } catch (error) {
      this.#options.log.debug(`the inventory was not told: ${errorText(error)}`);
    } finally {
      this.#isTelling = false;
    }
  }
}
