// The headers of an upload that can be taken up again: each part is a PUT with Content-Range (RFC 9110 §14.4), 308 says in Range how much is there, as
// resumable uploads of Google Cloud Storage do; Repr-Digest (RFC 9530) says of what bytes the whole is.

/** A part of a file; undefined `part`: no bytes, only the question how many are there. */
export interface UploadRange {
  readonly part: { readonly start: number /** Not part of it. */; readonly end: number } | undefined;
  readonly sizeBytes: number;
}

export function writeUploadRange({ part, sizeBytes }: UploadRange): string {
  return part === undefined ? `bytes */${sizeBytes}` : `bytes ${part.start}-${part.end - 1}/${sizeBytes}`;
}

/** Undefined: it is none, or one of a file whose size is not known. */
export function parseUploadRange(header: string): UploadRange | undefined {
  const [, range, first, last, size] = /^bytes (?:(\*)|(\d{1,15})-(\d{1,15}))\/(\d{1,15})$/.exec(header) ?? [];
  if (size === undefined) return undefined;
  const sizeBytes = Number(size);
  if (range === "*") return { part: undefined, sizeBytes };
  const part = { start: Number(first), end: Number(last) + 1 };
  return part.start < part.end && part.end <= sizeBytes ? { part, sizeBytes } : undefined;
}

/** Of an answer 308: how many bytes from the start are there. Undefined: it cannot be understood. */
export function parseHeldBytes(range: string | undefined): number | undefined {
  if (range === undefined) return 0;
  const [, last] = /^bytes=0-(\d{1,15})$/.exec(range) ?? [];
  return last === undefined ? undefined : Number(last) + 1;
}

/** Undefined: nothing is there, and the header is left out. */
export function writeHeldBytes(heldBytes: number): string | undefined {
  return heldBytes === 0 ? undefined : `bytes=0-${heldBytes - 1}`;
}

/** `sha256` in hex. */
export function writeReprDigest(sha256: string): string {
  return `sha-256=:${Buffer.from(sha256, "hex").toString("base64")}:`;
}

/** The SHA-256 in hex; undefined: there is none in it. */
export function parseReprDigest(header: string | undefined): string | undefined {
  const [, base64] = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/.exec(header ?? "") ?? [];
  return base64 === undefined ? undefined : Buffer.from(base64, "base64").toString("hex");
}

/** How long to wait before the next attempt, in ms; undefined: the server does not say. More than an hour is an hour. */
export function parseRetryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const waitMs = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : header.endsWith(" GMT") ? Date.parse(header) - nowMs : Number.NaN;
  return Number.isFinite(waitMs) ? Math.min(3_600_000, Math.max(0, waitMs)) : undefined;
}
