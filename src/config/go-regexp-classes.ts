// Character classes of Go's regular expressions (RE2 syntax), for ASCII texts.

/** A test of one UTF-16 code unit. */
export type CodeTest = (code: number) => boolean;

export const between =
  (from: string, to: string): CodeTest =>
  (code) =>
    code >= from.charCodeAt(0) && code <= to.charCodeAt(0);
export const anyOf =
  (...tests: readonly CodeTest[]): CodeTest =>
  (code) =>
    tests.some((test) => test(code));
export const not =
  (test: CodeTest): CodeTest =>
  (code) =>
    !test(code);
export const oneOfChars =
  (chars: string): CodeTest =>
  (code) =>
    chars.includes(String.fromCharCode(code));

const digit = between("0", "9");
const upper = between("A", "Z");
const lower = between("a", "z");
export const alpha = anyOf(upper, lower);
export const word = anyOf(alpha, digit, oneOfChars("_"));
const space = oneOfChars("\t\n\f\r ");

export const perlClasses: Readonly<Record<string, CodeTest>> = { d: digit, D: not(digit), w: word, W: not(word), s: space, S: not(space) };
export const posixClasses: Readonly<Record<string, CodeTest>> = {
  alnum: anyOf(alpha, digit),
  alpha,
  ascii: (code) => code < 128,
  blank: oneOfChars("\t "),
  cntrl: (code) => code < 32 || code === 127,
  digit,
  graph: between("!", "~"),
  lower,
  print: between(" ", "~"),
  punct: anyOf(between("!", "/"), between(":", "@"), between("[", "`"), between("{", "~")),
  space: oneOfChars("\t\n\v\f\r "),
  upper,
  word,
  xdigit: anyOf(digit, between("a", "f"), between("A", "F")),
};
/** Unicode classes, as far as ASCII has members of them. */
export const unicodeClasses: Readonly<Record<string, CodeTest>> = { L: alpha, Lu: upper, Ll: lower, N: digit, Nd: digit };
export const controlEscapes: Readonly<Record<string, string>> = { a: "\x07", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };
