// Which path, query and track a request of a client names: RFC 2326 §C.1, and how clients build URLs from our Content-Base.
import { hasControl, percentDecoded } from "./url.ts";

export interface RequestPath {
  /** Decoded, without the slashes at its ends; empty for `*` and for a URL without a path. */
  readonly path: string;
  /** As it came, without `?`; empty when there is none. */
  readonly query: string;
  /** N of a trailing `trackID=N`; that part is in neither `path` nor `query`. */
  readonly track: number | undefined;
}

/**
 * The URL of a request: absolute, a path alone, or `*`. The track and the slash of a Content-Base stand behind the path (GStreamer) or behind
 * the query (ffmpeg, live555): `/cam/trackID=0?x=1` and `/cam?x=1/trackID=0` are the same. undefined when it is no URL, its percent-encoding is
 * broken, or control characters are in it.
 */
export function parseRequestPath(url: string): RequestPath | undefined {
  if (url === "*") return { path: "", query: "", track: undefined };
  const raw = pathAndQuery(url);
  if (raw === undefined) return undefined;
  const queryAt = raw.indexOf("?");
  const pathPart = splitTrack(queryAt === -1 ? raw : raw.slice(0, queryAt));
  const queryPart = splitTrack(queryAt === -1 ? "" : raw.slice(queryAt + 1));
  const path = percentDecoded(pathPart.text);
  if (path === undefined || hasControl(path)) return undefined;
  return { path: path.replace(/^\/+|\/+$/g, ""), query: queryPart.text, track: queryPart.track ?? pathPart.track };
}

/**
 * The Content-Base for the answer to a DESCRIBE of `url`: the slash stands before the query, so that players which append a relative control
 * URL (ffmpeg, live555) and those which resolve it (GStreamer drops the query then) both come back to this path.
 */
export function contentBaseFor(url: string): string {
  const queryAt = url.indexOf("?");
  const path = queryAt === -1 ? url : url.slice(0, queryAt);
  return `${path.endsWith("/") ? path : `${path}/`}${queryAt === -1 ? "" : url.slice(queryAt)}`;
}

/**
 * Whether `setupUrl` is the control URL of a media that was announced at `baseUrl` with `control`: absolute, or appended to the base behind
 * path or query. Hosts are not compared: a client may know us by another name.
 */
export function isControlOf(setupUrl: string, baseUrl: string, control: string): boolean {
  const setup = pathAndQuery(setupUrl);
  const base = pathAndQuery(baseUrl);
  if (setup === undefined || base === undefined) return false;
  if (control === "" || control === "*") return withoutSlash(setup) === withoutSlash(base);
  if (isAbsolute(control)) return setup === pathAndQuery(control);
  const tail = control.replace(/^\//, "");
  const queryAt = base.indexOf("?");
  const behindQuery = `${withoutSlash(base)}/${tail}`;
  const behindPath = queryAt === -1 ? behindQuery : `${withoutSlash(base.slice(0, queryAt))}/${tail}${base.slice(queryAt)}`;
  return setup === behindQuery || setup === behindPath || (control.startsWith("/") && setup === control);
}

/** From the path on; undefined when `url` is neither absolute nor a path. */
export function pathAndQuery(url: string): string | undefined {
  if (hasControl(url)) return undefined;
  if (url.startsWith("/")) return url;
  const match = /^rtsps?:\/\/[^/?]*(.*)$/i.exec(url);
  return match === null ? undefined : match[1]!.startsWith("/") ? match[1]! : `/${match[1]}`;
}

function isAbsolute(url: string): boolean {
  return /^rtsps?:\/\//i.test(url);
}

function splitTrack(text: string): { text: string; track: number | undefined } {
  const match = /^(.*)\/trackID=(\d{1,4})\/?$/is.exec(text);
  if (match === null) return { text: withoutSlash(text), track: undefined };
  return { text: withoutSlash(match[1]!), track: Number(match[2]) };
}

function withoutSlash(text: string): string {
  return text.endsWith("/") ? text.slice(0, -1) : text;
}
