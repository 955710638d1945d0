// Names of paths, and the three kinds of entries that `paths:` holds.

import { compileGoRegexp, type PathPattern } from "./go-regexp.ts";

/** `static`: one path of that name; `regex`: every name that the expression after `~` matches; `catch-all`: every name that no other entry matches. */
export type PathKind = "static" | "regex" | "catch-all";

/** The ways to write the catch-all; a config may have one of them. */
export const catchAllNames: ReadonlySet<string> = new Set(["all", "all_others", "~^.*$"]);

/** What a file system takes as one name: recordings are called so. */
const MAX_NAME_LENGTH = 255;

/** What is wrong with the name of a path, or undefined. The rules hold for names that clients ask for as well. */
export function pathNameFault(name: string): string | undefined {
  if (name === "") {
    return "a path name cannot be empty";
  }
  if (name.startsWith("/") || name.endsWith("/")) {
    return "a path name cannot begin or end with a slash";
  }
  if (name.length > MAX_NAME_LENGTH) {
    return `a path name cannot have more than ${MAX_NAME_LENGTH} characters`;
  }
  if (!/^[0-9a-zA-Z_\-/.]+$/.test(name)) {
    return "a path name can have letters, digits, underscore, dot, minus and slash only";
  }
  return name.split("/").some((segment) => segment === "." || segment === "..")
    ? "a path name cannot have . or .. between slashes"
    : undefined;
}

export interface PathKey {
  readonly kind: PathKind;
  /** Undefined for a static entry. */
  readonly pattern: PathPattern | undefined;
}

/** What the key of a `paths:` entry stands for, or what is wrong with it. */
export function parsePathKey(key: string): PathKey | { readonly fault: string } {
  const kind: PathKind = catchAllNames.has(key) ? "catch-all" : key.startsWith("~") ? "regex" : "static";
  if (kind === "static") {
    const fault = pathNameFault(key);
    return fault === undefined ? { kind, pattern: undefined } : { fault };
  }
  if (/\p{Cc}/u.test(key)) {
    return { fault: "a regular expression cannot have control characters" };
  }
  const pattern = compileGoRegexp(kind === "catch-all" ? "^.*$" : key.slice(1));
  return "fault" in pattern ? { fault: `the regular expression ${pattern.fault}` } : { kind, pattern };
}

/** Sorts entries into the order they are tried: exact names, then expressions by their text, then the catch-all. */
export function byMatchOrder(
  a: { readonly name: string; readonly kind: PathKind },
  b: { readonly name: string; readonly kind: PathKind },
): number {
  const rank = { static: 0, regex: 1, "catch-all": 2 };
  return rank[a.kind] - rank[b.kind] || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}
