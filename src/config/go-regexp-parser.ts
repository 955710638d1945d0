// Parser of Go's regular expressions (RE2 syntax, https://github.com/google/re2/wiki/Syntax), for the ASCII texts that path names are.

import {
  alpha,
  anyOf,
  between,
  type CodeTest,
  controlEscapes,
  not,
  oneOfChars,
  perlClasses,
  posixClasses,
  unicodeClasses,
  word,
} from "./go-regexp-classes.ts";

export type RegexpNode =
  | { readonly kind: "char"; readonly matches: CodeTest }
  | { readonly kind: "assert"; readonly holds: (text: string, at: number) => boolean }
  | { readonly kind: "group"; readonly index: number; readonly of: RegexpNode }
  | { readonly kind: "sequence"; readonly items: readonly RegexpNode[] }
  | { readonly kind: "either"; readonly items: readonly RegexpNode[] }
  | { readonly kind: "repeat"; readonly of: RegexpNode; readonly min: number; readonly max: number | undefined; readonly greedy: boolean };

interface Flags {
  readonly ignoreCase: boolean;
  readonly multiLine: boolean;
  readonly dotAll: boolean;
  readonly swapGreed: boolean;
}

const maxLength = 2000;
const maxNesting = 50;
/** RE2's own limit of counted repeats. */
const maxRepeat = 1000;

const isWordAt = (text: string, at: number): boolean => at >= 0 && at < text.length && word(text.charCodeAt(at));
const atStart = (_: string, at: number): boolean => at === 0;
const atEnd = (text: string, at: number): boolean => at === text.length;
const atLineStart = (text: string, at: number): boolean => at === 0 || text[at - 1] === "\n";
const atLineEnd = (text: string, at: number): boolean => at === text.length || text[at] === "\n";
const atBoundary = (text: string, at: number): boolean => isWordAt(text, at - 1) !== isWordAt(text, at);

/** The parsed expression and the number of its groups, or what is wrong with it. */
export function parseGoRegexp(source: string): { readonly root: RegexpNode; readonly groups: number } | { readonly fault: string } {
  if (source.length > maxLength) {
    return { fault: `is longer than ${maxLength} characters` };
  }
  const parser = new RegexpParser(source);
  const root = parser.parse();
  return root === undefined ? { fault: parser.fault ?? "is not valid" } : { root, groups: parser.groups };
}

/** Recursive descent; after a fault every method gives undefined. */
class RegexpParser {
  groups = 0;
  fault: string | undefined;
  readonly #source: string;
  #at = 0;
  #depth = 0;
  #flags: Flags = { ignoreCase: false, multiLine: false, dotAll: false, swapGreed: false };

  constructor(source: string) {
    this.#source = source;
  }

  parse(): RegexpNode | undefined {
    const root = this.#either();
    return root !== undefined && this.#at < this.#source.length ? this.#fail("has a ) without its (") : root;
  }

  #fail(fault: string): undefined {
    this.fault ??= fault;
    return undefined;
  }

  #take(text: string): boolean {
    const found = this.#source.startsWith(text, this.#at);
    this.#at += found ? text.length : 0;
    return found;
  }

  #takeMatch(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#source);
    this.#at += match === null ? 0 : match[0].length;
    return match;
  }

  #either(): RegexpNode | undefined {
    const items: RegexpNode[] = [];
    do {
      const item = this.#sequence();
      if (item === undefined) {
        return undefined;
      }
      items.push(item);
    } while (this.#take("|"));
    return items.length === 1 ? items[0] : { kind: "either", items };
  }

  #sequence(): RegexpNode | undefined {
    const items: RegexpNode[] = [];
    while (this.#at < this.#source.length && this.#source[this.#at] !== "|" && this.#source[this.#at] !== ")") {
      const quoted = this.#takeMatch(/\\Q(.*?)(?:\\E|$)/sy);
      const literals = [...(quoted?.[1] ?? "")].map((char) => this.#literal(char));
      items.push(...literals.slice(0, -1));
      if (literals.length === 0 && (quoted !== null || this.#takeFlags())) {
        continue;
      }
      const atom = literals.at(-1) ?? this.#atom();
      const repeated = atom === undefined ? undefined : this.#repeated(atom);
      if (repeated === undefined) {
        return undefined;
      }
      items.push(repeated);
    }
    return { kind: "sequence", items };
  }

  /** `(?i)` and the like: hold to the end of the group. */
  #takeFlags(): boolean {
    const match = this.#takeMatch(/\(\?([imsU]*)(?:-([imsU]+))?\)/y);
    if (match === null) {
      return false;
    }
    this.#setFlags(match[1]!, match[2] ?? "");
    return true;
  }

  #setFlags(on: string, off: string): void {
    const flag = (letter: string, now: boolean): boolean => (on.includes(letter) || now) && !off.includes(letter);
    this.#flags = {
      ignoreCase: flag("i", this.#flags.ignoreCase),
      multiLine: flag("m", this.#flags.multiLine),
      dotAll: flag("s", this.#flags.dotAll),
      swapGreed: flag("U", this.#flags.swapGreed),
    };
  }

  #repeated(atom: RegexpNode): RegexpNode | undefined {
    const range = this.#takeRange();
    if (range === undefined) {
      return atom;
    }
    const { min, max } = range;
    if (min > maxRepeat || (max !== undefined && (max > maxRepeat || max < min))) {
      return this.#fail(`has a repeat count that is not valid (at most ${maxRepeat})`);
    }
    const greedy = this.#take("?") === this.#flags.swapGreed;
    return this.#takeRange() === undefined
      ? { kind: "repeat", of: atom, min, max, greedy }
      : this.#fail("repeats a repeat: put the inner one into a group");
  }

  #takeRange(): { readonly min: number; readonly max: number | undefined } | undefined {
    const match = this.#takeMatch(/[*+?]|\{(\d{1,9})(,)?(\d{1,9})?\}/y);
    switch (match?.[0]) {
      case undefined:
        return undefined;
      case "*":
        return { min: 0, max: undefined };
      case "+":
        return { min: 1, max: undefined };
      case "?":
        return { min: 0, max: 1 };
      default: {
        const min = Number(match![1]);
        const max = match![3] === undefined ? undefined : Number(match![3]);
        return { min, max: match![2] === undefined ? min : max };
      }
    }
  }

  #atom(): RegexpNode | undefined {
    const char = this.#source[this.#at]!;
    switch (char) {
      case "(":
        return this.#group();
      case "[":
        this.#at++;
        return this.#class();
      case "\\":
        return this.#escape();
      case "*":
      case "+":
      case "?":
        return this.#fail(`has nothing before ${char} that it could repeat`);
      default:
        this.#at++;
        return this.#plain(char);
    }
  }

  #plain(char: string): RegexpNode {
    switch (char) {
      case ".":
        return { kind: "char", matches: this.#flags.dotAll ? () => true : (code) => code !== 10 };
      case "^":
        return { kind: "assert", holds: this.#flags.multiLine ? atLineStart : atStart };
      case "$":
        return { kind: "assert", holds: this.#flags.multiLine ? atLineEnd : atEnd };
      default:
        return this.#literal(char);
    }
  }

  #literal(char: string): RegexpNode {
    return { kind: "char", matches: this.#folded(oneOfChars(char)) };
  }

  /** With `i`: also the other case of a letter. */
  #folded(test: CodeTest): CodeTest {
    return this.#flags.ignoreCase ? (code) => test(code) || (alpha(code) && test(code ^ 0x20)) : test;
  }

  #group(): RegexpNode | undefined {
    const outer = this.#flags;
    const match = this.#takeMatch(/\((?:\?(?:P?<(\w+)>|([imsU]*)(?:-([imsU]+))?:))?/y)!;
    if (this.#source[this.#at] === "?") {
      return this.#fail("has a group that Go does not know (look-around, or a flag)");
    }
    const captures = match[0] === "(" || match[1] !== undefined;
    this.#setFlags(match[2] ?? "", match[3] ?? "");
    const index = captures ? ++this.groups : 0;
    this.#depth++;
    const of = this.#depth > maxNesting ? this.#fail("nests too many groups") : this.#either();
    this.#depth--;
    if (of === undefined) {
      return undefined;
    }
    if (!this.#take(")")) {
      return this.#fail("lacks a )");
    }
    this.#flags = outer;
    return captures ? { kind: "group", index, of } : of;
  }

  #escape(): RegexpNode | undefined {
    if (this.#take("\\A")) {
      return { kind: "assert", holds: atStart };
    }
    if (this.#take("\\z")) {
      return { kind: "assert", holds: atEnd };
    }
    if (this.#take("\\b")) {
      return { kind: "assert", holds: atBoundary };
    }
    if (this.#take("\\B")) {
      return { kind: "assert", holds: (text, at) => !atBoundary(text, at) };
    }
    const test = this.#escapedTest();
    return test === undefined ? undefined : { kind: "char", matches: this.#folded(typeof test === "string" ? oneOfChars(test) : test) };
  }

  /** What an escape stands for, inside a class or outside: a class of its own, or one character. */
  #escapedTest(): CodeTest | string | undefined {
    const perl = this.#takeMatch(/\\([dDwWsS])/y);
    if (perl !== null) {
      return perlClasses[perl[1]!];
    }
    const unicode = this.#takeMatch(/\\([pP])(?:\{(\^?)(\w+)\}|(\w))/y);
    if (unicode !== null) {
      const test = unicodeClasses[unicode[3] ?? unicode[4]!];
      const negated = (unicode[1] === "P") !== (unicode[2] === "^");
      return test === undefined
        ? this.#fail(`has the class ${unicode[0]}, which is not supported; path names are ASCII`)
        : negated
          ? not(test)
          : test;
    }
    const hex = this.#takeMatch(/\\x(?:\{([0-9a-fA-F]{1,6})\}|([0-9a-fA-F]{2}))/y);
    if (hex !== null) {
      const code = Number.parseInt(hex[1] ?? hex[2]!, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : this.#fail(`has the escape ${hex[0]}, which is no character`);
    }
    const control = this.#takeMatch(/\\([afnrtv])/y);
    if (control !== null) {
      return controlEscapes[control[1]!];
    }
    const punctuation = this.#takeMatch(/\\([!-/:-@[-`{-~])/y);
    return punctuation === null
      ? this.#fail(`has the escape ${this.#source.slice(this.#at, this.#at + 2)}, which Go does not know`)
      : punctuation[1];
  }

  /** After `[`. */
  #class(): RegexpNode | undefined {
    const negated = this.#take("^");
    const tests: CodeTest[] = [];
    for (let first = true; first || !this.#take("]"); first = false) {
      const test = this.#at < this.#source.length ? this.#classItem() : this.#fail("lacks a ]");
      if (test === undefined) {
        return undefined;
      }
      tests.push(test);
    }
    const test = this.#folded(anyOf(...tests));
    return { kind: "char", matches: negated ? not(test) : test };
  }

  #classItem(): CodeTest | undefined {
    const posix = this.#takeMatch(/\[:(\^?)(\w+):\]/y);
    if (posix !== null) {
      const test = posixClasses[posix[2]!];
      return test === undefined ? this.#fail(`has the class ${posix[0]}, which Go does not know`) : posix[1] === "^" ? not(test) : test;
    }
    const from = this.#classChar();
    if (typeof from !== "string") {
      return from;
    }
    if (this.#source[this.#at] !== "-" || this.#source[this.#at + 1] === "]") {
      return oneOfChars(from);
    }
    this.#at++;
    const to = this.#at < this.#source.length ? this.#classChar() : this.#fail("lacks a ]");
    if (to === undefined) {
      return undefined;
    }
    return typeof to === "string" && from <= to ? between(from, to) : this.#fail("has a range in [ ] that is not valid");
  }

  #classChar(): CodeTest | string | undefined {
    return this.#source[this.#at] === "\\" ? this.#escapedTest() : this.#source[this.#at++];
  }
}
