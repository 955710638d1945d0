// Commands on the audit log: to read it.
import { CallerFault } from "#base/errors.ts";
import type { AuditPage } from "#control/audit-log.ts";
import type { Command } from "#control/command.ts";
import { optionalCount, readFields } from "./command-input.ts";

export interface AuditCommandsOptions {
  /** Undefined: none is kept here. */
  log(): { list(from: number, max: number): Promise<AuditPage> } | undefined;
}

/** An answer has to fit into a message. */
const MAX_ENTRIES = 100;

export function auditCommands({ log }: AuditCommandsOptions) {
  const list: Command<{ readonly from: number; readonly max: number }, AuditPage> = {
    name: "audit.list",
    scope: "admin",
    summary: "Who did what to this gateway: entries of the audit log, and whether its chain is whole.",
    parse: (input) => {
      const { from, max } = readFields(input, ["from", "max"]);
      return {
        from: optionalCount("from", from, Number.MAX_SAFE_INTEGER) ?? 1,
        max: optionalCount("max", max, MAX_ENTRIES) ?? MAX_ENTRIES,
      };
    },
    run: async ({ from, max }) => {
      const kept = log();
      if (kept === undefined) throw new CallerFault("not-configured", "this gateway keeps no audit log");
      return kept.list(from, max);
    },
  };
  return [list] as const;
}
