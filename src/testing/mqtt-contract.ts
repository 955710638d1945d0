// The schemas of docs/mqtt, with what they say of a value: read by another implementation of JSON Schema than ours, which only writes them.
import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";

const FOLDER = new URL("../../docs/mqtt/schemas/", import.meta.url);
const ajv = new Ajv2020({ allErrors: true, strict: true, strictTypes: false, strictRequired: false });

const validators = new Map(
  readdirSync(FOLDER).map((file) => [file.replace(/\.json$/, ""), ajv.compile(JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")))]),
);

/** Names of all schemas. */
export const contractSchemas: readonly string[] = [...validators.keys()];

/** What is wrong with a value, as it would be on the wire; none: it is what the contract says. */
export function contractFaults(name: string, value: unknown): string[] {
  const validate = validators.get(name);
  if (validate === undefined) return [`there is no schema ${name}`];
  if (validate(JSON.parse(JSON.stringify(value)))) return [];
  return (validate.errors ?? []).map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`);
}
