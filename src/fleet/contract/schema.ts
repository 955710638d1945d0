// Words to write JSON Schemas with (draft 2020-12): each property with a sentence about it.

/** A JSON Schema, as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export type Properties = Readonly<Record<string, JsonSchema>>;

export const text = (description: string, more: JsonSchema = {}): JsonSchema => ({ type: "string", description, ...more });
export const flag = (description: string): JsonSchema => ({ type: "boolean", description });
export const number = (description: string, more: JsonSchema = {}): JsonSchema => ({ type: "number", description, ...more });
export const count = (description: string, more: JsonSchema = {}): JsonSchema => ({ type: "integer", minimum: 0, description, ...more });
export const percent = (description: string): JsonSchema => number(description, { minimum: 0, maximum: 100 });
export const time = (description: string): JsonSchema => ({ type: "integer", description: `${description} UTC, ms since 1970.` });
export const oneOf = (words: readonly string[], description: string): JsonSchema => ({ type: "string", enum: words, description });
export const list = (items: JsonSchema, description: string, more: JsonSchema = {}): JsonSchema => ({
  type: "array",
  items,
  description,
  ...more,
});

/** `null` says that it cannot be measured, or is not known. */
export function orNull(schema: JsonSchema): JsonSchema {
  const { type, enum: words, ...rest } = schema as { readonly type: string; readonly enum?: readonly string[] };
  return { type: [type, "null"], ...(words !== undefined && { enum: [...words, null] }), ...rest };
}

/** Fields that nobody knows are ignored, never refused. */
export function object(description: string, required: Properties, optional: Properties = {}): JsonSchema {
  return { type: "object", description, required: Object.keys(required), properties: { ...required, ...optional } };
}

/** One that nothing else may stand in: arguments of a command. */
export function closed(description: string, required: Properties, optional: Properties = {}): JsonSchema {
  return { ...object(description, required, optional), additionalProperties: false };
}

/** By names that are not known beforehand. */
export function mapOf(values: JsonSchema, description: string): JsonSchema {
  return { type: "object", description, additionalProperties: values };
}
