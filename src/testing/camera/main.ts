// The simulated cameras as a program: `npm run camera`, `npm run camera -- --count 12 --port 9554 --no-auth`, `npm run camera -- --fault C46`.
import { parseArgs } from "node:util";
import { errorText } from "#base/errors.ts";
import { type CamerasOptions, cameraNames, startCameras } from "./cameras.ts";
import { FAULT_LIST, faultOf, listFaults, serveFault } from "./faulty-camera.ts";

const DEFAULT_PORT = "8654";
const MAX_COUNT = 250;
const USAGE = `usage: npm run camera -- [--port 0…65535] [--count 1…250] [--user NAME] [--pass PASSWORD] [--no-auth]
       npm run camera -- --fault ID [--port 0…65535]
       npm run camera -- --fault ${FAULT_LIST}`;

interface Options extends CamerasOptions {
  /** A row of the fault table, in place of the good cameras; or FAULT_LIST. */
  readonly fault: string | undefined;
}

/** Throws a TypeError or a RangeError for what cannot be understood. */
function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: "string", default: DEFAULT_PORT },
      count: { type: "string", default: "4" },
      user: { type: "string", default: "demo" },
      pass: { type: "string", default: "demo" },
      "no-auth": { type: "boolean", default: false },
      fault: { type: "string" },
    },
  });
  if (values.fault !== undefined && values.fault !== FAULT_LIST) faultOf(values.fault);
  return {
    fault: values.fault,
    port: wholeNumber("--port", values.port, 0, 65_535),
    count: wholeNumber("--count", values.count, 1, MAX_COUNT),
    login: values["no-auth"] ? undefined : { user: values.user, pass: values.pass },
  };
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) throw new RangeError(`${name} must be a number from ${least} to ${most}`);
  return value;
}

function untilSignal(): Promise<void> {
  return new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => resolve());
  });
}

/** Says where the faulty camera is and what it will do, and then what it does; runs until a signal. */
async function runFaultyCamera(id: string, port: number): Promise<void> {
  const stopped = untilSignal();
  const served = await serveFault(faultOf(id), { port, print: (text) => void process.stdout.write(`${text}\n`) });
  await stopped;
  await served.close();
}

/** Prints the URLs, one a line, once they can be read; runs until a signal. */
async function runCameras(options: CamerasOptions): Promise<void> {
  const stopped = untilSignal();
  const site = await startCameras(options);
  const { login } = options;
  const userinfo = login === undefined ? "" : `${encodeURIComponent(login.user)}:${encodeURIComponent(login.pass)}@`;
  const urls = cameraNames(options.count).map((name) => site.url(name).replace("//", () => `//${userinfo}`));
  process.stdout.write(`${urls.join("\n")}\n`);
  await stopped;
  await site.close();
}

async function main(args: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(args);
  } catch (error) {
    process.stderr.write(`${errorText(error)}\n${USAGE}\n`);
    return 1;
  }
  try {
    if (options.fault === FAULT_LIST) process.stdout.write(`${listFaults()}\n`);
    else if (options.fault !== undefined) await runFaultyCamera(options.fault, options.port);
    else await runCameras(options);
    return 0;
  } catch (error) {
    process.stderr.write(`${errorText(error)}\n`);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
