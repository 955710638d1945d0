// Commands on named outputs: set for good, or for a time after which they go back by themselves, whatever becomes of who asked.
import { setTimeout as sleep } from "node:timers/promises";
import { CallerFault } from "#base/errors.ts";
import type { Command } from "#control/command.ts";
import type { GpioOutputs } from "#device/gpio-outputs.ts";
import { fault, optionalCount, readFields, textField } from "./command-input.ts";

export interface OutputCommandsOptions {
  /** Undefined: there are none here. */
  readonly outputs: GpioOutputs | undefined;
}

interface OutputInput {
  readonly pin: string;
  readonly value: 0 | 1;
  readonly ms: number | undefined;
}

const MAX_NAME_LENGTH = 64;
const MAX_MS = 3_600_000;

export function outputCommands({ outputs: board }: OutputCommandsOptions) {
  /** By name: how often it was set. Who set it last decides when it goes back. */
  const turns = new Map<string, number>();
  const set: Command<OutputInput, object> = {
    name: "io.set",
    scope: "operate",
    summary: "Sets a named output; with `ms` it goes back after that, or when the command is cancelled.",
    parse: (input) => {
      const { pin, v, ms } = readFields(input, ["pin", "v", "ms"]);
      if (v !== 0 && v !== 1) throw fault("v", "has to be 0 or 1");
      return { pin: textField("pin", pin, MAX_NAME_LENGTH), value: v, ms: optionalCount("ms", ms, MAX_MS) };
    },
    run: async ({ pin, value, ms }, { signal }) => {
      if (board === undefined || board.names.length === 0) throw new CallerFault("not-configured", "this gateway has no outputs");
      if (!board.names.includes(pin))
        throw new CallerFault("not-found", `pin: there is no output '${pin}': there are ${board.names.join(", ")}`, "pin");
      const turn = (turns.get(pin) ?? 0) + 1;
      turns.set(pin, turn);
      await board.set(pin, value);
      if (ms === undefined) return {};
      try {
        await sleep(ms, undefined, { signal });
      } finally {
        if (turns.get(pin) === turn) await board.set(pin, value === 1 ? 0 : 1);
      }
      return {};
    },
  };
  return [set] as const;
}
