import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Problem, Problems } from "./problem.ts";
import type { RawNode } from "./raw-node.ts";
import { readYaml } from "./yaml-source.ts";

function read(source: string): { readonly root: RawNode | undefined; readonly problems: readonly Problem[] } {
  const problems = new Problems();
  return { root: readYaml(source, "f.yml", problems), problems: problems.all };
}

/** The nodes as plain values, all scalars as their text. */
function plain(node: RawNode | undefined): unknown {
  switch (node?.kind) {
    case "list":
      return node.items.map(plain);
    case "map":
      return Object.fromEntries(node.entries.map((entry) => [entry.key, plain(entry.value)]));
    case "scalar":
      return node.text;
    default:
      return null;
  }
}

describe("YAML source", () => {
  it("keeps the text of plain scalars", () => {
    const { root } = read("a: 0123\nb: 08:30\nc: yes\nd: 1e3\ne: '~'\nf: ~\ng:\nh: \"no\"\n1: x\n");
    assert.deepEqual(plain(root), { a: "0123", b: "08:30", c: "yes", d: "1e3", e: "~", f: null, g: null, h: "no", 1: "x" });
  });

  it("reads a file that says it is YAML 1.1 in the same way", () => {
    assert.deepEqual(plain(read("%YAML 1.1\n---\na: 0123\nb: yes\nc: 1:30\n").root), { a: "0123", b: "yes", c: "1:30" });
  });

  it("folds lines of a long value", () => {
    assert.deepEqual(plain(read("a: ffmpeg -i x\n   -f rtsp y\n").root), { a: "ffmpeg -i x -f rtsp y" });
  });

  it("takes an empty file for nothing", () => {
    assert.deepEqual(read(""), { root: { kind: "null", place: { file: "f.yml", line: 1 } }, problems: [] });
    assert.deepEqual(plain(read("# only a comment\n").root), null);
  });

  it("follows aliases and merges maps, the own keys winning", () => {
    const { root } = read("d: &d\n  a: 1\n  b: 2\np:\n  <<: *d\n  b: 3\nq: *d\n");
    assert.deepEqual(plain(root), { d: { a: "1", b: "2" }, p: { b: "3", a: "1" }, q: { a: "1", b: "2" } });
  });

  it("notes the lines of keys and values", () => {
    const { root } = read("\na:\n  - x\n  - y: z\n");
    assert.ok(root?.kind === "map");
    const list = root.entries[0]!;
    assert.equal(list.place.line, 2);
    assert.ok(list.value.kind === "list");
    assert.deepEqual(
      list.value.items.map((item) => item.place.line),
      [3, 4],
    );
  });

  const bad: readonly (readonly [string, string, number, RegExp])[] = [
    ["a key given twice", "a: 1\nb: 2\na: 3\n", 3, /given twice; first in line 1/],
    ["a key given twice deep down", "p:\n  x: 1\n  x: 2\n", 3, /given twice; first in line 2/],
    ["a second document", "a: 1\n---\nb: 2\n", 2, /second YAML document/],
    ["an unclosed quote", 'a: "x\n', 2, /not valid YAML/],
    ["an unclosed list", "a: [1, 2\n", 2, /not valid YAML/],
    ["a tab as indentation", "a:\n\tb: 1\n", 2, /not valid YAML/],
    ["a tag", "a: !!python/object x\n", 1, /not valid YAML/],
    ["an alias without anchor", "a: *nowhere\n", 1, /nowhere/],
    ["an alias inside its own anchor", "a: &a [*a]\n", 1, /inside its own anchor/],
    ["a map for a key", "? {a: 1}\n: 2\n", 1, /key must be a plain text/],
    ["a merge of no map", "<<: 3\n", 1, /takes a map/],
  ];
  for (const [what, source, line, message] of bad) {
    it(`refuses ${what}`, () => {
      const { root, problems } = read(source);
      assert.equal(root, undefined);
      assert.match(problems[0]!.message, message);
      assert.equal(problems[0]!.line, line);
    });
  }

  it("refuses depth without recursing into it", () => {
    for (const source of [
      "[".repeat(200_000),
      `${"- ".repeat(5000)}x`,
      `${"{a: ".repeat(5000)}`,
      Array.from({ length: 60 }, (_, i) => `${" ".repeat(i)}a:\n`).join(""),
    ]) {
      const { root, problems } = read(source);
      assert.equal(root, undefined);
      assert.match(problems[0]!.message, /nested more than 32 levels/);
    }
  });

  it("refuses more than 100 aliases, however they multiply", () => {
    const levels = Array.from({ length: 12 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array.from({ length: 10 }, () => `*l${i}`).join(", ")}]`);
    const { root, problems } = read(`l0: &l0 [x]\n${levels.join("\n")}\n`);
    assert.equal(root, undefined);
    assert.match(problems[0]!.message, /more than 100 aliases/);
  });

  it("refuses files above 2 MiB", () => {
    assert.match(read(`#${" ".repeat(2 * 1024 * 1024)}\n`).problems[0]!.message, /larger than 2 MiB/);
  });

  it("reads or refuses whatever is cut or changed, without throwing", () => {
    const source =
      "logLevel: info\npaths:\n  cam: &c\n    source: 'rtsp://u:p@h/x'\n    forward: [{dest: rtsp://a}]\n  b:\n    <<: *c\n  ~^x$: {}\n";
    for (let at = 0; at < source.length; at++) {
      read(source.slice(0, at));
      for (const char of ["\0", "\t", "{", "]", "&", "*", "!", "%", "|", "\u{1f4f7}"]) {
        read(source.slice(0, at) + char + source.slice(at + 1));
      }
    }
  });
});
