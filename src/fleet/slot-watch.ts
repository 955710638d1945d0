// Whether the broker keeps something on a topic for this gateway. What it keeps it hands over when a session begins; that it keeps nothing it never says.
import type { Schedule } from "#base/schedule.ts";

export interface SlotWatchOptions {
  readonly schedule: Schedule;
  /** The session that began stands still. */
  isOpen(): boolean;
  /** Nothing came: there is nothing. */
  onEmpty(): void;
}

/** From the birth, which is behind the subscription. */
const PATIENCE_MS = 30_000;

export class SlotWatch {
  readonly #options: SlotWatchOptions;
  #cancel: (() => void) | undefined;

  constructor(options: SlotWatchOptions) {
    this.#options = options;
  }

  /** A session begins. */
  begin(): void {
    this.#cancel?.();
    this.#cancel = this.#options.schedule(() => {
      this.#cancel = undefined;
      if (this.#options.isOpen()) this.#options.onEmpty();
    }, PATIENCE_MS);
  }

  /** Something came, whatever it says. */
  seen(): void {
    this.close();
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
