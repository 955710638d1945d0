// The head of an RTSP message, start line and headers, from text: RFC 2326 §4, §6.1, §7.1. Limits are those of the splitter that feeds it.
import { RtspHeaders } from "./message.ts";

/** Sizes that end a connection when a peer passes them. */
export const MESSAGE_LIMITS = {
  startLineBytes: 4 * 1024,
  /** One header with its folded continuation lines. */
  headerLineBytes: 8 * 1024,
  headers: 64,
  /** Start line and all headers together. */
  headBytes: 64 * 1024,
  bodyBytes: 128 * 1024,
} as const;

export type StartLine =
  | { readonly kind: "request"; readonly method: string; readonly url: string }
  | { readonly kind: "response"; readonly status: number; readonly reason: string };

/**
 * `DESCRIBE rtsp://host/path RTSP/1.0` or `RTSP/1.0 200 OK`, without the line end. A URL may hold unescaped spaces (seen from NVRs whose
 * stream names have them); the reason may be missing. undefined for everything else.
 */
export function parseStartLine(line: string): StartLine | undefined {
  const text = line.trim().replaceAll("\t", " ");
  const response = /^RTSP\/\d\.\d +(\d{3})(?: (.*))?$/.exec(text);
  if (response !== null) return { kind: "response", status: Number(response[1]), reason: (response[2] ?? "").trim() };
  const methodEnd = text.indexOf(" ");
  const urlEnd = text.lastIndexOf(" ");
  if (!/^RTSP\/\d\.\d$/.test(text.slice(urlEnd + 1))) return undefined;
  const method = text.slice(0, Math.max(methodEnd, 0));
  const url = text.slice(methodEnd, urlEnd).trim();
  return /^[A-Z_]{1,32}$/.test(method) && url !== "" ? { kind: "request", method, url } : undefined;
}

/**
 * Header lines, each without its line end. Folded lines (§4.2: they begin with a space or tab) continue the header before; lines without
 * a colon or a name are skipped.
 */
export function parseHeaders(lines: readonly string[]): RtspHeaders {
  const headers = new RtspHeaders();
  let name = "";
  let value = "";
  const flush = (): void => {
    if (name !== "") headers.add(name, value);
    name = "";
  };
  for (const line of lines) {
    if (line.startsWith(" ") || line.startsWith("\t")) {
      const more = line.trim();
      if (more !== "") value = value === "" ? more : `${value} ${more}`;
      continue;
    }
    flush();
    const colon = line.indexOf(":");
    if (colon < 1) continue;
    name = line.slice(0, colon).trim();
    value = line.slice(colon + 1).trim();
  }
  flush();
  return headers;
}

/**
 * The length that `Content-Length` announces: undefined when there is no such header, "garbage" when it is no number or two of them differ.
 * A number of any size is returned as it is; the caller knows the limit.
 */
export function parseContentLength(headers: RtspHeaders): number | "garbage" | undefined {
  let length: number | undefined;
  for (const value of headers.getAll("Content-Length")) {
    if (!/^\d{1,15}$/.test(value)) return /^\d+$/.test(value) ? Number.MAX_SAFE_INTEGER : "garbage";
    const one = Number(value);
    if (length !== undefined && length !== one) return "garbage";
    length = one;
  }
  return length;
}
