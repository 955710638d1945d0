// Boots the machine anew, through whoever runs it: systemd, or the init that `reboot` talks to (BusyBox, OpenWrt's procd). It ends us in its course.
import { CallerFault, errorText } from "#base/errors.ts";
import { findProgram } from "#base/process/find-program.ts";
import { runProgram } from "#base/process/run-program.ts";

export interface MachinePower {
  /** Resolves when the machine has agreed to go down. Rejects with a CallerFault: nobody can, or we may not. */
  reboot(): Promise<void>;
}

export interface PowerPort {
  /** The absolute path of a program; undefined: it is not there. */
  find(program: string): Promise<string | undefined>;
  /** Resolves when it ended well. Rejects with what it said. */
  run(file: string, args: readonly string[]): Promise<void>;
}

/** Asks nobody for a password, and tells no terminals. */
const WAYS: readonly (readonly [string, ...string[]])[] = [["systemctl", "--no-ask-password", "--no-wall", "reboot"], ["reboot"]];
const TIMEOUT_MS = 30_000;
const MAX_OUTPUT_BYTES = 16_384;
/** systemd without its system, as in a container: the next way is tried. */
const NO_SYSTEMD = /not been booted with systemd|Failed to connect to (?:system )?bus/;

/** The first program that is there decides; where systemd is installed and does not run, the one after it. */
export function machinePower(port: PowerPort = systemPort): MachinePower {
  return {
    async reboot() {
      let said = "there is neither systemctl nor reboot on this machine";
      for (const [program, ...args] of WAYS) {
        const file = await port.find(program);
        if (file === undefined) continue;
        try {
          await port.run(file, args);
          return;
        } catch (error) {
          said = `${program} refuses: ${errorText(error)}`;
          if (!NO_SYSTEMD.test(said)) break;
        }
      }
      throw new CallerFault("unauthorized", `the machine cannot be rebooted: ${said}`, undefined, CURE);
    },
  };
}

const CURE = "the gateway's user has to be allowed to: with systemd by a polkit rule for org.freedesktop.login1.reboot";

const systemPort: PowerPort = {
  find: findProgram,
  run: async (file, args) => void (await runProgram(file, args, { timeoutMs: TIMEOUT_MS, maxOutputBytes: MAX_OUTPUT_BYTES })),
};
