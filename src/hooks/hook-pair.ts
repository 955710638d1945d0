// A command that runs while something lasts, and the one that runs once after it.
import type { HookCommand, HookCommands, LastingCommand } from "./hook-commands.ts";

/** Where a command runs: what it is told, and who logs. */
export type HookPlace = Pick<HookCommand, "variables" | "log">;

/**
 * Starts `on`. The returned function interrupts it and launches `off` without waiting for its end; a second call does nothing. An empty line is no
 * command.
 */
export function startPair(
  commands: HookCommands,
  on: Omit<LastingCommand, keyof HookPlace>,
  off: Omit<HookCommand, keyof HookPlace>,
  place: HookPlace,
): () => void {
  const stop = commands.start({ ...on, ...place });
  let lasts = true;
  return () => {
    if (!lasts) return;
    lasts = false;
    stop();
    commands.launch({ ...off, ...place });
  };
}
