// docs/openapi.yaml as one HTML page for people: no script, nothing from elsewhere. Made when the pages are built.
import { parse } from "yaml";

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly nullable?: boolean;
  readonly deprecated?: boolean;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

interface Content {
  readonly "application/json"?: { readonly schema: Schema };
}

interface Parameter {
  readonly $ref?: string;
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

interface Reply {
  readonly $ref?: string;
  readonly description: string;
  readonly content?: Content;
}

interface Operation {
  readonly operationId: string;
  readonly tags: readonly [string];
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, Reply>>;
}

interface Document {
  readonly info: { readonly title: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Listed {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

/** The text of the page; `text`: of the document. */
export function apiDocsPage(text: string): string {
  const document: Document = parse(text);
  const groups = byTag(document);
  const navigation = [...groups.keys()].map((tag) => `<a href="#${anchor(tag)}">${escaped(tag)}</a>`);
  const sections = [...groups].map(([tag, listed]) => section(tag, listed, document));
  const schemas = Object.entries(document.components.schemas).map(([name, schema]) => schemaBlock(name, schema));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${escaped(document.info.title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="./docs.css">
</head>
<body class="docs">
<nav aria-label="Contents"><strong>${escaped(document.info.title)}</strong>${navigation.join("")}<a href="#schemas">Objects</a><a href="./openapi.yaml" download>openapi.yaml</a></nav>
<main>
<h1>${escaped(document.info.title)}</h1>
<p>${prose(document.info.description)}</p>
${sections.join("\n")}
<section id="schemas"><h2>Objects</h2>
${schemas.join("\n")}
</section>
</main>
</body>
</html>
`;
}

/** In the order of the document. */
function byTag({ paths }: Document): ReadonlyMap<string, readonly Listed[]> {
  const groups = new Map<string, Listed[]>();
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const [tag] = operation.tags;
      groups.set(tag, [...(groups.get(tag) ?? []), { method, path, operation }]);
    }
  }
  return groups;
}

function section(tag: string, listed: readonly Listed[], document: Document): string {
  return `<section id="${anchor(tag)}"><h2>${escaped(tag)}</h2>\n${listed.map((one) => operationBlock(one, document)).join("\n")}\n</section>`;
}

function operationBlock({ method, path, operation }: Listed, document: Document): string {
  const { operationId, summary, description, parameters = [], requestBody, responses } = operation;
  const body = requestBody?.content["application/json"]?.schema;
  const resolvedParameters = parameters.map((parameter) => resolved(parameter, document));
  const answers = Object.entries(responses).map(([status, reply]) => {
    const { description: text, content } = resolved(reply, document);
    const schema = content?.["application/json"]?.schema;
    return `<tr><th scope="row">${status}</th><td>${prose(text)}${schema === undefined ? "" : ` ${typeText(schema)}`}</td></tr>`;
  });
  return `<details id="${anchor(operationId)}">
<summary><span class="method ${method}">${method.toUpperCase()}</span> <code>${brokenAtSlashes(path)}</code> <span class="what">${prose(summary)}</span></summary>
${description === undefined ? "" : `<p>${prose(description)}</p>`}
${resolvedParameters.length === 0 ? "" : `<h3>Parameters</h3><table>${resolvedParameters.map(parameterRow).join("")}</table>`}
${body === undefined ? "" : `<h3>Body</h3><p>${typeText(body)}</p>`}
<h3>Answers</h3><table>${answers.join("")}</table>
</details>`;
}

function parameterRow({ name, in: place, required, description, schema }: Parameter): string {
  const notes = [place, required === true ? "required" : "optional", typeText(schema)];
  if (schema.default !== undefined) notes.push(`default ${escaped(String(schema.default))}`);
  return `<tr><th scope="row"><code>${escaped(name)}</code></th><td>${notes.join(", ")}${description === undefined ? "" : `<br>${prose(description)}`}</td></tr>`;
}

function schemaBlock(name: string, schema: Schema): string {
  const members = Object.entries(schema.properties ?? {}).map(([member, of]) => {
    const optional = schema.required !== undefined && !schema.required.includes(member) ? ", optional" : "";
    const old = of.deprecated === true ? ", deprecated" : "";
    const text = of.description === undefined ? "" : `<br>${prose(of.description)}`;
    return `<tr><th scope="row"><code>${escaped(member)}</code></th><td>${typeText(of)}${optional}${old}${text}</td></tr>`;
  });
  const body = members.length === 0 ? `<p>${typeText(schema)}</p>` : `<table>${members.join("")}</table>`;
  const description = schema.description === undefined ? "" : `<p>${prose(schema.description)}</p>`;
  return `<article id="schema-${anchor(name)}"><h3>${escaped(name)}</h3>${description}${body}</article>`;
}

/** What a value is, in a few words, with links to objects. */
function typeText(schema: Schema): string {
  return schema.nullable === true ? `${bareType(schema)} or null` : bareType(schema);
}

function bareType({ $ref, type, format, items, allOf, anyOf, oneOf, additionalProperties, enum: values, properties }: Schema): string {
  if ($ref !== undefined) {
    const name = $ref.split("/").at(-1)!;
    return `<a href="#schema-${anchor(name)}">${escaped(name)}</a>`;
  }
  const choices = anyOf ?? oneOf;
  if (choices !== undefined) return choices.map(typeText).join(" or ");
  if (allOf !== undefined) return allOf.map(typeText).join(" and ");
  if (values !== undefined) return values.map((value) => `<code>${escaped(JSON.stringify(value))}</code>`).join(" ");
  if (type === "array") return `list of ${items === undefined ? "anything" : typeText(items)}`;
  if (type === "object" && typeof additionalProperties === "object") return `object by name of ${typeText(additionalProperties)}`;
  if (properties !== undefined)
    return `object of ${Object.keys(properties)
      .map((name) => `<code>${escaped(name)}</code>`)
      .join(" ")}`;
  return escaped([type ?? "anything", format === undefined ? "" : `(${format})`].filter((word) => word !== "").join(" "));
}

function resolved<T extends { readonly $ref?: string }>(one: T, document: Document): T {
  if (one.$ref === undefined) return one;
  const keys = one.$ref.replace(/^#\//, "").split("/");
  return keys.reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], document) as T;
}

function anchor(name: string): string {
  return name.replaceAll(/[^\w-]+/g, "-");
}

/** Text with `code` in it. */
function prose(text: string): string {
  return escaped(text.trim()).replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}

/** Long paths may be broken there. */
function brokenAtSlashes(path: string): string {
  return escaped(path).replaceAll("/", "/<wbr>");
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
