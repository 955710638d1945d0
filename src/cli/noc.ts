// `camgate noc …`: the operator's side of the MQTT contract. A file for each of its commands.
import { CallerFault, errorText } from "#base/errors.ts";
import { COMMON_USAGE, type NocCall, UsageFault } from "./noc-options.ts";
import type { Output } from "./output.ts";

type Run = (words: readonly string[], call: NocCall) => Promise<number>;

interface NocCommand {
  readonly usage: string;
  readonly help: string;
  /** Loads what it needs. */
  readonly load: () => Promise<Run>;
}

const COMMANDS: ReadonlyMap<string, NocCommand> = new Map([
  [
    "keys",
    {
      usage:
        "keys [list | make [name] | use <name> | drop <name> | root <folder> [name] | give <gateway …> [--root <folder>] [--timeout <s>]]",
      help: "keys that sign commands, and how gateways get others",
      load: async () => (await import("./noc-keys.ts")).runNocKeys,
    },
  ],
  [
    "send",
    {
      usage: "send <gateway> <op> [arg=value … | JSON] [--timeout <s>] [--output <file>] [--unsigned] [--json]",
      help: "one command: its progress, its result",
      load: async () => (await import("./noc-send.ts")).runNocSend,
    },
  ],
  [
    "broadcast",
    {
      usage: "broadcast ping|rebirth|backoff [arg=value …] [--spread <s>] [--timeout <s>]",
      help: "one command to all gateways of the tenant",
      load: async () => (await import("./noc-broadcast.ts")).runNocBroadcast,
    },
  ],
  [
    "time",
    {
      usage: "time <gateway …>",
      help: "what time it is, for gateways without a time keeper",
      load: async () => (await import("./noc-time.ts")).runNocTime,
    },
  ],
  [
    "watch",
    {
      usage: "watch [--once <s>] [--rows <n>]",
      help: "a live table of sites, and what happens",
      load: async () => (await import("./noc-watch.ts")).runNocWatch,
    },
  ],
  [
    "config",
    {
      usage:
        "config get|set|diff|rollback <gateway> [file | version] [--probation <s>] [--timeout <s>] [--url <https URL>] [--sealing-key <key>] [--force] [--unsigned]",
      help: "the config that is wanted of a gateway",
      load: async () => (await import("./noc-config.ts")).runNocConfig,
    },
  ],
  [
    "jobs",
    {
      usage: "jobs start <plan> | resume|pause|cancel|show <job> | list  [--unsigned]",
      help: "a job for a fleet, ring by ring",
      load: async () => (await import("./noc-jobs.ts")).runNocJobs,
    },
  ],
  [
    "enrol",
    {
      usage:
        "enrol ca [name] [--crl-url <http URL>] | broker|receiver <host …> | operator <name> | gateway|replace <gateway> [--csr <file>] | renew <gateway> [--timeout <s>] [--unsigned] | revoke <gateway> | decommission <gateway> [--home-assistant <prefix>]",
      help: "certificates of the broker, of the receiver, of operators and of gateways, from the first to the last",
      load: async () => (await import("./noc-enrol.ts")).runNocEnrol,
    },
  ],
  [
    "export",
    {
      usage: "export [--listen 127.0.0.1:9464]",
      help: "metrics of all sites for Prometheus",
      load: async () => (await import("./noc-export.ts")).runNocExport,
    },
  ],
  [
    "log",
    {
      usage: "log <gateway> [--level debug|info|warn|error] [--last <n>] [--timeout <s>] [--unsigned]",
      help: "the log of a gateway while it is written",
      load: async () => (await import("./noc-log.ts")).runNocLog,
    },
  ],
  [
    "receive",
    {
      usage:
        "receive --folder <folder> [--listen 127.0.0.1:8443] [--tls-cert <file> --tls-key <file>] [--client-ca <file>] [--crl <file>] [--quota 20G] [--max-file 4G]\n       camgate noc receive grant <name> --url <https URL> [--ttl <s>] [--part-mb 8]",
      help: "takes clips and pictures of gateways over HTTPS; grant: leave to send one, as `dest` of a command",
      load: async () => (await import("./noc-receive.ts")).runNocReceive,
    },
  ],
  [
    "simulate",
    {
      usage:
        "simulate --sites <n> [--prefix sim-] [--interval <s>] [--cameras <n>] [--spread <s>] [--reconnect-cap <s>] [--command-keys <file>] [--certificates <folder>] [--duration <s>]",
      help: "gateways without cameras, for load tests: births, telemetry, ping, configs, jobs, reconnects",
      load: async () => (await import("./noc-simulate.ts")).runNocSimulate,
    },
  ],
]);

/** @returns the exit code: 1 where it could not be done as it was asked; the commands' own are in docs/noc.md */
export async function runNoc(words: readonly string[], out: Output, surroundings: Partial<NocCall> = {}): Promise<number> {
  const [name = "", ...rest] = words;
  const command = COMMANDS.get(name);
  const isHelp = name === "help" || words.includes("--help") || words.includes("-h");
  if (command === undefined || isHelp) {
    const isWrong = command === undefined && !isHelp;
    if (isWrong && name !== "") say(out, `there is no command '${name}'`);
    for (const line of await usageOf(name, command)) isWrong ? say(out, line) : out.line(line);
    return isWrong ? 1 : 0;
  }
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", interrupt);
  try {
    const run = await command.load();
    const columns = process.stdout.isTTY ? process.stdout.columns : undefined;
    return await run(rest, { out, env: process.env, signal: stop.signal, columns, ...surroundings });
  } catch (error) {
    // A broker that went, a file that cannot be read: the operator is told, and nothing else is.
    say(out, errorText(error));
    if (error instanceof UsageFault) say(out, `usage: camgate noc ${command.usage}`);
    if (!(error instanceof CallerFault) && (error as { readonly code?: unknown }).code === undefined) throw error;
    return 1;
  } finally {
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
  }
}

function say(out: Output, text: string): void {
  if (out.fault === undefined) out.line(text);
  else out.fault(text);
}

async function usageOf(name: string, command: NocCommand | undefined): Promise<string[]> {
  if (command !== undefined) {
    const { helpOf } = await import("./noc-help.ts");
    return [`usage: camgate noc ${command.usage}`, "", command.help, "", ...helpOf(name), ...COMMON_USAGE];
  }
  const width = Math.max(...[...COMMANDS.keys()].map((name) => name.length));
  const rows = [...COMMANDS].map(([name, { help }]) => `  ${name.padEnd(width)}  ${help}`);
  return ["usage: camgate noc <command> [arguments]", "", ...rows, "", "camgate noc <command> --help tells more.", "", ...COMMON_USAGE];
}
