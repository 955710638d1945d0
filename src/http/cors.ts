// Which pages of other sites may call an HTTP server (Fetch standard §3.2), by MediaMTX's `…AllowOrigins` lists.

const DEFAULT_PORTS: ReadonlyMap<string, string> = new Map([
  ["http:", "80"],
  ["https:", "443"],
]);

interface Origin {
  readonly scheme: string;
  readonly host: string;
  readonly port: string;
}

/** The value of Access-Control-Allow-Origin for a request's Origin; undefined: no such header. A bare `*` counts only where no other entry fits. */
export function allowedOrigin(origin: string | undefined, allowed: readonly string[]): string | undefined {
  if (origin !== undefined) {
    const asked = parseOrigin(origin);
    if (asked !== undefined && allowed.some((entry) => entry !== "*" && fits(asked, entry))) return origin;
  }
  return allowed.includes("*") ? "*" : undefined;
}

/** `*` in the host stands for any text; `*.x` fits `x`, too. */
function fits(asked: Origin, entry: string): boolean {
  const wanted = parseOrigin(entry);
  if (wanted === undefined || wanted.scheme !== asked.scheme || wanted.port !== asked.port) return false;
  if (wanted.host.startsWith("*.") && asked.host === wanted.host.slice(2)) return true;
  return matchesWildcard(asked.host, wanted.host.split("*"));
}

/** `text` is `parts` with anything between them. */
function matchesWildcard(text: string, parts: readonly string[]): boolean {
  const [first = "", ...rest] = parts;
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= text.length - last.length;
}

/** By hand, because a host with `*` is no URL. */
function parseOrigin(text: string): Origin | undefined {
  const match = /^(https?:)\/\/(\[[^\]]+\]|[^/:]+)(?::(\d{1,5}))?\/?$/i.exec(text);
  if (match === null) return undefined;
  const scheme = match[1]!.toLowerCase();
  return { scheme, host: match[2]!.toLowerCase(), port: match[3] ?? DEFAULT_PORTS.get(scheme)! };
}
