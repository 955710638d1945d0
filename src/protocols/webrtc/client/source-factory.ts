// Opens WHEP sources for paths, and keeps what is known of each peer's clock from one attempt to the next.
import type { Clock } from "#base/clock.ts";
import type { Log } from "#base/log.ts";
import type { SenderClockMemory } from "#rtp/sender-clock.ts";
import { WhepSource, type WhepSourceOptions } from "./source.ts";

/** A path's settings for a WHEP source. */
export type WhepPathOptions = Omit<WhepSourceOptions, "url" | "senderClocks" | "clock" | "log">;

/** Paths by expression may make sources without end. */
const MAX_MEMORIES = 1024;

export class WhepSourceFactory {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #memories = new Map<string, Map<number, SenderClockMemory>>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** A source for one attempt. */
  open(url: string, path: string, options: WhepPathOptions): WhepSource {
    const memory = this.#memoryOf(`${path} ${url}`);
    return new WhepSource({
      ...options,
      url,
      senderClocks: (trackIndex) => {
        const known = memory.get(trackIndex) ?? { last: undefined };
        memory.set(trackIndex, known);
        return known;
      },
      clock: this.#clock,
      log: this.#log.child(`path ${path}`),
    });
  }

  #memoryOf(key: string): Map<number, SenderClockMemory> {
    const known = this.#memories.get(key);
    if (known !== undefined) return known;
    if (this.#memories.size >= MAX_MEMORIES) this.#memories.clear();
    const memory = new Map<number, SenderClockMemory>();
    this.#memories.set(key, memory);
    return memory;
  }
}
