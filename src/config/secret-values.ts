// The secrets of a config, to be taken out of whatever leaves the gateway: lines of the log, what an engineer is sent.
import { credentialsEnd } from "#base/url-parts.ts";
import type { Config } from "./config.ts";
import { redacted, redactText } from "./redact.ts";
import { globalSchema, pathSchema, type SchemaEntry } from "./schema.ts";
import type { ValueType } from "./setting.ts";

/** Shorter ones are words of any text. */
const MIN_LENGTH = 4;

/** Every secret that stands in the config, for `hideSecrets`. */
export function secretValuesOf({ global, pathDefaults, paths }: Config): readonly string[] {
  const found = new Set<string>();
  const collect = (value: unknown, type: ValueType, isSecret: boolean): void => {
    if (value === undefined || value === null) return;
    if (type.kind === "list") for (const item of value as readonly unknown[]) collect(item, type.of, isSecret);
    else if (type.kind === "object") {
      for (const [name, field] of Object.entries(type.fields))
        collect((value as Readonly<Record<string, unknown>>)[name], field.type, field.secret === true);
    } else if (type.kind === "text") {
      if (isSecret) found.add(String(value));
      for (const password of urlPasswords(String(value))) found.add(password);
    }
  };
  for (const entry of globalSchema.values()) collect(globalValue(global as never, entry), entry.type, entry.secret === true);
  for (const settings of [pathDefaults, ...paths.map((path) => path.settings)]) {
    for (const entry of pathSchema.values())
      collect((settings as unknown as Readonly<Record<string, unknown>>)[entry.name], entry.type, entry.secret === true);
  }
  return secretForms(found);
}

/** Each as it may be written elsewhere, in a URL, in JSON, in base64. The longest first: one may be the beginning of another. */
export function secretForms(secrets: Iterable<string>): readonly string[] {
  const found = new Set<string>();
  for (const text of secrets) {
    if (text.length < MIN_LENGTH) continue;
    const bytes = Buffer.from(text);
    const base64 = bytes.toString("base64");
    const inJson = JSON.stringify(text).slice(1, -1);
    const inUrl = encodeURIComponent(bytes.toString()); // not of the text: half a surrogate pair throws
    for (const form of [text, inUrl, inJson, base64, base64.replace(/=+$/, ""), bytes.toString("base64url")]) found.add(form);
  }
  return [...found].sort((a, b) => b.length - a.length);
}

/** A text without these forms of secrets, and without what looks like a password, a token or a private key. */
export function hideSecrets(text: string, secrets: readonly string[]): string {
  let shown = text;
  for (const secret of secrets) shown = shown.replaceAll(secret, redacted);
  return redactText(shown)
    .replace(/\b(Bearer|Basic|Digest)(\s+)[A-Za-z0-9+/=._~-]{8,}/gi, `$1$2${redacted}`)
    .replace(/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g, redacted)
    .replace(/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]{0,16384}(-----END [A-Z ]{0,40}PRIVATE KEY-----)?/g, redacted);
}

function globalValue(global: Readonly<Record<string, unknown>>, { name, section }: SchemaEntry): unknown {
  const { group } = section;
  if (group === undefined) return global[name];
  return (global[group] as Readonly<Record<string, unknown>>)[name.slice(group.length + 1)];
}

function* urlPasswords(text: string): Generator<string> {
  for (const [, rest = ""] of text.matchAll(/[a-z][a-z0-9+.-]{0,31}:\/\/(\S*)/gi)) {
    const end = credentialsEnd(rest);
    const colon = rest.indexOf(":");
    if (end === -1 || colon === -1 || colon > end) continue;
    const password = rest.slice(colon + 1, end);
    yield password;
    try {
      yield decodeURIComponent(password);
    } catch {
      // It is no escaped text.
    }
  }
}
