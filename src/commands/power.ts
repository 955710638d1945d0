// Commands that start the gateway anew, or the machine: after a delay, in which they can be cancelled.
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "#control/command.ts";
import { fault, readFields, textField } from "./command-input.ts";

export interface PowerCommandsOptions {
  /** Rejects where it may or can not be done now; else never settles: the process ends meanwhile. `why` is for the log. */
  reboot(why: string): Promise<never>;
  restart(why: string): Promise<never>;
  /** Throws why neither may be done now. */
  check(operation: PowerOperation): void;
}

export type PowerOperation = "sys.reboot" | "sys.restart_app";

interface PowerInput {
  readonly delayMs: number;
  readonly why: string;
}

const MAX_DELAY_S = 3600;
const MAX_WHY_LENGTH = 256;

export function powerCommands({ reboot, restart, check }: PowerCommandsOptions) {
  const command = (name: PowerOperation, summary: string, run: (why: string) => Promise<never>): Command<PowerInput, never> => ({
    name,
    scope: "admin",
    summary,
    parse: parsePower,
    run: async ({ delayMs, why }, { signal, caller, progress }) => {
      check(name);
      if (delayMs > 0) {
        progress(0, `in ${delayMs / 1000} s`);
        await sleep(delayMs, undefined, { signal });
        check(name); // an update may have begun
      }
      return run(`${caller.name}${why === "" ? "" : `: ${why}`}`);
    },
  });
  return [
    command("sys.restart_app", "Starts the gateway's process anew.", restart),
    command("sys.reboot", "Boots the machine anew.", reboot),
  ] as const;
}

function parsePower(input: unknown): PowerInput {
  const { delay_s: delayS = 0, why = "" } = readFields(input, ["delay_s", "why"]);
  if (typeof delayS !== "number" || !(delayS >= 0 && delayS <= MAX_DELAY_S))
    throw fault("delay_s", `has to be a number of seconds, from 0 to ${MAX_DELAY_S}`);
  return { delayMs: delayS * 1000, why: textField("why", why, MAX_WHY_LENGTH) };
}
