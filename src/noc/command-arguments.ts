// The arguments of a command as an operator writes them, and what the contract says of them.
import { CallerFault } from "#base/errors.ts";
import { operationByName } from "#fleet/contract/operations.table.ts";
import type { Properties } from "#fleet/contract/schema.ts";
import { parseStrictJson } from "#fleet/strict-json.ts";

const KINDS: Readonly<Record<string, string>> = {
  string: "text",
  boolean: "true or false",
  number: "a number",
  integer: "a whole number",
  array: "a list, as JSON",
  object: "an object, as JSON",
};

type Arguments = Readonly<Record<string, unknown>>;

/**
 * `cam=gate on=true from=2026-03-01T14:05:09Z`, or one JSON object. A value that is JSON is that; any other is text. Throws a CallerFault that names
 * the argument.
 */
export function parseCommandArguments(op: string, words: readonly string[]): Arguments {
  const args = words[0]?.startsWith("{") ? fromJson(words) : fromPairs(words);
  const operation = operationByName.get(op);
  if (operation === undefined)
    throw new CallerFault("invalid", `there is no operation '${op}': camgate noc send --help has all of them`, "op");
  const { properties, required } = operation.args as { readonly properties: Properties; readonly required: readonly string[] };
  const names = Object.keys(properties);
  const unknown = Object.keys(args).find((name) => !names.includes(name));
  const there = names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
  if (unknown !== undefined) throw new CallerFault("invalid", `${unknown}: is no argument of ${op}: ${there}`, unknown);
  const missing = required.find((name) => !Object.hasOwn(args, name));
  if (missing !== undefined)
    throw new CallerFault(
      "invalid",
      `${missing}: has to be given. ${op} ${argumentsText(op)}; ${missing}: ${String(properties[missing]!["description"])}`,
      missing,
    );
  for (const [name, value] of Object.entries(args)) checkType(name, value, properties[name]!);
  return args;
}

/** Of an operation of the contract: `{cam, from, to, reason?}`; empty: it has none. */
export function argumentsText(op: string): string {
  const { properties, required } = operationByName.get(op)!.args as {
    readonly properties: Properties;
    readonly required: readonly string[];
  };
  const names = Object.keys(properties).map((name) => (required.includes(name) ? name : `${name}?`));
  return names.length === 0 ? "" : `{${names.join(", ")}}`;
}

export function isPrivileged(op: string, args: Arguments): boolean {
  return operationByName.get(op)!.isPrivileged || (op === "cam.snapshot" && Object.hasOwn(args, "dest"));
}

function fromJson(words: readonly string[]): Arguments {
  if (words.length > 1) throw new CallerFault("invalid", "arguments: one JSON object, or words like cam=gate, not both", "args");
  const parsed = parseStrictJson(words[0]!);
  if ("fault" in parsed) throw new CallerFault("invalid", `arguments: ${parsed.fault}`, "args");
  return parsed.value as Arguments;
}

function fromPairs(words: readonly string[]): Arguments {
  const args: Record<string, unknown> = {};
  for (const word of words) {
    const [, name, text] = /^([a-z][a-z0-9_]*)=(.*)$/s.exec(word) ?? [];
    if (name === undefined || text === undefined) throw new CallerFault("invalid", `'${word}': arguments are written as cam=gate`, "args");
    if (Object.hasOwn(args, name)) throw new CallerFault("invalid", `${name}: stands twice`, name);
    const parsed = parseStrictJson(text);
    args[name] = "value" in parsed ? parsed.value : text;
  }
  return args;
}

/** Of the kinds of the contract; what else is wrong the gateway says. */
function checkType(name: string, value: unknown, schema: Readonly<Record<string, unknown>>): void {
  const { type, enum: words } = schema as { readonly type?: unknown; readonly enum?: readonly unknown[] };
  const isOk =
    (type === "string" && typeof value === "string") ||
    (type === "boolean" && typeof value === "boolean") ||
    (type === "number" && typeof value === "number") ||
    (type === "integer" && Number.isInteger(value)) ||
    (type === "array" && Array.isArray(value)) ||
    (type === "object" && typeof value === "object" && value !== null && !Array.isArray(value)) ||
    typeof type !== "string";
  if (!isOk) throw new CallerFault("invalid", `${name}: has to be ${KINDS[String(type)]}`, name);
  if (words !== undefined && !words.includes(value))
    throw new CallerFault("invalid", `${name}: has to be one of ${words.join(", ")}`, name);
}
