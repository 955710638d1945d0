// What somebody may do, and on which paths: the permissions of users, of tokens, and of what is open to everybody.

export interface PermissionRule {
  /** publish, read, playback, api, metrics or pprof. */
  readonly action: string;
  /** A name, a regular expression after `~` (not anchored), or empty for every path. */
  readonly path: string;
}

/** A regular expression in Go's syntax, without the `~`, as a test in linear time; undefined for one that cannot be used. */
export type CompileExpression = (source: string) => ((path: string) => boolean) | undefined;

const ACTIONS: ReadonlySet<string> = new Set(["publish", "read", "playback", "api", "metrics", "pprof"]);
/** The others are about no path. */
const PATH_ACTIONS: ReadonlySet<string> = new Set(["publish", "read", "playback"]);
const MAX_CLAIM_LENGTH = 65_536;
const MAX_RULES = 1000;

export class Permissions {
  readonly #rules: readonly { readonly action: string; matches(path: string): boolean }[];

  constructor(rules: readonly PermissionRule[], compile: CompileExpression) {
    this.#rules = rules.map(({ action, path }) => ({ action, matches: lazyMatcher(path, compile) }));
  }

  allow({ action, path }: { readonly action: string; readonly path: string }): boolean {
    return this.#rules.some((rule) => rule.action === action && (!PATH_ACTIONS.has(action) || rule.matches(path)));
  }
}

/** Compiled when first asked: a token may carry expressions for many paths, of which one is of use. */
function lazyMatcher(rule: string, compile: CompileExpression): (path: string) => boolean {
  if (rule === "") return () => true;
  if (!rule.startsWith("~")) return (path) => path === rule;
  let matches: ((path: string) => boolean) | undefined;
  return (path) => {
    matches ??= compile(rule.slice(1)) ?? (() => false);
    return matches(path);
  };
}

/** The claim of a token: an array of `{action, path}`, or the same as JSON text. undefined for anything else, down to an unknown field. */
export function parsePermissionClaim(claim: unknown): readonly PermissionRule[] | undefined {
  const list = typeof claim === "string" ? parsedText(claim) : claim;
  if (!Array.isArray(list) || list.length > MAX_RULES) return undefined;
  const rules = list.map(parseRule);
  return rules.every((rule) => rule !== undefined) ? rules : undefined;
}

function parsedText(text: string): unknown {
  if (text.length > MAX_CLAIM_LENGTH) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseRule(value: unknown): PermissionRule | undefined {
  if (typeof value !== "object" || value === null || Object.keys(value).some((key) => key !== "action" && key !== "path")) return undefined;
  const { action, path } = value as { readonly action?: unknown; readonly path?: unknown };
  if (typeof action !== "string" || !ACTIONS.has(action)) return undefined;
  if (path !== undefined && path !== null && typeof path !== "string") return undefined;
  return { action, path: path ?? "" };
}
