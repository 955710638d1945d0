import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { type Random, seededRandom } from "#testing/mutate.ts";
import { expandVariables, splitCommandLine } from "./command-line.ts";

test("words, quotes and escapes", () => {
  const cases: [string, readonly string[] | undefined][] = [
    ["", []],
    [" \t\n ", []],
    ["a  b\tc\nd", ["a", "b", "c", "d"]],
    ["ffmpeg -i rtsp://localhost:$RTSP_PORT/$MTX_PATH", ["ffmpeg", "-i", "rtsp://localhost:$RTSP_PORT/$MTX_PATH"]],
    ["''", [""]],
    ['a "" b', ["a", "", "b"]],
    ["'a b'c\"d e\"", ["a bcd e"]],
    ["'it'\\''s'", ["it's"]],
    ["'\\n \"'", ['\\n "']],
    ['"\\$ \\` \\" \\\\ \\n \'"', ["$ ` \" \\ \\n '"]],
    ["\\a\\ \\\\\\'", ["a \\'"]],
    ["a\\\nb \\\n c", ["ab", "c"]],
    ['"a\\\nb"', ["ab"]],
    ["a;b|c&d>e #f *", ["a;b|c&d>e", "#f", "*"]],
    ["é '日 本' 🎥", ["é", "日 本", "🎥"]],
    ["a\rb", ["a\rb"]],
    ["'a", undefined],
    ['"a', undefined],
    ['"a\\"', undefined],
    ["a\\", undefined],
  ];
  for (const [line, words] of cases) assert.deepEqual(splitCommandLine(line), words, line);
});

test("a shell reads the same words", () => {
  const lines = ['a \'b c\' "d\\"e" f\\ g', "'it'\\''s' \"\" '' \"\\$x \\n\"", 'a\\\nb "c\\\nd"', "'$x'\"'\"'\"' \\\\"];
  for (const line of lines) {
    const printed = execFileSync("/bin/sh", ["-c", `printf '%s\\0' ${line}`], { encoding: "utf8" });
    assert.deepEqual(splitCommandLine(line), printed.split("\0").slice(0, -1), line);
  }
});

/** What breaks quoting, and what a shell would act on. */
const HOSTILE = [
  "'",
  '"',
  "\\",
  " ",
  "\n",
  "\t",
  "$",
  "`",
  ";",
  "|",
  "&",
  "$(id)",
  `\${A}`,
  "$A",
  "-x",
  "*",
  "~",
  "#",
  "\0",
  "é",
  "🎥",
  "a",
  "Z9",
];

function text(random: Random, most: number): string {
  return Array.from({ length: random(most + 1) }, () => HOSTILE[random(HOSTILE.length)]).join("");
}

function quoted(word: string, random: Random): string {
  if (random(3) === 0) return `'${word.replaceAll("'", "'\\''")}'`;
  if (random(2) === 0) return `"${word.replace(/[$`"\\]/g, "\\$&")}"`;
  return word === "" ? "''" : [...word].map((character) => (character === "\n" ? "'\n'" : `\\${character}`)).join("");
}

test("whatever words are quoted come back", () => {
  const random = seededRandom(1);
  for (let round = 0; round < 2000; round++) {
    const words = Array.from({ length: random(6) }, () => text(random, 8));
    assert.deepEqual(splitCommandLine(words.map((word) => quoted(word, random)).join(" \n"[random(2)])), words);
  }
});

test("no text is too odd to be split or refused, and none makes a word longer than itself", () => {
  const random = seededRandom(2);
  for (let round = 0; round < 2000; round++) {
    const line = text(random, 40);
    const words = splitCommandLine(line);
    assert.ok(words === undefined || words.join("").length <= line.length);
  }
});

const NOT_NAMES = `$? $1 $$ $(id) \${} \${A \${A:-b} $`;

test("variables: both forms, unknown names, what is not a name", () => {
  const variables = { A: "1", AB: "2", MTX_PATH: "cam", empty: "", gone: undefined };
  const cases: [string, string][] = [
    [`$A $AB \${A}B`, "1 2 1B"],
    ["/$MTX_PATH/x_$MTX_PATH-$A", "/cam/x_cam-1"],
    ["[$empty$gone$NOT_THERE]", "[]"],
    [`[$constructor$__proto__\${toString}]`, "[]"],
    [NOT_NAMES, NOT_NAMES],
    ["$$A", "$1"],
  ];
  for (const [word, expanded] of cases) assert.deepEqual(expandVariables([word], variables), [expanded]);
});

test("no value adds a word, and none is read again", () => {
  const random = seededRandom(3);
  const line = `publish -i rtsp://localhost/$V '$V' "\${V}" x$V$V`;
  const words = splitCommandLine(line)!;
  for (let round = 0; round < 2000; round++) {
    const value = text(random, 10);
    const expanded = expandVariables(words, { V: value, A: "never" });
    assert.deepEqual(expanded, ["publish", "-i", `rtsp://localhost/${value}`, value, value, `x${value}${value}`]);
  }
});
