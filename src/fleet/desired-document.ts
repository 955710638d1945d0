// The desired config as the NOC sends it (§9 of the contract), and the secrets in it that only this gateway can open.
import { createHash } from "node:crypto";

export interface DesiredDocument {
  readonly ver: number;
  /** `sha256:` and the hash of the canonical text of `doc`, or of the bytes at `url`. */
  readonly hash: string;
  readonly probationSeconds: number;
  /** A version that is not newer may be taken. */
  readonly isForced: boolean;
  /** When it was made, UTC in ms; undefined: it does not say. */
  readonly madeMs: number | undefined;
  readonly content: { readonly doc: Readonly<Record<string, unknown>> } | { readonly url: string };
}

const DEFAULT_PROBATION_S = 180;
const MAX_PROBATION_S = 3600;
const HASH = /^sha256:[0-9a-f]{64}$/;

/** The fault names the field. */
export function parseDesired(value: unknown): DesiredDocument | { readonly fault: string } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { fault: "it is no object" };
  const fields = value as Readonly<Record<string, unknown>>;
  const { v, ver, hash, probation_s: probation = DEFAULT_PROBATION_S, force = false, ts, doc, url, sha256 } = fields;
  if (v !== 1) return { fault: "v: has to be 1" };
  if (!Number.isSafeInteger(ver) || (ver as number) < 1) return { fault: "ver: has to be a whole number from 1 on" };
  if (typeof probation !== "number" || !(probation >= 1 && probation <= MAX_PROBATION_S))
    return { fault: `probation_s: has to be 1 to ${MAX_PROBATION_S}` };
  if (typeof force !== "boolean") return { fault: "force: has to be true or false" };
  if (ts !== undefined && !(Number.isSafeInteger(ts) && (ts as number) > 0)) return { fault: "ts: has to be a time, in ms since 1970" };
  const madeMs = ts as number | undefined;
  const rest = { ver: ver as number, probationSeconds: probation, isForced: force, madeMs };
  if (url !== undefined) {
    if (typeof url !== "string" || !/^https:\/\/\S+$/.test(url)) return { fault: "url: has to be an https:// URL" };
    const wanted = `sha256:${String(sha256)}`;
    return HASH.test(wanted) ? { ...rest, hash: wanted, content: { url } } : { fault: "sha256: has to be 64 hexadecimal digits" };
  }
  if (typeof doc !== "object" || doc === null || Array.isArray(doc)) return { fault: "doc: has to be an object with settings" };
  if (typeof hash !== "string" || !HASH.test(hash)) return { fault: "hash: has to be sha256: and 64 hexadecimal digits" };
  const actual = hashOf(canonicalJson(doc));
  if (actual !== hash) return { fault: `hash: the document's is ${actual}` };
  return { ...rest, hash, content: { doc: doc as Readonly<Record<string, unknown>> } };
}

export function hashOf(text: string | Buffer): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

/** JSON with the keys of each object in order, and no white space: RFC 8785, for values that JSON.parse makes. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`).join(",")}}`;
}

export type OpenedDocument = { readonly doc: Readonly<Record<string, unknown>> } | { readonly fault: string };

/** Puts the secrets in the place of `{"$enc": …}`. `open` has the sealed text and the field that it stands in, `paths.gate.source`. */
export function openSecrets(
  doc: Readonly<Record<string, unknown>>,
  open: (sealed: string, field: string) => string | undefined,
): OpenedDocument {
  let fault: string | undefined;
  const walk = (value: unknown, field: string): unknown => {
    if (Array.isArray(value)) return value.map((item, i) => walk(item, `${field}[${i}]`));
    if (typeof value !== "object" || value === null) return value;
    if (Object.hasOwn(value, "$enc")) {
      const { $enc: sealed } = value as { readonly $enc: unknown };
      const plain = typeof sealed === "string" && Object.keys(value).length === 1 ? open(sealed, field) : undefined;
      fault ??= plain === undefined ? `${field}: the sealed secret cannot be opened here` : undefined;
      return plain;
    }
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner, field === "" ? key : `${field}.${key}`)]));
  };
  const opened = walk(doc, "") as Readonly<Record<string, unknown>>;
  return fault === undefined ? { doc: opened } : { fault };
}
