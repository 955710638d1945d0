// What every `camgate noc` command can be told: where the broker is, who we are, where keys lie. From options, or from the environment.
import { parseArgs } from "node:util";
import { CallerFault, errorText } from "#base/errors.ts";
import { parseListenAddress } from "#base/listen-address.ts";
import { NodeFs } from "#base/node-fs.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { readLinkFiles } from "#fleet/link-files.ts";
import { type GatewayIdentity, gatewayIdFault, tenantFault } from "#fleet/topics.ts";
import type { BrokerAccess } from "#noc/noc-connection.ts";
import type { Output } from "./output.ts";

export interface NocCall {
  readonly out: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The operator wants it to end. */
  readonly signal: AbortSignal;
  /** Of the terminal; undefined: there is none. */
  readonly columns: number | undefined;
}

/** A word is missing, is too many, or is none that the command knows: its usage follows. */
export class UsageFault extends CallerFault {
  constructor(message: string) {
    super("invalid", message);
  }
}

/** Throws a UsageFault where there are more words than a command takes. */
export function refuseMore(more: readonly string[]): void {
  if (more.length > 0) throw new UsageFault(`'${more[0]}' is a word too many`);
}

type Options = Readonly<Record<string, { readonly type: "string" | "boolean"; readonly short?: string }>>;
export type Values = Readonly<Record<string, string | boolean | undefined>>;

/** Of every command. */
const COMMON: Options = {
  broker: { type: "string" },
  tenant: { type: "string" },
  ca: { type: "string" },
  cert: { type: "string" },
  key: { type: "string" },
  username: { type: "string" },
  "password-file": { type: "string" },
  directory: { type: "string" },
};

export const COMMON_USAGE = [
  "Every command takes, or reads from the environment as CAMGATE_NOC_BROKER and so on:",
  "  --broker <url>               mqtt://, mqtts://, ws:// or wss://",
  "  --tenant <name>              whose gateways: the word after cg/v1/ in every topic",
  "  --ca, --cert, --key <file>   who vouches for the broker, our certificate, its key (PEM)",
  "  --username <name>, --password-file <file>",
  "                               where the broker wants a password",
  "  --directory <folder>         keys, counter, CA and configs that were sent (./camgate-noc)",
];

export interface ParsedWords {
  readonly values: Values;
  readonly positionals: readonly string[];
}

/** Throws a CallerFault that says which word is wrong. Environment variables stand in for options that are not given. */
export function parseNocWords(words: readonly string[], own: Options, { env }: Pick<NocCall, "env">): ParsedWords {
  try {
    const { values, positionals } = parseArgs({ args: [...words], allowPositionals: true, options: { ...COMMON, ...own } });
    const fromEnv = Object.keys(COMMON).flatMap((name) => {
      const value = env[`CAMGATE_NOC_${name.toUpperCase().replaceAll("-", "_")}`];
      return value === undefined || value === "" ? [] : [[name, value] as const];
    });
    return { values: { ...Object.fromEntries(fromEnv), ...(values as Values) }, positionals };
  } catch (error) {
    throw new UsageFault(optionFault(error as Error));
  }
}

/** Node's message without its advice about words that begin with a hyphen. */
function optionFault({ message }: Error): string {
  const [, unknown] = /^Unknown option '([^']+)'/.exec(message) ?? [];
  if (unknown !== undefined) return `${unknown}: there is no such option`;
  const [, option] = /^Option '(?:-\w, )?(--[\w-]+)[^']*' argument/.exec(message) ?? [];
  return option === undefined ? message.split(". ")[0]! : `${option}: its value is missing`;
}

export function folderOf(values: Values): string {
  return textOf(values, "directory") ?? "camgate-noc";
}

export function textOf(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}

/** Throws a CallerFault that names the option. */
export function numberOf(values: Values, name: string, usual: number, min: number, max: number): number {
  const text = textOf(values, name);
  if (text === undefined) return usual;
  const value = Number(text);
  if (text.trim() !== "" && value >= min && value <= max) return value;
  throw new CallerFault("invalid", `--${name}: '${text}' has to be a number from ${min} to ${max}`, name);
}

/** `--listen`. Throws a CallerFault. */
export function listenOf(values: Values, usual: string): { readonly host: string; readonly port: number } {
  const text = textOf(values, "listen") ?? usual;
  const { host, port = 0 } = parseListenAddress(text) ?? {};
  if (host === undefined) throw new CallerFault("invalid", `--listen: '${text}' is no address such as ${usual}`, "listen");
  return { host, port };
}

/** A file that was named, with the option `--<name>` if that is said. Rejects with a CallerFault where there is none, and `fix` makes one, or it cannot be read. */
export async function readNamed(path: string, maxBytes: number, name?: string, fix?: string): Promise<Buffer> {
  const option = name === undefined ? "" : `--${name}: `;
  const bytes = await readSmallFile(new NodeFs(), path, maxBytes).catch((error: unknown) => {
    throw new CallerFault("invalid", `${option}${path} cannot be read: ${errorText(error)}`, name);
  });
  if (bytes === undefined)
    throw new CallerFault("not-found", `${option}there is no file ${path}${fix === undefined ? "" : `: ${fix}`}`, name);
  return bytes;
}

/** `what` has to be signed, and cannot be. */
export function noKeyFault(values: Values, what: string): CallerFault {
  return new CallerFault(
    "invalid",
    `${what} has to be signed, and ${folderOf(values)} has no key: camgate noc keys make, or --unsigned where gateways trust the broker`,
  );
}

export function tenantOf(values: Values): string {
  const tenant = textOf(values, "tenant");
  if (tenant === undefined) throw new CallerFault("invalid", "--tenant: has to be given, or CAMGATE_NOC_TENANT set", "tenant");
  const fault = tenantFault(tenant);
  if (fault !== undefined) throw new CallerFault("invalid", `--tenant: '${tenant}' ${fault}`, "tenant");
  return tenant;
}

export function gatewayOf(values: Values, gatewayId: string | undefined): GatewayIdentity {
  if (gatewayId === undefined) throw new UsageFault("the name of a gateway is missing");
  const fault = gatewayIdFault(gatewayId);
  if (fault !== undefined) throw new CallerFault("invalid", `gateway: '${gatewayId}' ${fault}`, "gateway");
  return { tenant: tenantOf(values), gatewayId };
}

/** Rejects with a CallerFault that names the option. */
export async function brokerOf(values: Values): Promise<BrokerAccess> {
  const url = textOf(values, "broker");
  if (url === undefined) throw new CallerFault("invalid", "--broker: has to be given, or CAMGATE_NOC_BROKER set", "broker");
  if (!/^(?:mqtts?|wss?):\/\/[^/\s]+/.test(url) || !URL.canParse(url))
    throw new CallerFault("invalid", `--broker: '${url}' is no mqtt://, mqtts://, ws:// or wss:// URL`, "broker");
  const file = (name: string): string => textOf(values, name) ?? "";
  const names = { ca: file("ca"), cert: file("cert"), key: file("key"), username: file("username"), passwordFile: file("password-file") };
  if ((names.cert === "") !== (names.key === "")) throw new CallerFault("invalid", "--cert and --key belong together: give both, or none");
  try {
    return { url, ...(await readLinkFiles(new NodeFs(), names)) };
  } catch (error) {
    const { message } = error as Error; // it speaks of a gateway's settings
    throw new CallerFault(
      "invalid",
      message.replace(/^mqtt\.(\w+)/, (_, name: string) => `--${name === "passwordFile" ? "password-file" : name}`),
    );
  }
}
