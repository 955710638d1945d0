// Reads YAML 1.2 into raw nodes, within bounds: size, depth, aliases. Scalars keep their source text; the schema decides what they mean.

import {
  type Alias,
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type Pair,
  Parser,
} from "yaml";
import type { Place, Problems } from "./problem.ts";
import type { RawEntry, RawNode } from "./raw-node.ts";

const maxDepth = 32;
const maxAliases = 100;

export interface YamlLimits {
  readonly bytes: number;
  /** Names, values, punctuation, white space and comments. Each costs a hundred times its bytes while the text is read. */
  readonly lexemes: number;
}

/** Some thousand paths. */
const configLimits: YamlLimits = { bytes: 2 * 1024 * 1024, lexemes: 250_000 };
/** A text that is no YAML has a fault at every line. */
const maxSyntaxFaults = 100;
/** The parser keeps a few tokens on its stack for each level of nesting. */
const maxStack = 4 * maxDepth;

/** The root of a YAML text, or undefined where it has problems. An empty text is an empty map. */
export function readYaml(source: string, file: string, problems: Problems, limits = configLimits): RawNode | undefined {
  const whole: Place = { file, line: undefined };
  if (source.length > limits.bytes) {
    problems.error(whole, "", `the file is larger than ${limits.bytes / 1024 / 1024} MiB`);
    return undefined;
  }
  const lines = new LineCounter();
  const tokens = tokenize(source, lines, limits.lexemes);
  if ("fault" in tokens) {
    problems.error({ file, line: lines.linePos(tokens.offset).line }, "", tokens.fault);
    return undefined;
  }
  const composer = new Composer({ version: "1.2", schema: "failsafe", uniqueKeys: false, lineCounter: lines });
  const documents = composer.compose(tokens, true, source.length);
  const document = documents.next().value!;
  const second = documents.next().value;
  if (second !== undefined) {
    problems.error({ file, line: lines.linePos(second.range[0]).line }, "", "a second YAML document begins here; one is allowed");
    return undefined;
  }
  if (reportSyntax(document, source, lines, file, problems)) {
    return undefined;
  }
  return new Reader(document, lines, file, problems).read();
}

/** The tokens of a text, or where it gets too deep or too long: composing is recursive, so depth is judged before. */
function tokenize(
  source: string,
  lines: LineCounter,
  maxLexemes: number,
): CST.Token[] | { readonly offset: number; readonly fault: string } {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  const tokens: CST.Token[] = [];
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(source)) {
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length > maxStack) {
      return { offset: parser.offset, fault: `nested more than ${maxDepth} levels deep` };
    }
    if (++lexemes > maxLexemes) {
      return { offset: parser.offset, fault: "the file has too many names and values up to here" };
    }
  }
  tokens.push(...parser.end());
  return tokens;
}

function reportSyntax(document: Document, source: string, lines: LineCounter, file: string, problems: Problems): boolean {
  const faults = [...document.errors, ...document.warnings].slice(0, maxSyntaxFaults);
  const sourceLines = source.split("\n");
  const reported = new Set<number>();
  for (const fault of faults) {
    const line = lines.linePos(fault.pos[0]).line;
    if (isActionWithoutPermissions(sourceLines, line)) {
      problems.error(
        { file, line },
        "authInternalUsers",
        "`permissions:` is missing before the list of actions of this user; it belongs on a line of its own",
      );
      return true;
    }
    if (!reported.has(line)) {
      reported.add(line);
      problems.error({ file, line }, "", `not valid YAML: ${fault.message.charAt(0).toLowerCase()}${fault.message.slice(1)}`);
    }
  }
  return faults.length > 0;
}

/** True where the next thing that is said at or below a line is `- action:` inside authInternalUsers: a mistake often made. */
function isActionWithoutPermissions(sourceLines: readonly string[], line: number): boolean {
  const next = sourceLines.slice(line - 1).find((text) => !/^\s*(#|$)/.test(text));
  const section = sourceLines.slice(0, line).findLast((text) => /^[A-Za-z]/.test(text));
  return next !== undefined && /^\s+-\s+action\s*:/.test(next) && section !== undefined && /^authInternalUsers\s*:/.test(section);
}

/** Turns a composed document into raw nodes; a node that several aliases name is read once. */
class Reader {
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #file: string;
  readonly #problems: Problems;
  readonly #done = new Map<Node, RawNode>();
  readonly #open = new Set<Node>();
  #aliases = 0;

  constructor(document: Document, lines: LineCounter, file: string, problems: Problems) {
    this.#document = document;
    this.#lines = lines;
    this.#file = file;
    this.#problems = problems;
  }

  read(): RawNode | undefined {
    const before = this.#problems.count;
    const root = this.#node(this.#document.contents, { file: this.#file, line: 1 }, 0);
    return this.#problems.count > before ? undefined : root;
  }

  #node(node: unknown, parent: Place, depth: number): RawNode {
    if (node === null || node === undefined) {
      return { kind: "null", place: parent };
    }
    const place = this.#place(node as Node, parent);
    if (depth > maxDepth) {
      return this.#fault(place, `nested more than ${maxDepth} levels deep`);
    }
    if (isAlias(node)) {
      return this.#alias(node, place, depth);
    }
    const known = this.#done.get(node as Node);
    if (known !== undefined) {
      return known;
    }
    this.#open.add(node as Node);
    const raw = this.#content(node as Node, place, depth);
    this.#open.delete(node as Node);
    this.#done.set(node as Node, raw);
    return raw;
  }

  #content(node: Node, place: Place, depth: number): RawNode {
    if (isScalar(node)) {
      const plain = node.type === "PLAIN" || node.type === undefined;
      const text = String(plain ? (node.source ?? node.value ?? "") : node.value);
      return plain && /^(|~|null|Null|NULL)$/.test(text) ? { kind: "null", place } : { kind: "scalar", text, place };
    }
    if (isSeq(node)) {
      return { kind: "list", items: node.items.map((item) => this.#node(item, place, depth + 1)), place };
    }
    return isMap(node)
      ? { kind: "map", entries: this.#entries(node.items, place, depth), place }
      : this.#fault(place, "not something a config can hold");
  }

  #alias(alias: Alias, place: Place, depth: number): RawNode {
    this.#aliases++;
    if (this.#aliases > maxAliases) {
      return this.#fault(place, `more than ${maxAliases} aliases`);
    }
    const target = alias.resolve(this.#document);
    if (target === undefined) {
      return this.#fault(place, `no anchor '&${alias.source}' stands before this alias`);
    }
    return this.#open.has(target)
      ? this.#fault(place, `the alias '*${alias.source}' stands inside its own anchor`)
      : this.#node(target, place, depth);
  }

  #entries(pairs: readonly Pair[], parent: Place, depth: number): RawEntry[] {
    const own = new Map<string, RawEntry>();
    const merged: RawEntry[] = [];
    for (const pair of pairs) {
      const keyNode = this.#node(pair.key, parent, depth + 1);
      if (keyNode.kind === "list" || keyNode.kind === "map") {
        this.#fault(keyNode.place, "a key must be a plain text");
        continue;
      }
      const value = this.#node(pair.value, keyNode.place, depth + 1);
      const key = keyNode.kind === "null" ? (isScalar(pair.key) ? String(pair.key.source ?? "") : "") : keyNode.text;
      if (key === "<<") {
        for (const entry of this.#mergeEntries(value)) merged.push(entry);
        continue;
      }
      const first = own.get(key);
      if (first !== undefined) {
        this.#problems.error(keyNode.place, key, `given twice; first in line ${first.place.line}`);
        continue;
      }
      own.set(key, { key, place: keyNode.place, value });
    }
    for (const entry of merged) {
      if (!own.has(entry.key)) {
        own.set(entry.key, entry);
      }
    }
    return [...own.values()];
  }

  /** What `<<:` brings in: the entries of a map, or of several, the first of which wins. */
  #mergeEntries(value: RawNode): readonly RawEntry[] {
    if (value.kind === "map") {
      return value.entries;
    }
    if (value.kind === "list" && value.items.every((item) => item.kind === "map")) {
      return value.items.flatMap((item) => (item.kind === "map" ? item.entries : []));
    }
    this.#fault(value.place, "'<<' takes a map or a list of maps");
    return [];
  }

  #place(node: Node, parent: Place): Place {
    const offset = node.range?.[0];
    return offset === undefined ? parent : { file: this.#file, line: this.#lines.linePos(offset).line };
  }

  #fault(place: Place, message: string): RawNode {
    this.#problems.error(place, "", message);
    return { kind: "null", place };
  }
}
