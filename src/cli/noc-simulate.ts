// `camgate noc simulate --sites N`: as many gateways as a load test wants, in one process.
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { counted } from "#base/counted.ts";
import { CallerFault } from "#base/errors.ts";
import type { LinkCredentials } from "#fleet/fleet-link.ts";
import type { SigningKeys } from "#fleet/jws.ts";
import { parseKeyFile } from "#fleet/key-file.ts";
import { gatewayIdFault } from "#fleet/topics.ts";
import { plainText } from "#noc/plain-text.ts";
import { SimulatedSite } from "#noc/simulated-site.ts";
import { brokerOf, type NocCall, numberOf, parseNocWords, readNamed, refuseMore, tenantOf, textOf } from "./noc-options.ts";

const REPORT_MS = 5000;
const MAX_KEY_FILE_BYTES = 64 * 1024;
/** Good-byes at once. */
const CLOSING_AT_ONCE = 200;

export async function runNocSimulate(words: readonly string[], call: NocCall): Promise<number> {
  const own = ["sites", "prefix", "interval", "cameras", "spread", "reconnect-cap", "command-keys", "certificates", "duration"];
  const { values, positionals } = parseNocWords(words, Object.fromEntries(own.map((name) => [name, { type: "string" as const }])), call);
  refuseMore(positionals);
  const sites = numberOf(values, "sites", 10, 1, 50_000);
  if (!Number.isInteger(sites)) throw new CallerFault("invalid", `--sites: '${sites}' has to be a whole number`, "sites");
  const prefix = textOf(values, "prefix") ?? "sim-";
  const [tenant, access] = [tenantOf(values), await brokerOf(values)];
  const nameOf = (i: number): string => `${prefix}${String(i + 1).padStart(5, "0")}`;
  const fault = gatewayIdFault(nameOf(0));
  if (fault !== undefined) throw new CallerFault("invalid", `--prefix: '${nameOf(0)}' ${fault}`, "prefix");
  const options = {
    url: access.url,
    cameras: numberOf(values, "cameras", 4, 0, 64),
    intervalMs: numberOf(values, "interval", 60, 0.1, 86_400) * 1000,
    reconnectCapMs: numberOf(values, "reconnect-cap", 300, 1, 3600) * 1000,
    keys: await keysOf(textOf(values, "command-keys")),
    random: Math.random,
  };
  const folder = textOf(values, "certificates");
  const credentialsOf = async (name: string): Promise<LinkCredentials> =>
    folder === undefined ? access : { ...access, tls: { ...access.tls, ...(await certificateOf(folder, name)) } };
  for (let i = 0; folder !== undefined && i < sites; i++) await credentialsOf(nameOf(i)); // what is missing is said before any begins
  const spreadMs = numberOf(values, "spread", Math.max(1, sites / 100), 0, 3600) * 1000;
  const durationMs = textOf(values, "duration") === undefined ? undefined : numberOf(values, "duration", 0, 0.1, 1e6) * 1000;
  const stop = durationMs === undefined ? call.signal : AbortSignal.any([call.signal, AbortSignal.timeout(durationMs)]);

  let births = 0;
  let trouble: string | undefined;
  const running: SimulatedSite[] = [];
  const report = (): void => {
    const why = trouble === undefined ? "" : `; the last that was lost or refused: ${plainText(trouble)}`;
    const connected = running.filter(({ isConnected }) => isConnected).length;
    call.out.line(`connected: ${connected} of ${counted(sites, "gateway")}, ${counted(births, "birth")}${why}`);
    trouble = undefined;
  };
  const timer = setInterval(report, REPORT_MS);
  try {
    for (let i = 0; i < sites && !stop.aborted; i++) {
      const identity = { tenant, gatewayId: nameOf(i) };
      const credentials = (): Promise<LinkCredentials> => credentialsOf(identity.gatewayId);
      const onTrouble = (text: string): void => {
        trouble = `${identity.gatewayId}: ${text}`;
      };
      running.push(await SimulatedSite.start({ ...options, identity, credentials, onBorn: () => void births++, onTrouble }));
      if (spreadMs > 0) await delay(spreadMs / sites, undefined, { signal: stop }).catch(() => {});
    }
    if (!stop.aborted) await new Promise((resolve) => stop.addEventListener("abort", resolve));
  } finally {
    clearInterval(timer);
    report();
    while (running.length > 0) await Promise.all(running.splice(0, CLOSING_AT_ONCE).map((site) => site.close()));
  }
  return 0;
}

/** As `enrol gateway` makes it. Rejects with a CallerFault that names the file. */
async function certificateOf(folder: string, name: string): Promise<{ readonly cert: Buffer; readonly key: Buffer }> {
  const read = (end: string): Promise<Buffer> =>
    readNamed(join(folder, `${name}.${end}`), MAX_KEY_FILE_BYTES, "certificates", `camgate noc enrol gateway ${name}`);
  return { cert: await read("crt"), key: await read("key") };
}

/** Undefined: they trust the broker. */
async function keysOf(path: string | undefined): Promise<SigningKeys | undefined> {
  if (path === undefined) return undefined;
  const file = parseKeyFile((await readNamed(path, MAX_KEY_FILE_BYTES, "command-keys")).toString("utf8"));
  if ("fault" in file) throw new CallerFault("invalid", `--command-keys: the key file ${path} ${file.fault}`, "command-keys");
  return file.keys;
}
