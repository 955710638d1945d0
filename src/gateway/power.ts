// Starts the gateway or its machine anew: what the NOC may ask for. Whoever does it says good-bye for the right reason, and knows afterwards that it was done.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { CallerFault } from "#base/errors.ts";
import type { PowerCommandsOptions, PowerOperation } from "#commands/power.ts";
import type { MachinePower } from "#device/machine-power.ts";
import { CommandFault } from "#fleet/command-fault.ts";
import type { JournalEntry } from "#fleet/command-journal.ts";
import type { GatewayContext } from "./context.ts";

export interface GatewayPowerOptions {
  context(): Pick<GatewayContext, "clock" | "startedUs" | "fleet" | "noc" | "log" | "audit">;
  readonly machine: MachinePower;
  /** Ends the process for whoever starts it again; undefined: nobody does. */
  readonly restart: (() => void) | undefined;
}

/** Why the run of before ended, as it is kept. */
const ENDS: Readonly<Record<PowerOperation, string>> = { "sys.reboot": "reboot", "sys.restart_app": "restart" };
/** Between two of a kind, whatever the NOC asks: a gateway that is restarted again and again records nothing. */
export const POWER_EVERY_MS = 600_000;
/** From the machine's consent until it ends us. */
const DOWN_MS = 300_000;

export class GatewayPower implements PowerCommandsOptions {
  /** Of this process. */
  readonly runId = randomUUID();
  readonly #options: GatewayPowerOptions;

  constructor(options: GatewayPowerOptions) {
    this.#options = options;
  }

  check = (operation: PowerOperation): void => {
    const { noc, fleet, clock, startedUs } = this.#options.context();
    const job = noc?.jobAtWork;
    if (job !== undefined) throw new CallerFault("conflict", `job ${job} is at work: it would be cut off`);
    if (operation === "sys.restart_app" && this.#options.restart === undefined)
      throw new CallerFault("conflict", "nothing would start this gateway again: it runs under no supervisor that is known to do so");
    const nowUs = clock.nowUs();
    const upMs = (operation === "sys.reboot" ? nowUs : nowUs - startedUs) / 1000;
    const waitS = Math.ceil((POWER_EVERY_MS - upMs) / 1000);
    if (fleet?.sessions.lastRun?.clean?.why === ENDS[operation] && waitS > 0)
      throw new CommandFault("E_RATE", `${operation} was done just before`, waitS);
  };

  reboot = async (why: string): Promise<never> => {
    const { log, fleet, audit } = this.#options.context();
    this.check("sys.reboot");
    log.warn(`the machine is booted anew, by ${why}`);
    audit?.note({ who: "the gateway", op: "reboot", data: { why } });
    // Said before: whoever boots the machine ends us when it likes.
    if (fleet !== undefined) fleet.farewell = "reboot";
    try {
      await this.#options.machine.reboot();
      await sleep(DOWN_MS, undefined, { ref: false });
      throw new CallerFault("timed-out", "the machine agreed to boot anew, and has not gone down");
    } catch (error) {
      if (fleet !== undefined) fleet.farewell = "shutdown";
      throw error;
    }
  };

  restart = async (why: string): Promise<never> => {
    const { log, fleet } = this.#options.context();
    this.check("sys.restart_app");
    log.warn(`the gateway is started anew, by ${why}`);
    if (fleet !== undefined) fleet.farewell = "restart";
    this.#options.restart!();
    return new Promise<never>(() => {});
  };
}

/** The result of a command that was cut off by what it was asked to do; undefined: it was cut off by something else. */
export function powerProof(
  { op, bootId, runId }: JournalEntry,
  now: { readonly bootId: string; readonly runId: string },
): object | undefined {
  const isDone = op === "sys.reboot" ? bootId !== now.bootId : op === "sys.restart_app" && (bootId !== now.bootId || runId !== now.runId);
  return isDone ? {} : undefined;
}
