// Commands that replace what the link stands on: the keys that sign, and the gateway's own certificate.
import type { Command } from "#control/command.ts";
import { ROTATION } from "./command-keys.ts";

export interface RenewalCommandsOptions {
  readonly keys: { rotate(keys: unknown): Promise<void> };
}

export function renewalCommands({ keys }: RenewalCommandsOptions) {
  const rotating: Command<unknown, object> = {
    name: ROTATION,
    scope: "admin",
    summary: "Replaces the keys that may sign; signed by one of them, or by the root key.",
    parse: (input) => (input as { readonly keys?: unknown }).keys,
    run: async (list) => {
      await keys.rotate(list);
      return {};
    },
  };
  return [rotating] as const;
}
