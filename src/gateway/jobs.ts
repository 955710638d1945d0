// What a job of the NOC can be: what the gateway does on command anyway, at a time of its own, and what an image brings, as its updater.
import type { Caller, Command } from "#control/command.ts";
import { CommandFault } from "#fleet/command-fault.ts";
import { jobOperations, UPDATE_JOB } from "#fleet/contract/operations.table.ts";
import type { JobOperation } from "#fleet/job-runner.ts";
import type { GatewayContext } from "./context.ts";

const RESTART = "sys.restart_app";

/** Who made the job was judged when it came. */
const NOC_JOB: Caller = { name: "a job of the NOC", may: () => true };

/** By name. The context's own, which an image brings, come first. */
export function jobOperationsOf(context: GatewayContext): ReadonlyMap<string, JobOperation> {
  return new Map([
    ...jobOperations.map((name) => [name, name === UPDATE_JOB ? noUpdater : commandJob(context, name)] as const),
    ...context.jobOperations,
  ]);
}

const noUpdater: JobOperation = {
  check() {
    throw new CommandFault("E_UNSUPPORTED", "nothing here installs updates: this gateway is updated by what installed it");
  },
  steps: [],
};

function commandJob(context: Pick<GatewayContext, "fleet">, name: string): JobOperation {
  const find = (): Command => {
    const command = context.fleet?.commands.get(name);
    if (command === undefined) throw new CommandFault("E_UNSUPPORTED", `this gateway has no operation '${name}'`);
    return command;
  };
  return {
    check: (args) => void find().parse(args),
    steps: [
      {
        name: "run",
        async run({ args, signal, progress }) {
          find();
          await context.fleet!.commands.dispatch(name, args, { caller: NOC_JOB, signal, progress });
        },
        // Found in the middle of it: this is another process.
        ...(name === RESTART && { endsProcess: true, isDone: async () => true }),
      },
    ],
  };
}
