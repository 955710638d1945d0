// Regular expressions of path names in Go's syntax (RE2), matched in linear time: no name that a client sends can make matching slow.

import { parseGoRegexp, type RegexpNode } from "./go-regexp-parser.ts";

/** What `exec` of a RegExp gives, without its extras: the whole match, then the groups; a group that took no part is empty. */
export interface PathPattern {
  readonly source: string;
  exec(text: string): readonly string[] | null;
}

/** Instructions of the matcher; `next` and `other` are positions in the program. */
type Instruction =
  | { readonly op: "char"; readonly matches: (code: number) => boolean; next: number }
  | { readonly op: "split"; next: number; other: number }
  | { readonly op: "save"; readonly slot: number; next: number }
  | { readonly op: "assert"; readonly holds: (text: string, at: number) => boolean; next: number }
  | { readonly op: "match" };

/** Counted repeats are written out; this bounds what they may come to. */
const maxProgram = 10_000;

/** The pattern of a Go regular expression, or what is wrong with it. */
export function compileGoRegexp(source: string): PathPattern | { readonly fault: string } {
  const parsed = parseGoRegexp(source);
  if ("fault" in parsed) {
    return parsed;
  }
  const program: Instruction[] = [];
  const start = emit(parsed.root, push(program, { op: "match" }), program);
  if (start === undefined) {
    return { fault: "is too large" };
  }
  return { source, exec: (text) => run(program, start, parsed.groups, text) };
}

function push(program: Instruction[], instruction: Instruction): number {
  return program.push(instruction) - 1;
}

/** Writes the instructions of a node that go on at `next`; gives where they begin, or undefined once the program is too large. */
function emit(node: RegexpNode, next: number, program: Instruction[]): number | undefined {
  if (program.length > maxProgram) {
    return undefined;
  }
  switch (node.kind) {
    case "char":
      return push(program, { op: "char", matches: node.matches, next });
    case "assert":
      return push(program, { op: "assert", holds: node.holds, next });
    case "group": {
      const inner = emit(node.of, push(program, { op: "save", slot: 2 * node.index + 1, next }), program);
      return inner === undefined ? undefined : push(program, { op: "save", slot: 2 * node.index, next: inner });
    }
    case "sequence":
      return node.items.reduceRight<number | undefined>(
        (after, item) => (after === undefined ? undefined : emit(item, after, program)),
        next,
      );
    case "either":
      return emitEither(node.items, next, program);
    case "repeat":
      return emitRepeat(node, next, program);
  }
}

function emitEither(items: readonly RegexpNode[], next: number, program: Instruction[]): number | undefined {
  let begin: number | undefined;
  for (const item of items.toReversed()) {
    const branch = emit(item, next, program);
    if (branch === undefined) {
      return undefined;
    }
    begin = begin === undefined ? branch : push(program, { op: "split", next: branch, other: begin });
  }
  return begin;
}

function emitRepeat(node: Extract<RegexpNode, { kind: "repeat" }>, next: number, program: Instruction[]): number | undefined {
  let after: number | undefined = next;
  if (node.max === undefined) {
    const loop: Instruction = { op: "split", next, other: next };
    const at = push(program, loop);
    const body = emit(node.of, at, program);
    if (body === undefined) {
      return undefined;
    }
    loop.next = node.greedy ? body : next;
    loop.other = node.greedy ? next : body;
    after = at;
  } else {
    for (let i = node.min; i < node.max && after !== undefined; i++) {
      const body = emit(node.of, after, program);
      after =
        body === undefined ? undefined : push(program, { op: "split", next: node.greedy ? body : next, other: node.greedy ? next : body });
    }
  }
  for (let i = 0; i < node.min && after !== undefined; i++) {
    const body = emit(node.of, after, program);
    if (body === after) {
      break; // nothing was written: what takes no character and saves no place is the same once or a thousand times
    }
    after = body;
  }
  return after;
}

/** A place in the program with the positions saved on the way to it. */
interface Thread {
  readonly at: number;
  readonly saved: readonly number[];
}

/** Follows all alternatives at once, the preferred one first; each instruction is visited at most once per character. */
function run(program: readonly Instruction[], start: number, groups: number, text: string): readonly string[] | null {
  let threads: Thread[] = [];
  let best: readonly number[] | undefined;
  for (let at = 0; at <= text.length; at++) {
    const begin = best === undefined ? [...threads, { at: start, saved: [at] }] : threads;
    const { waiting, matched } = settle(program, begin, text, at);
    best = matched === undefined ? best : [...matched];
    const code = text.charCodeAt(at);
    threads = [];
    for (const thread of waiting) {
      const instruction = program[thread.at]!;
      if (at < text.length && instruction.op === "char" && instruction.matches(code)) {
        threads.push({ at: instruction.next, saved: thread.saved });
      }
    }
    if (threads.length === 0 && best !== undefined) {
      break;
    }
  }
  return best === undefined ? null : captures(best, groups, text);
}

/** Follows everything that takes no character. Threads less preferred than a match are dropped; `matched` holds the positions of that match. */
function settle(
  program: readonly Instruction[],
  threads: readonly Thread[],
  text: string,
  at: number,
): { readonly waiting: readonly Thread[]; readonly matched: readonly number[] | undefined } {
  const seen = new Set<number>();
  const waiting: Thread[] = [];
  const stack = threads.toReversed();
  for (let thread = stack.pop(); thread !== undefined; thread = stack.pop()) {
    if (seen.has(thread.at)) {
      continue;
    }
    seen.add(thread.at);
    const { saved } = thread;
    const instruction = program[thread.at]!;
    switch (instruction.op) {
      case "char":
        waiting.push(thread);
        break;
      case "split":
        stack.push({ at: instruction.other, saved }, { at: instruction.next, saved });
        break;
      case "save": {
        const changed = [...saved];
        changed[instruction.slot] = at;
        stack.push({ at: instruction.next, saved: changed });
        break;
      }
      case "assert":
        if (instruction.holds(text, at)) {
          stack.push({ at: instruction.next, saved });
        }
        break;
      case "match": {
        const matched = [...saved];
        matched[1] = at;
        return { waiting, matched };
      }
    }
  }
  return { waiting, matched: undefined };
}

function captures(saved: readonly number[], groups: number, text: string): readonly string[] {
  return Array.from({ length: groups + 1 }, (_, group) => {
    const from = saved[2 * group];
    const to = saved[2 * group + 1];
    return from === undefined || to === undefined ? "" : text.slice(from, to);
  });
}
