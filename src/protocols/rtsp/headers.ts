// The smaller RTSP headers: Session, RTP-Info, Public, Content-Base (RFC 2326 §12).
import type { RtspHeaders } from "./message.ts";

export interface SessionHeader {
  readonly id: string;
  /** undefined when the server names none: then 60 s (§12.37). Some say 0. */
  readonly timeoutS: number | undefined;
}

/** `id;timeout=60`, the timeout also in quotes. undefined without an id. */
export function parseSession(value: string): SessionHeader | undefined {
  const [first = "", ...params] = value.split(";");
  const id = first.trim();
  if (id === "") return undefined;
  let timeoutS: number | undefined;
  for (const param of params) {
    const match = /^\s*timeout\s*=[\s"]*(\d{1,9})/i.exec(param);
    if (match !== null) timeoutS ??= Number(match[1]);
  }
  return { id, timeoutS };
}

export function writeSession(session: SessionHeader): string {
  return session.timeoutS === undefined ? session.id : `${session.id};timeout=${session.timeoutS}`;
}

export interface RtpInfo {
  /** As the server wrote it: absolute, relative, or missing. */
  readonly url: string | undefined;
  /** Sequence number of the first packet, 16 bits. */
  readonly sequence: number | undefined;
  /** RTP timestamp that belongs to the start of the range, 32 bits. */
  readonly rtpTime: number | undefined;
}

/**
 * §12.33, one entry per track in the server's order. URLs may hold commas and semicolons of their own and may stand in quotes; numbers out of
 * range (`rtptime=-1`) are taken as absent, because they say nothing.
 */
export function parseRtpInfo(value: string): readonly RtpInfo[] {
  const entries: RtpInfo[] = [];
  for (const entry of value.split(/,\s*(?=(?:url|seq|rtptime)\s*=)/i).slice(0, 64)) {
    const params = new Map<string, string>();
    for (const part of entry.split(/;\s*(?=(?:url|seq|rtptime|ssrc)\s*=)/i)) {
      const match = /^\s*([a-z]+)\s*=(.*)$/is.exec(part);
      if (match !== null) params.set(match[1]!.toLowerCase(), withoutEnds(match[2]!));
    }
    if (params.size === 0) continue;
    entries.push({
      url: params.get("url") || undefined,
      sequence: parseInteger(params.get("seq"), 0xffff),
      rtpTime: parseInteger(params.get("rtptime"), 0xffffffff),
    });
  }
  return entries;
}

export function writeRtpInfo(entries: readonly RtpInfo[]): string {
  return entries
    .map(({ url, sequence, rtpTime }) => {
      const parts: string[] = [];
      if (url !== undefined) parts.push(`url=${url}`);
      if (sequence !== undefined) parts.push(`seq=${sequence}`);
      if (rtpTime !== undefined) parts.push(`rtptime=${rtpTime}`);
      return parts.join(";");
    })
    .join(",");
}

/** Without spaces, quotes and stray separators at both ends. */
function withoutEnds(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && ' \t";,'.includes(text[start]!)) start++;
  while (end > start && ' \t";,'.includes(text[end - 1]!)) end--;
  return text.slice(start, end);
}

function parseInteger(text: string | undefined, max: number): number | undefined {
  return /^\d{1,10}$/.test(text ?? "") && Number(text) <= max ? Number(text) : undefined;
}

/** The methods of `Public` (or `Allow`), upper case, from one or several fields; some servers separate them by spaces only. */
export function parsePublic(values: readonly string[]): ReadonlySet<string> {
  return new Set(
    values
      .join(",")
      .split(/[\s,]+/)
      .filter((name) => name !== "")
      .map((name) => name.toUpperCase()),
  );
}

/** What relative control URLs count from, §C.1.1: `Content-Base`, else `Content-Location`; undefined: the URL of the request. */
export function contentBaseOf(headers: RtspHeaders): string | undefined {
  return headers.get("Content-Base") || headers.get("Content-Location") || undefined;
}
