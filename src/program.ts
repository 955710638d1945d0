// What the command does: arguments, config file, signals.
import { deferred } from "#base/deferred.ts";
import { errorText, StartFault } from "#base/errors.ts";
import { createLogger, type LogOptions } from "#base/log.ts";
import { stopSignals } from "#base/process/stop-signals.ts";
import { isSupervised } from "#base/process/supervisor.ts";
import { version } from "#base/version.ts";
import { runCheck } from "#cli/check.ts";
import { runConfig } from "#cli/config.ts";
import { helpText, parseArguments } from "#cli/options.ts";
import type { Output } from "#cli/output.ts";
import { runRing } from "#cli/ring.ts";
import { loadLayers } from "#config/load-config.ts";
import { loadStartConfig, saveRefusedOverlay } from "#config/load-start.ts";
import { formatProblem } from "#config/problem.ts";
import type { GlobalConfig } from "#config/schema.ts";
import { watchFile } from "#config/watch-file.ts";
import { Gateway } from "./gateway/gateway.ts";

type Command = (words: readonly string[], out: Output) => Promise<number>;

const COMMANDS: ReadonlyMap<string, { readonly run: Command; readonly help: string }> = new Map([
  ["check", { run: runCheck, help: "check a config file and print every problem" }],
  ["config", { run: runConfig, help: "`config show`: print the config that results, with `--origins` where each value comes from" }],
  [
    "ring",
    { run: runRing, help: "`ring inspect|verify|export <directory>`: what lies on a card, whether it is sound, and its footage as MP4" },
  ],
  [
    "noc",
    {
      // Loaded with what it needs, an MQTT client among it, when it is asked for.
      run: async (words, to) => (await import("#cli/noc.ts")).runNoc(words, to),
      help: "the operator's side of the MQTT link: `noc send`, `noc watch`, `noc config` and more",
    },
  ],
]);

const out: Output = {
  line: (text) => void process.stdout.write(`${text}\n`),
  fault: (text) => void process.stderr.write(`${text}\n`),
};

/** Resolves with the exit code. */
export async function runProgram(words: readonly string[]): Promise<number> {
  const invocation = parseArguments(words, [...COMMANDS.keys()]);
  switch (invocation.kind) {
    case "run":
      return runGateway(invocation.configFile);
    case "command":
      // Who reads it has read enough, as `head` has: it ends as it does when it is told to.
      process.stdout.once("error", () => process.kill(process.pid, "SIGTERM")).on("error", () => {});
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

/** Of a process that wants to be started again. Above sysexits.h, so that nothing takes it for an error of another kind; no success either. */
const START_AGAIN = 80;

/** Runs until a signal, or until it is to be started anew; resolves with the exit code. */
async function runGateway(configFile: string | undefined): Promise<number> {
  const options = { env: process.env, ...(configFile !== undefined && { file: configFile }) };
  const loaded = loadStartConfig(options);
  if (loaded.config === undefined) {
    for (const problem of loaded.problems) process.stderr.write(`${formatProblem(problem)}\n`);
    return 1;
  }
  const log = createLogger(logOptionsOf(loaded.config.global));
  log.info(`camgate ${version}`);
  log.info(loaded.file === undefined ? "no config file found, using defaults" : `configuration loaded from ${loaded.file}`);
  for (const problem of loaded.problems) log.warn(formatProblem(problem));
  for (const note of loaded.overlayNotes) log.warn(note);
  const copy = loaded.isOverlayWhole ? undefined : saveRefusedOverlay(loaded.overlayFile);
  if (copy !== undefined) log.warn(`it is kept as it was in ${copy}`);
  const signals = stopSignals(process);
  const restarted = deferred<void>();
  let gateway: Gateway;
  try {
    gateway = await Gateway.start(loaded.config, log, {
      ...loaded,
      reread: () => loadLayers(options),
      onConfig: ({ global }) => log.configure(logOptionsOf(global)),
      ...(isSupervised(process.env, process.ppid) && { restart: restarted.resolve }),
    });
  } catch (error) {
    log.error(errorText(error));
    await log.close();
    return error instanceof StartFault ? error.exitCode : 1;
  }
  const reload = (): void => void gateway.live.reload().catch(() => {}); // the log has it
  process.on("SIGHUP", reload);
  const unwatch = loaded.file === undefined ? undefined : watchFile({ file: loaded.file, onChange: reload, log });
  const signal = await Promise.race([signals.first, restarted.promise]);
  log.info(`${signal ?? "to be started anew"}: shutting down`);
  unwatch?.();
  await gateway.close();
  await log.close();
  if (signal === undefined) return START_AGAIN;
  await signals.settled;
  return 0;
}

function logOptionsOf(global: GlobalConfig): LogOptions {
  return {
    level: global.logLevel,
    structured: global.logStructured,
    destinations: global.logDestinations,
    file: global.logFile,
    syslogPrefix: global.sysLogPrefix,
  };
}
