// What every source file keeps to beside formatter, linter and import table: length, names, first line, and what is banned.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type SourceFile, sourceFile, sourceFiles } from "../scripts/source-tree.ts";

const MAX_LINES = 500;
const THIS_FILE = "src/house-rules.test.ts";
const KEBAB_CASE = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:table|test|peer\.test))?\.(?:ts|mjs|js)$/;
const EMPTY_WORDS = new Set(["common", "helper", "helpers", "manager", "misc", "util", "utils"]);

const BANNED: readonly { readonly what: string; readonly pattern: RegExp; readonly inComments?: boolean }[] = [
  {
    what: "a command line for a shell: use execFile or spawn",
    pattern: /^import\b[^;]*\b(?:exec|execSync)\b[^;]*\bfrom "node:child_process"/m,
  },
  { what: "child_process as a whole: import what is used by name", pattern: /^import\s+(?:\*\s+as\s+)?\w+\s+from "node:child_process"/m },
  { what: "a shell between us and a program", pattern: /\bshell:\s*(?:true|["'`])/ },
  { what: "code made of text", pattern: /\beval\(|\bnew\s+Function\b|"node:vm"/ },
  { what: "a default export: export by name", pattern: /^export\s+default\b|\bas\s+default\b/m },
  { what: "work left undone", pattern: /\b(?:TODO|FIXME)\b/, inComments: true },
];

const files = sourceFiles("src", "bench", "scripts", "hw-tests").filter((file) => file.path !== THIS_FILE);

function nameFault({ path }: SourceFile): string | undefined {
  const name = path.split("/").at(-1) ?? "";
  if (!KEBAB_CASE.test(name)) return "not kebab-case";
  if (/^index\./.test(name)) return "a barrel";
  const word = path.split(/[/.-]/).find((part) => EMPTY_WORDS.has(part));
  return word === undefined ? undefined : `"${word}" says nothing`;
}

function bannedIn(file: SourceFile): string[] {
  return BANNED.filter(({ pattern, inComments }) => pattern.test(inComments === true ? file.text : file.code)).map(({ what }) => what);
}

function saysWhatItIs({ text }: SourceFile): boolean {
  return /^(?:#!.*\n)?(?:\/\/|\/\*)(?! biome-ignore)/.test(text);
}

test("no file is long", () => {
  const long = files.filter(({ path, text }) => !path.endsWith(".table.ts") && text.split("\n").length - 1 > MAX_LINES);
  assert.deepEqual(
    long.map(({ path }) => path),
    [],
  );
});

test("names are kebab-case and say what is inside", () => {
  const wrong = files.flatMap((file) => {
    const fault = nameFault(file);
    return fault === undefined ? [] : [`${file.path}: ${fault}`];
  });
  assert.deepEqual(wrong, []);
});

test("the first line says what the file is", () => {
  const silent = files.filter((file) => file.path.startsWith("src/") && !file.path.endsWith(".test.ts") && !saysWhatItIs(file));
  assert.deepEqual(
    silent.map(({ path }) => path),
    [],
  );
});

test("nothing banned is used", () => {
  assert.deepEqual(
    files.flatMap((file) => bannedIn(file).map((what) => `${file.path}: ${what}`)),
    [],
  );
});

test("every dependency has its reason in the README", () => {
  const text = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
  const { dependencies, optionalDependencies, devDependencies } = JSON.parse(text("package.json")) as Record<string, object>;
  const listed = [...text("README.md").matchAll(/\[([^\]]+)\]\(https:\/\/www\.npmjs\.com\/package\/\1\)/g)].map(([, name]) => name);
  assert.deepEqual(listed.sort(), Object.keys({ ...dependencies, ...optionalDependencies, ...devDependencies }).sort());
});

test("these checks see what they are for", () => {
  const samples: [string, number][] = [
    ['import { exec } from "node:child_process";', 1],
    ['import {\n  execFile,\n  execSync,\n} from "node:child_process";', 1],
    ['import * as child from "node:child_process";', 1],
    ['import child from "node:child_process";', 1],
    ["spawn(program, { shell: true });", 1],
    ['spawn(program, { shell: "/bin/sh" });', 1],
    ["eval(text);", 1],
    ["new Function(text);", 1],
    ['import { runInNewContext } from "node:vm";', 1],
    ["export default class {}", 1],
    ["const a = 1; // TODO later", 1],
    ['import { execFile } from "node:child_process";\nconst match = /a/.exec("a");', 0],
    ["spawn(program, { shell: false });", 0],
    ["// Never eval(text).", 0],
  ];
  for (const [text, count] of samples) assert.equal(bannedIn(sourceFile("src/base/x.ts", text)).length, count, text);

  const names = ["src/base/BitReader.ts", "src/relay/index.ts", "src/utils/x.ts", "src/base/path-helper.ts"];
  for (const path of names) assert.ok(nameFault(sourceFile(path, "")) !== undefined, path);
  for (const path of ["src/relay/gop-cache.peer.test.ts", "src/codecs/h264/x.table.ts"])
    assert.equal(nameFault(sourceFile(path, "")), undefined);

  assert.equal(saysWhatItIs(sourceFile("src/main.ts", "#!/usr/bin/env node\n// The program.\n")), true);
  assert.equal(saysWhatItIs(sourceFile("src/x.ts", 'import "node:fs";\n')), false);
});
