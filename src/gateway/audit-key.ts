// When an audit log is kept, and what tables of commands tell it: apart from the log itself, which is loaded only then.
import type { Config } from "#config/config.ts";
import { auditArguments } from "#control/audit-arguments.ts";
import type { CommandObserver } from "#control/command.ts";
import type { GatewayContext } from "./context.ts";
import { hasLink } from "./fleet-key.ts";

/** Where there is a NOC, or the gateway is an appliance: a drop-in writes nothing that nobody asked for. */
export function auditKey(config: Config): string | undefined {
  return hasLink(config) || config.global.profile === "appliance" ? "" : undefined;
}

/** For every table of commands; without a log it does nothing. */
export function commandAudit(context: Pick<GatewayContext, "audit">): CommandObserver {
  return ({ name, caller, input, path, fault }) => {
    const data = fault === undefined ? auditArguments(input) : { why: fault };
    context.audit?.note({
      who: caller.name,
      op: name,
      st: fault === undefined ? "run" : "err",
      ...(path !== undefined && { cam: path }),
      ...(data !== undefined && { data }),
    });
  };
}
