// Jobs of simulated gateways: the machine is the real one, what the steps do is to wait.
import { setTimeout as delay } from "node:timers/promises";
import { silentLog } from "#base/log.ts";
import { CommandFault } from "#fleet/command-fault.ts";
import { type JobOperation, JobRunner, type JobUpdate, type KeptJob } from "#fleet/job-runner.ts";

export interface SimulatedJobsOptions {
  readonly gatewayId: string;
  readonly random: () => number;
  update(update: JobUpdate): void;
  ended(): void;
}

const OPERATIONS: Readonly<Record<string, readonly string[]>> = {
  "upd.install": ["download", "verify", "install", "reboot", "probation", "commit"],
  "cam.restart": ["run"],
  "rec.set": ["run"],
  "sys.restart_app": ["run"],
};
const STEP_MS = 500;

/** `simulatedFaultAt` in a job's arguments names gateways that fail, `simulatedStepMs` how long a step takes on the average. */
export function simulatedJobs({ gatewayId, random, update, ended }: SimulatedJobsOptions): JobRunner {
  let kept: KeptJob | undefined;
  const operation = (steps: readonly string[]): JobOperation => ({
    check: () => {},
    steps: steps.map((name) => ({
      name,
      async run({ args: { simulatedFaultAt: failing, simulatedStepMs: stepMs = STEP_MS }, signal }) {
        await delay(2 * random() * (typeof stepMs === "number" ? stepMs : STEP_MS), undefined, { signal });
        if (Array.isArray(failing) && failing.includes(gatewayId)) throw new CommandFault("E_IO", "it fails here, as it was asked to");
      },
    })),
  });
  return new JobRunner({
    gatewayId,
    zoneMinutes: (utcMs) => -new Date(utcMs).getTimezoneOffset(),
    operations: new Map(Object.entries(OPERATIONS).map(([name, steps]) => [name, operation(steps)])),
    store: {
      load: async () => kept,
      save: async (job) => {
        kept = job;
      },
    },
    isTimeSet: () => true,
    isTimeTrusted: () => true,
    utcMs: Date.now,
    sleep: (ms, signal) => delay(ms, undefined, { signal, ref: false }),
    update,
    ended,
    log: silentLog,
  });
}
