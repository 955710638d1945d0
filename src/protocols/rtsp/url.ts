// RTSP URLs as people write them into camera settings, and the URLs that requests carry: RFC 2326 §3.2, §C.1.1, RFC 3986 §3, RFC 6874.
import { domainToASCII } from "node:url";

export interface RtspUrl {
  /** `rtsps` is TLS under everything else. */
  readonly scheme: "rtsp" | "rtsps";
  /** How RTSP travels: `+http` and `+ws` in the scheme. */
  readonly tunnel: "none" | "http" | "ws";
  /** Decoded; undefined when the URL has no user part. */
  readonly user: string | undefined;
  readonly pass: string | undefined;
  /** Name in ASCII and lower case, or address (`0x7f.1` is 127.0.0.1); an IPv6 address without brackets, its zone behind `%`. */
  readonly host: string;
  readonly port: number;
  /** As in the URL, percent-encoding kept, characters that a request line cannot carry encoded; empty or from `/` on. */
  readonly path: string;
  /** Without `?`, encoded like `path`; undefined when there is no `?`. */
  readonly query: string | undefined;
}

const DEFAULT_PORTS = { rtsp: 554, rtsps: 322 } as const;

/**
 * Reads `rtsp://`, `rtsps://`, and both with `+http` or `+ws`. undefined when it is none or holds control characters.
 *
 * Passwords stand in URLs unescaped, with `@ : / ? # %` in them, so RFC 3986's "the authority ends at the first slash" is the first guess only.
 * The rule: the authority ends at the first `/`, `?`, `#` (or the end) where what stands behind the last `@` before it is a `host` or
 * `host:port`. Behind an `@`, a bare word (no dot, no port, no brackets, not `localhost`) counts only when no later place before the query has
 * a full one: `u:p@ss/w@10.0.0.1/x` is user `u` on 10.0.0.1, `u:p@cam/x` is user `u` on `cam`. So does a word with a colon and no port:
 * `u:/w@10.0.0.1/x` has a password. What RFC 3986 reads without a user otherwise, as in `host:8554/live@hd`, stays so. User and password are
 * split at the first `:` and percent-decoded where that gives valid UTF-8, else taken as they are.
 */
export function parseRtspUrl(text: string): RtspUrl | undefined {
  const trimmed = text.trim();
  const match = /^(rtsps?)(?:\+(http|ws))?:\/\/(.+)$/i.exec(trimmed);
  if (match === null || hasControl(trimmed)) return undefined;
  const scheme = match[1]!.toLowerCase() as RtspUrl["scheme"];
  const tunnel = (match[2]?.toLowerCase() ?? "none") as RtspUrl["tunnel"];
  const rest = match[3]!;
  const authority = findAuthority(rest);
  if (authority === undefined) return undefined;
  const tail = encodeUnsafe(rest.slice(authority.end));
  const queryAt = tail.indexOf("?");
  const path = queryAt === -1 ? tail : tail.slice(0, queryAt);
  return {
    scheme,
    tunnel,
    ...splitUser(authority.user),
    host: authority.host,
    port: authority.port ?? DEFAULT_PORTS[scheme],
    path: path === "" || path.startsWith("/") ? path : `/${path}`,
    query: queryAt === -1 ? undefined : tail.slice(queryAt + 1),
  };
}

/** The URL that requests and logs carry: no user, no tunnel, no zone (RFC 6874 §3: it means something on this machine only), no default port. */
export function urlWithoutCredentials(url: RtspUrl): string {
  const query = url.query === undefined ? "" : `?${url.query}`;
  return `${origin(url)}${url.path}${query}`;
}

/** Scheme, host and port, as `urlWithoutCredentials` begins. */
function origin(url: RtspUrl): string {
  const host = url.host.includes(":") ? `[${url.host.replace(/%.*$/, "")}]` : url.host;
  return `${url.scheme}://${host}${url.port === DEFAULT_PORTS[url.scheme] ? "" : `:${url.port}`}`;
}

/**
 * The URLs to try for a control attribute, best first, all without credentials and never empty. `base` is the URL of the request that brought
 * the SDP, `contentBase` the value of `Content-Base` or `Content-Location`, `control` the value of `a=control` of the session or a media.
 *
 * Missing or `*`: the base itself. Absolute: that URL. Relative: appended to the base with a slash between, behind the query if there is one,
 * which is what servers expect; then as RFC 3986 would resolve it. Wherever a URL names another host (a private address behind NAT, 0.0.0.0),
 * ours comes first and the server's own word last.
 */
export function controlUrl(base: RtspUrl, contentBase: string | undefined, control: string | undefined): readonly string[] {
  const requested = urlWithoutCredentials(base);
  const stated = absolute(contentBase);
  const bases = stated === undefined ? [requested] : [onHost(stated, base), requested];
  const wanted = encodeUnsafe(control?.trim() ?? "");
  if (wanted === "" || wanted === "*") return unique(bases);
  const target = absolute(wanted);
  if (target !== undefined) return unique([onHost(target, base), urlWithoutCredentials(target)]);
  return unique([
    ...(wanted.startsWith("/") ? [`${origin(base)}${wanted}`] : []),
    ...bases.map((one) => appended(one, wanted)),
    ...bases.map((one) => resolved(one, wanted)),
    ...(stated === undefined ? [] : [appended(urlWithoutCredentials(stated), wanted)]),
  ]);
}

/** `Content-Base` with or without the path's slash; some servers put it into `<>` or quotes. */
function absolute(text: string | undefined): RtspUrl | undefined {
  return text === undefined ? undefined : parseRtspUrl(text.trim().replace(/^["<]+|[">]+$/g, ""));
}

function onHost(url: RtspUrl, base: RtspUrl): string {
  return urlWithoutCredentials({ ...url, scheme: base.scheme, host: base.host, port: base.port });
}

function appended(base: string, control: string): string {
  if (control.startsWith("?")) return base + control;
  return `${base.replace(/\/$/, "")}/${control.replace(/^\//, "")}`;
}

/** RFC 3986 §5.3 for a relative reference without dot segments: the query goes, and what is behind the last slash of the path. */
function resolved(base: string, control: string): string {
  const withoutQuery = base.replace(/\?.*$/, "");
  if (control.startsWith("?")) return withoutQuery + control;
  const authorityEnd = withoutQuery.indexOf("/", withoutQuery.indexOf("//") + 2);
  if (authorityEnd === -1) return `${withoutQuery}/${control.replace(/^\//, "")}`;
  if (control.startsWith("/")) return withoutQuery.slice(0, authorityEnd) + control;
  return withoutQuery.slice(0, withoutQuery.lastIndexOf("/") + 1) + control;
}

function unique(urls: readonly string[]): readonly string[] {
  return [...new Set(urls)];
}

interface Authority {
  readonly user: string | undefined;
  readonly host: string;
  readonly port: number | undefined;
  /** Where path or query begins. */
  readonly end: number;
}

function findAuthority(rest: string): Authority | undefined {
  let weak: Authority | undefined;
  let segmentStart = 0;
  for (const delimiter of rest.matchAll(/[/?#]|$/g)) {
    const end = delimiter.index;
    const first = segmentStart === 0;
    const at = rest.lastIndexOf("@", end - 1);
    const inSegment = end > 0 && at >= segmentStart;
    if (first || inSegment) {
      const parsed = parseHost(rest.slice(inSegment ? at + 1 : segmentStart, end));
      const authority = parsed && { user: inSegment ? rest.slice(0, at) : undefined, host: parsed.host, port: parsed.port, end };
      if (authority !== undefined && (parsed?.full || !(inSegment || parsed?.portIsEmpty))) return authority;
      weak ??= authority;
    }
    if (weak !== undefined && delimiter[0] === "?") return weak;
    segmentStart = end + 1;
  }
  return weak;
}

/** `host`, `host:port`, `[v6]`, `[v6%zone]:port`. `full`: it looks like one even where any word could stand. */
function parseHost(text: string): { host: string; port: number | undefined; portIsEmpty: boolean; full: boolean } | undefined {
  const match = /^(?:\[([0-9a-f:.]*:[0-9a-f:.]*)(?:%(?:25(?=.))?([\w.~-]+))?\]|([\p{L}\p{N}_.-]+))(?::(\d{0,5}))?$/iu.exec(text);
  if (match === null) return undefined;
  const [, v6, zone, name, portText] = match;
  const port = portText === undefined || portText === "" ? undefined : Number(portText);
  if (port !== undefined && (port === 0 || port > 65535)) return undefined;
  const host = v6 === undefined ? domainToASCII(name!) : zone === undefined ? v6 : `${v6}%${zone}`;
  if (host === "") return undefined;
  const full = v6 !== undefined || port !== undefined || host.includes(".") || host.toLowerCase() === "localhost";
  return { host, port, portIsEmpty: portText === "", full };
}

function splitUser(user: string | undefined): Pick<RtspUrl, "user" | "pass"> {
  if (user === undefined) return { user: undefined, pass: undefined };
  const colon = user.indexOf(":");
  return colon === -1
    ? { user: decoded(user), pass: undefined }
    : { user: decoded(user.slice(0, colon)), pass: decoded(user.slice(colon + 1)) };
}

function decoded(text: string): string {
  return percentDecoded(text) ?? text;
}

/** undefined when a `%` is not followed by two hex digits or the bytes are not UTF-8. */
export function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Encodes what RFC 3986 does not allow in a URL, and leaves what it allows or what is encoded already. */
function encodeUnsafe(text: string): string {
  return text.replace(/[^\u0021-\u007e]|["<>\\^`{|}]/gu, (character) => {
    const bytes = Buffer.from(character, "utf8");
    return Array.from(bytes, (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
  });
}

export function hasControl(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return /[\u0000-\u001f\u007f]/.test(text);
}
