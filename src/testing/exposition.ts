// Reads Prometheus' text format 0.0.4 strictly, character by character: what a server wrote must be without fault, so the first one throws.

export interface ExposedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Exposition {
  readonly samples: readonly ExposedSample[];
  /** Of the TYPE lines, by metric. */
  readonly types: ReadonlyMap<string, string>;
  /** Of the HELP lines, by metric. */
  readonly helps: ReadonlyMap<string, string>;
}

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const VALUE = /(?:[+-]?(?:\d+(?:\.\d+)?|Inf)|NaN)$/y;

/** Throws at a malformed line, a series that comes twice, and metadata that is not at the head of the one block of its metric. */
export function readExposition(text: string): Exposition {
  if (text !== "" && !text.endsWith("\n")) throw new Error("the last line does not end");
  const samples: ExposedSample[] = [];
  const types = new Map<string, string>();
  const helps = new Map<string, string>();
  const series = new Set<string>();
  const names = new Set<string>();
  let last = "";
  for (const line of text.split("\n").slice(0, -1)) {
    const [, word, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (word !== undefined) {
      const table = word === "HELP" ? helps : types;
      if (table.has(name) || names.has(name)) throw new Error(`late or double: ${line}`);
      if (word === "TYPE" && !/^(?:counter|gauge|histogram|summary|untyped)$/.test(rest)) throw new Error(`no type: ${line}`);
      table.set(name, rest);
    } else if (line !== "" && !line.startsWith("#")) {
      const sample = readSample(line);
      const id = JSON.stringify([sample.name, Object.entries(sample.labels)]);
      if (series.has(id)) throw new Error(`twice: ${line}`);
      if (types.has(sample.name) && names.has(sample.name) && last !== sample.name) throw new Error(`apart from its metric: ${line}`);
      last = sample.name;
      series.add(id);
      names.add(sample.name);
      samples.push(sample);
    }
  }
  for (const name of [...types.keys(), ...helps.keys()]) if (!names.has(name)) throw new Error(`nothing of ${name}`);
  return { samples, types, helps };
}

function readSample(line: string): ExposedSample {
  let at = 0;
  const fail = (): never => {
    throw new Error(`column ${at} of: ${line}`);
  };
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(line)?.[0] ?? fail();
    at += found.length;
    return found;
  };
  const expect = (character: string): void => {
    if (line[at] !== character) fail();
    at++;
  };
  const takeQuoted = (): string => {
    expect('"');
    let value = "";
    for (; line[at] !== '"'; at++) {
      if (at >= line.length) fail();
      if (line[at] !== "\\") value += line[at];
      else value += { "\\": "\\", '"': '"', n: "\n" }[line[++at] ?? ""] ?? fail();
    }
    at++;
    return value;
  };

  const name = take(NAME);
  const labels: Record<string, string> = {};
  if (line[at] === "{") {
    do {
      at++;
      const label = take(LABEL);
      if (Object.hasOwn(labels, label)) fail();
      expect("=");
      labels[label] = takeQuoted();
    } while (line[at] === ",");
    expect("}");
  }
  expect(" ");
  const value = Number(take(VALUE).replace("Inf", "Infinity"));
  return { name, labels, value };
}
