// What of a command's arguments may be kept: which, but no addresses with passwords, no tokens, no settings' values. What is not named here is not kept.

const PLAIN = new Set([
  ...["on", "from", "to", "until", "reason", "lock_id", "fmt", "id", "lid", "ttl_s", "proto", "mnt", "level", "record", "max_kbps"],
  ...["pin", "v", "ms", "delay_s", "why"],
]);
/** Of URLs the host. */
const URLS = new Set(["url", "source", "put"]);
/** Of objects the names of what is in them. */
const NAMES = new Set(["settings"]);

/** `input` as it came: anything. Undefined: nothing of it. */
export function auditArguments(input: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return undefined;
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(input)) {
    if (URLS.has(name)) kept[name] = hostOf(value);
    else if (NAMES.has(name) && typeof value === "object" && value !== null) kept[name] = Object.keys(value);
    else if (name === "dest" && typeof value === "object" && value !== null) kept[name] = hostOf((value as { readonly put?: unknown }).put);
    else if (name === "keys" && Array.isArray(value))
      kept[name] = value.map((key: unknown) => String((key as { readonly kid?: unknown } | null)?.kid));
    else if (PLAIN.has(name) && ["string", "number", "boolean"].includes(typeof value)) kept[name] = value;
  }
  return Object.keys(kept).length === 0 ? undefined : kept;
}

function hostOf(value: unknown): string {
  return typeof value === "string" && URL.canParse(value) ? new URL(value).host : "?";
}
