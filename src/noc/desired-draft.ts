// A desired config on its way: settings from a file, secrets sealed, what changes, and the versions that were sent before.
import type { KeyObject } from "node:crypto";
import { createPublicKey } from "node:crypto";
import { join } from "node:path";
import { parse } from "yaml";
import { CallerFault, errorText } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { replaceFile } from "#base/replace-file.ts";
import { canonicalJson } from "#fleet/desired-document.ts";
import { CONFIG_SEAL_INFO, sealSecret } from "#fleet/sealed-secret.ts";
import type { GatewayIdentity } from "#fleet/topics.ts";

export type Doc = Readonly<Record<string, unknown>>;

const MAX_DOC_BYTES = 2 << 20;

/** Settings as YAML or JSON. Throws a CallerFault. */
export function parseDraft(text: string, name: string): Doc {
  let doc: unknown;
  try {
    doc = parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw new CallerFault("invalid", `${name}: ${errorText(error)}`);
  }
  if (typeof doc !== "object" || doc === null || Array.isArray(doc))
    throw new CallerFault("invalid", `${name}: has to hold settings, as a config file does`);
  return doc as Doc;
}

/** Whether there is a `{"$seal": "text"}` in it. */
export function hasSecrets(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.hasOwn(value, "$seal") || Object.values(value).some(hasSecrets);
}

/** Puts `{"$enc": …}`, which one gateway alone can open, in the place of each `{"$seal": "text"}`. Throws a CallerFault that names the field. */
export function sealSecrets(doc: Doc, recipient: KeyObject): Doc {
  const walk = (value: unknown, field: string): unknown => {
    if (Array.isArray(value)) return value.map((item, i) => walk(item, `${field}[${i}]`));
    if (typeof value !== "object" || value === null) return value;
    if (Object.hasOwn(value, "$seal")) {
      const { $seal: plain } = value as { readonly $seal: unknown };
      if (typeof plain !== "string" || Object.keys(value).length > 1)
        throw new CallerFault("invalid", `${field}: $seal has to be the secret as text, and to stand alone`, field);
      return { $enc: sealSecret(plain, recipient, { info: CONFIG_SEAL_INFO, aad: field }) };
    }
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner, field === "" ? key : `${field}.${key}`)]));
  };
  return walk(doc, "") as Doc;
}

/** Of a key in base64url, as gateways publish theirs. Throws a CallerFault. */
export function sealingKeyOf(text: string): KeyObject {
  try {
    return createPublicKey({ key: { kty: "OKP", crv: "X25519", x: text }, format: "jwk" });
  } catch {
    throw new CallerFault("invalid", "the gateway's sealing key has to be an X25519 public key in base64url");
  }
}

/** Lines that begin with `+`, `-` or `~`, a line for each setting that differs; none: they are alike. */
export function diffLines(before: Doc, after: Doc): string[] {
  const [old, fresh] = [flatten(before), flatten(after)];
  const names = [...new Set([...old.keys(), ...fresh.keys()])].sort();
  return names.flatMap((name) => {
    const [was, is] = [old.get(name), fresh.get(name)];
    if (was === is) return [];
    if (was === undefined) return [`+ ${name}: ${is}`];
    return is === undefined ? [`- ${name}: ${was}`] : [`~ ${name}: ${was} -> ${is}`];
  });
}

function flatten(value: unknown, name = "", into = new Map<string, string>()): Map<string, string> {
  const isBranch = typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
  const isSecret = isBranch && (Object.hasOwn(value, "$enc") || Object.hasOwn(value, "$seal"));
  if (isSecret)
    into.set(
      name,
      Object.hasOwn(value, "$seal") ? "(secret, to be sealed)" : `(secret, sealed) ${String((value as Doc)["$enc"]).slice(-8)}`,
    );
  else if (isBranch) for (const [key, inner] of Object.entries(value)) flatten(inner, name === "" ? key : `${name}.${key}`, into);
  else if (name !== "") into.set(name, canonicalJson(value));
  return into;
}

/** What was sent to a gateway, a file for each version: what a rollback goes back to. */
export class SentConfigs {
  readonly #fs: FsPort;
  readonly #folder: string;

  constructor(fs: FsPort, folder: string, { tenant, gatewayId }: GatewayIdentity) {
    this.#fs = fs;
    this.#folder = join(folder, "configs", tenant, gatewayId);
  }

  fileOf(ver: number): string {
    return join(this.#folder, `${ver}.json`);
  }

  /** Rising. */
  async versions(): Promise<readonly number[]> {
    const entries = (await this.#fs.list(this.#folder)) ?? [];
    return entries.flatMap(({ name }) => (/^\d{1,15}\.json$/.test(name) ? [Number.parseInt(name, 10)] : [])).sort((a, b) => a - b);
  }

  async read(ver: number): Promise<Doc> {
    const bytes = await readSmallFile(this.#fs, this.fileOf(ver), MAX_DOC_BYTES);
    if (bytes === undefined) {
      const there = await this.versions();
      throw new CallerFault(
        "not-found",
        `version ${ver} was not sent from here: there are ${there.length === 0 ? "none" : there.join(", ")}`,
      );
    }
    return parseDraft(bytes.toString("utf8"), this.fileOf(ver));
  }

  /** As canonical JSON: these bytes have the hash of the document. */
  keep(ver: number, doc: Doc): Promise<void> {
    return replaceFile(this.#fs, this.fileOf(ver), Buffer.from(canonicalJson(doc)));
  }
}
