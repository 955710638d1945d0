// Where a command's file is sent to, `dest` and `max_kbps`, and the seam that sends it.
import { fault, optionalCount, readFields, textField } from "./command-input.ts";

export interface UploadWish {
  /** `https:`. */
  readonly url: string;
  /** Sent with each request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: one PUT. */
  readonly partBytes: number | undefined;
  readonly maxKbps: number | undefined;
}

/** Of which any part can be read, and again. */
export interface SendableFile {
  readonly sizeBytes: number;
  readonly mediaType: string;
  bytes(start: number, end: number, signal: AbortSignal): AsyncIterable<Buffer>;
}

export interface SentFile {
  readonly parts: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** Rejects with a CallerFault, a PeerFault, the signal's reason when it is aborted, or with what reading the file is rejected with. */
export type SendFile = (
  wish: UploadWish,
  file: SendableFile,
  context: { readonly signal: AbortSignal; progress(percent: number, text: string): void },
) => Promise<SentFile>;

const MAX_URL_LENGTH = 8192;
const MAX_HEADERS = 32;
const MAX_HEADER_LENGTH = 8192;
const MAX_PART_MB = 1024;
const MAX_KBPS = 10_000_000;
/** Ours to say. */
const OUR_HEADERS =
  /^(?:host|content-length|content-range|repr-digest|expect|connection|keep-alive|transfer-encoding|te|trailer|upgrade|proxy-.*)$/i;

/** Undefined: it is sent nowhere. */
export function optionalUpload(dest: unknown, maxKbps: unknown): UploadWish | undefined {
  const kbps = optionalCount("max_kbps", maxKbps, MAX_KBPS);
  if (dest === undefined || dest === null) {
    if (kbps !== undefined) throw fault("max_kbps", "is of use with dest only");
    return undefined;
  }
  return { ...uploadField(dest), maxKbps: kbps };
}

function uploadField(dest: unknown): Omit<UploadWish, "maxKbps"> {
  if (typeof dest !== "object" || Array.isArray(dest)) throw fault("dest", "has to be an object with put, and perhaps headers and part_mb");
  const { put, headers, part_mb } = readFields(dest, ["put", "headers", "part_mb"]);
  const url = textField("dest.put", put, MAX_URL_LENGTH);
  const wrong = urlFault(url);
  if (wrong !== undefined) throw fault("dest.put", wrong);
  const partMb = optionalCount("dest.part_mb", part_mb, MAX_PART_MB);
  return { url, headers: headersField(headers), partBytes: partMb === undefined ? undefined : partMb * 2 ** 20 };
}

function urlFault(url: string): string | undefined {
  if (!/^https:\/\/[^/\s]\S*$/i.test(url) || !URL.canParse(url)) return "has to be a https:// URL";
  const { username, password, hash } = new URL(url);
  if (username !== "" || password !== "") return "carries credentials: they belong to dest.headers";
  return hash === "" ? undefined : "has a fragment (#), which is never sent";
}

function headersField(value: unknown): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw fault("dest.headers", "has to be an object of texts");
  const entries = Object.entries(value);
  if (entries.length > MAX_HEADERS) throw fault("dest.headers", `has more than ${MAX_HEADERS} headers`);
  for (const [name, text] of entries) {
    const field = `dest.headers.${name.slice(0, 64)}`;
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/.test(name)) throw fault(field, "is no name of a header");
    if (OUR_HEADERS.test(name)) throw fault(field, "is a header that the gateway sets itself");
    if (typeof text !== "string" || text.length > MAX_HEADER_LENGTH || !/^[\x20-\x7e]*$/.test(text))
      throw fault(field, `has to be text of plain ASCII, ${MAX_HEADER_LENGTH} characters at most`);
  }
  return Object.fromEntries(entries) as Readonly<Record<string, string>>;
}
