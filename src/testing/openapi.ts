// An OpenAPI 3.0 document as tests hold answers against it: operations, and as much of its schemas as such documents use.
import { readFileSync } from "node:fs";
import { parse } from "yaml";

/** RFC 3339 §5.6, with the offset as Go writes it. */
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

interface Schema {
  readonly $ref?: string;
  readonly type?: "object" | "array" | "string" | "integer" | "number" | "boolean";
  readonly format?: string;
  readonly nullable?: boolean;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

interface Reply {
  readonly $ref?: string;
  readonly content?: { readonly "application/json"?: { readonly schema: Schema } };
}

interface Operation {
  readonly responses: Readonly<Record<string, Reply>>;
}

/** What was asked, and what came. */
export interface Answer {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly status: number;
  readonly body: unknown;
}

export class OpenApiDocument {
  readonly #root: { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };

  constructor(file: URL) {
    this.#root = parse(readFileSync(file, "utf8"));
  }

  /** `GET /v3/info`, …, in the order of the document. */
  get operations(): readonly string[] {
    return Object.entries(this.#root.paths).flatMap(([template, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${template}`),
    );
  }

  /** What of an answer is not as the document says, each with its place in the body. */
  faultsOf({ method, path, status, body }: Answer): readonly string[] {
    const template = Object.keys(this.#root.paths).find((one) => fits(path, one));
    const operation = template === undefined ? undefined : this.#root.paths[template]?.[method.toLowerCase()];
    if (operation === undefined) return [`${method} ${path} is not described`];
    const reply = operation.responses[status];
    if (reply === undefined) return [`${method} ${path}: status ${status} is not described`];
    const schema = this.#resolved(reply).content?.["application/json"]?.schema;
    return schema === undefined ? [`${method} ${path}: no body is described for ${status}`] : this.#faults(schema, body, "body");
  }

  /**
   * Members that an answer's schema has and the answer lacks, by place. For documents that do not say which must be there and mean all of them, save
   * those that may be null.
   */
  absentFrom({ method, path, status, body }: Answer): readonly string[] {
    const template = Object.keys(this.#root.paths).find((one) => fits(path, one)) ?? "";
    const reply = this.#root.paths[template]?.[method.toLowerCase()]?.responses[status];
    const schema = reply && this.#resolved(reply).content?.["application/json"]?.schema;
    return schema === undefined ? [`${method} ${path}: no body is described for ${status}`] : this.#absent(schema, body, "body");
  }

  #absent(named: Schema, value: unknown, at: string): string[] {
    const schema = this.#resolved(named);
    if (Array.isArray(value))
      return value.flatMap((one, i) => (schema.items === undefined ? [] : this.#absent(schema.items, one, `${at}[${i}]`)));
    if (typeof value !== "object" || value === null) return [];
    const members = Object.entries(schema.properties ?? {});
    return members.flatMap(([name, member]) => {
      if (Object.hasOwn(value, name)) return this.#absent(member, (value as Record<string, unknown>)[name], `${at}.${name}`);
      return this.#resolved(member).nullable === true ? [] : [`${at}.${name}`];
    });
  }

  #resolved<T extends { readonly $ref?: string }>(one: T): T {
    if (one.$ref === undefined) return one;
    const keys = one.$ref.replace(/^#\//, "").split("/");
    return keys.reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], this.#root) as T;
  }

  #faults(named: Schema, value: unknown, at: string): string[] {
    const schema = this.#resolved(named);
    if (value === null) return schema.nullable === true ? [] : [`${at} is null`];
    const faults = (schema.allOf ?? []).flatMap((part) => this.#faults(part, value, at));
    const choices = schema.anyOf ?? schema.oneOf;
    if (choices?.every((choice) => this.#faults(choice, value, at).length > 0)) faults.push(`${at} fits none of the choices`);
    if (schema.enum?.includes(value) === false) faults.push(`${at} is ${JSON.stringify(value)}, none of ${schema.enum.join(", ")}`);
    const fault = typeFault(schema, value);
    if (fault !== undefined) return [...faults, `${at} ${fault}`];
    if (schema.type === "array") faults.push(...(value as unknown[]).flatMap((one, i) => this.#faults(schema.items!, one, `${at}[${i}]`)));
    if (schema.type === "object") faults.push(...this.#memberFaults(schema, value as Record<string, unknown>, at));
    return faults;
  }

  #memberFaults({ required = [], properties, additionalProperties }: Schema, value: Record<string, unknown>, at: string): string[] {
    const faults = required.filter((name) => !Object.hasOwn(value, name)).map((name) => `${at}.${name} is missing`);
    if (properties === undefined && typeof additionalProperties !== "object") return faults;
    for (const [name, member] of Object.entries(value)) {
      const schema = properties?.[name] ?? (typeof additionalProperties === "object" ? additionalProperties : undefined);
      if (schema !== undefined) faults.push(...this.#faults(schema, member, `${at}.${name}`));
      else if (additionalProperties === false) faults.push(`${at}.${name} is not described`);
    }
    return faults;
  }
}

function fits(path: string, template: string): boolean {
  const brace = template.indexOf("{");
  return brace < 0 ? path === template : path.startsWith(template.slice(0, brace));
}

function typeFault({ type, format, minimum }: Schema, value: unknown): string | undefined {
  const is = Array.isArray(value) ? "array" : typeof value;
  const wanted = type === "integer" ? "number" : type;
  if (wanted !== undefined && is !== wanted) return `is of type ${is}, not ${type}`;
  if (type === "integer" && !Number.isSafeInteger(value)) return `is ${value}, not a whole number`;
  if (minimum !== undefined && (value as number) < minimum) return `is ${value}, below ${minimum}`;
  if (format === "uuid" && !UUID.test(value as string)) return `is '${value}', not a UUID`;
  if (format === "date-time" && !DATE_TIME.test(value as string)) return `is '${value}', not a time`;
  return undefined;
}
