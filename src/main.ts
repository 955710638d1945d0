// The command: arguments, config file, signals.
import { errorText, StartFault } from "#base/errors.ts";
import { createLogger } from "#base/log.ts";
import { version } from "#base/version.ts";
import { runCheck } from "#cli/check.ts";
import { runConfig } from "#cli/config.ts";
import { helpText, parseArguments } from "#cli/options.ts";
import type { Output } from "#cli/output.ts";
import { runRing } from "#cli/ring.ts";
import { loadConfig } from "#config/load-config.ts";
import { formatProblem } from "#config/problem.ts";
import { Gateway } from "./gateway.ts";

type Command = (words: readonly string[], out: Output) => Promise<number>;

const COMMANDS: ReadonlyMap<string, { readonly run: Command; readonly help: string }> = new Map([
  ["check", { run: runCheck, help: "check a config file and print every problem" }],
  ["config", { run: runConfig, help: "`config show`: print the config that results, with `--origins` where each value comes from" }],
  [
    "ring",
    { run: runRing, help: "`ring inspect|verify|export <directory>`: what lies on a card, whether it is sound, and its footage as MP4" },
  ],
]);

const out: Output = { line: (text) => void process.stdout.write(`${text}\n`) };

async function main(words: readonly string[]): Promise<number> {
  const invocation = parseArguments(words, [...COMMANDS.keys()]);
  switch (invocation.kind) {
    case "run":
      return runGateway(invocation.configFile);
    case "command":
      return COMMANDS.get(invocation.name)!.run(invocation.words, out);
    case "version":
      out.line(version);
      return 0;
    case "help":
      out.line(helpText(version, new Map([...COMMANDS].map(([name, { help }]) => [name, help]))).trimEnd());
      return 0;
    case "check-version":
    case "upgrade":
      process.stderr.write("camgate is upgraded by the package or image that installed it\n");
      return 1;
    case "wrong":
      process.stderr.write(`camgate: ${invocation.text}; see camgate --help\n`);
      return 1;
  }
}

/** Runs until a signal; resolves with the exit code. */
async function runGateway(configFile: string | undefined): Promise<number> {
  const loaded = loadConfig({ env: process.env, ...(configFile !== undefined && { file: configFile }) });
  if (loaded.config === undefined) {
    for (const problem of loaded.problems) process.stderr.write(`${formatProblem(problem)}\n`);
    return 1;
  }
  const { global } = loaded.config;
  const log = createLogger({
    level: global.logLevel,
    structured: global.logStructured,
    destinations: global.logDestinations,
    file: global.logFile,
    syslogPrefix: global.sysLogPrefix,
  });
  log.info(`camgate ${version}`);
  log.info(loaded.file === undefined ? "no config file found, using defaults" : `configuration loaded from ${loaded.file}`);
  for (const problem of loaded.problems) log.warn(formatProblem(problem));
  const stopped = stopSignal();
  let gateway: Gateway;
  try {
    gateway = await Gateway.start(loaded.config, log);
  } catch (error) {
    log.error(errorText(error));
    await log.close();
    return error instanceof StartFault ? error.exitCode : 1;
  }
  log.info(`${await stopped}: shutting down`);
  await gateway.close();
  await log.close();
  return 0;
}

/** Whoever starts programs in groups (npm, timeout, a terminal) delivers one signal twice: to the process and to its group. */
const SAME_SIGNAL_MS = 100;

/** Resolves at the first SIGINT or SIGTERM. A second one ends the process at once: process.exit would wait for a hung disk call. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let first: { readonly signal: NodeJS.Signals; readonly atMs: number } | undefined;
    const onSignal = (signal: NodeJS.Signals): void => {
      const nowMs = performance.now();
      first ??= { signal, atMs: nowMs };
      resolve(first.signal);
      const isFirst = signal === first.signal && nowMs - first.atMs < SAME_SIGNAL_MS;
      if (!isFirst) process.kill(process.pid, "SIGKILL");
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
}

process.exitCode = await main(process.argv.slice(2));
