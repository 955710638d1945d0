// Commands about the link itself: whether it is there, what it has told, how it comes back.
import { CallerFault } from "#base/errors.ts";
import type { Command } from "#control/command.ts";
import type { OperationLimit } from "./command-intake.ts";
import type { ReconnectWindow } from "./reconnect-policy.ts";

export interface LinkCommandsOptions {
  /** Monotonic. */
  nowMs(): number;
  /** ms since 1970. */
  utcMs(): number;
  rebirth(): Promise<void>;
  /** False: no such command runs. */
  cancel(id: string): boolean;
  setWindow(window: ReconnectWindow): void;
}

export const LINK_COMMAND_LIMITS: ReadonlyMap<string, OperationLimit> = new Map([
  ["ping", { rate: { burst: 10, everyMs: 100 } }],
  ["rebirth", { rate: { burst: 1, everyMs: 30_000 } }],
  ["backoff", { rate: { burst: 5, everyMs: 1000 } }],
]);

const MAX_WINDOW_S = 3600;
const MAX_TTL_S = 86_400;

export function linkCommands({ nowMs, utcMs, rebirth, cancel, setWindow }: LinkCommandsOptions) {
  const ping: Command<undefined, { readonly ts: number; readonly mono: number }> = {
    name: "ping",
    scope: "read",
    summary: "Answers with the gateway's clocks.",
    parse: () => undefined,
    run: async () => ({ ts: utcMs(), mono: Math.round(nowMs()) }),
  };
  const again: Command<undefined, object> = {
    name: "rebirth",
    scope: "read",
    summary: "Publishes state, inventory, config and telemetry again.",
    parse: () => undefined,
    run: async () => {
      await rebirth();
      return {};
    },
  };
  const cancelling: Command<string, object> = {
    name: "cmd.cancel",
    scope: "read",
    summary: "Ends a command that runs.",
    parse: (input) => {
      const { id } = fieldsOf(input);
      if (typeof id !== "string") throw new CallerFault("invalid", "id: has to be that of a command", "id");
      return id;
    },
    run: async (id) => {
      if (!cancel(id)) throw new CallerFault("not-found", `no command ${id.slice(0, 64)} runs`, "id");
      return {};
    },
  };
  const backoff: Command<{ readonly minS: number; readonly maxS: number; readonly ttlS: number }, object> = {
    name: "backoff",
    scope: "read",
    summary: "Says how long to wait before the next attempts to connect, for a time: against storms, before a broker is restarted.",
    parse: (input) => {
      const fields = fieldsOf(input);
      const minS = secondsOf(fields, "min_s", 0, MAX_WINDOW_S);
      return { minS, maxS: secondsOf(fields, "max_s", minS, MAX_WINDOW_S), ttlS: secondsOf(fields, "ttl_s", 1, MAX_TTL_S) };
    },
    run: async ({ minS, maxS, ttlS }) => {
      setWindow({ minMs: minS * 1000, maxMs: maxS * 1000, untilMs: nowMs() + ttlS * 1000 });
      return {};
    },
  };
  return [ping, again, cancelling, backoff] as const;
}

function fieldsOf(input: unknown): Readonly<Record<string, unknown>> {
  return (input ?? {}) as Readonly<Record<string, unknown>>;
}

function secondsOf(fields: Readonly<Record<string, unknown>>, name: string, least: number, most: number): number {
  const value = fields[name];
  if (typeof value === "number" && value >= least && value <= most) return value;
  throw new CallerFault("invalid", `${name}: has to be a number of seconds, from ${least} to ${most}`, name);
}
