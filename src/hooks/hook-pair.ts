// A command that runs while something lasts, and the one that runs once after it.
import type { HookCommand, HookCommands, LastingCommand } from "./hook-commands.ts";

/** Where a command runs: what it is told, and who logs. */
export type HookPlace = Pick<HookCommand, "variables" | "log">;

/** An empty line is no command. */
export interface HookPair {
  readonly on: Omit<LastingCommand, keyof HookPlace>;
  readonly off: Omit<HookCommand, keyof HookPlace>;
  readonly place: HookPlace;
}

/** Something that lasts, from its construction to `end`. */
export class LastingHook {
  readonly #commands: HookCommands;
  #pair: HookPair;
  #stop: () => void;
  #lasts = true;

  constructor(commands: HookCommands, pair: HookPair) {
    this.#commands = commands;
    this.#pair = pair;
    this.#stop = commands.start({ ...pair.on, ...pair.place });
  }

  /** Other settings: a command that is another one now takes the place of the one before, which is interrupted. Nothing has ended: `off` is not launched. */
  change(pair: HookPair): void {
    if (!this.#lasts) return;
    const isSame = onKey(pair) === onKey(this.#pair);
    this.#pair = pair;
    if (isSame) return;
    this.#stop();
    this.#stop = this.#commands.start({ ...pair.on, ...pair.place });
  }

  /** Interrupts `on`, and launches `off` without waiting for its end; a second call does nothing. */
  end(): void {
    if (!this.#lasts) return;
    this.#lasts = false;
    this.#stop();
    this.#commands.launch({ ...this.#pair.off, ...this.#pair.place });
  }
}

function onKey({ on, place }: HookPair): string {
  return JSON.stringify([on.line, on.restart, place.variables]);
}
