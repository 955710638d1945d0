// The Range header of a request, RFC 9110 §14.

export interface ByteRange {
  readonly start: number;
  /** Not part of it. */
  readonly end: number;
}

/**
 * The one range of a file of `sizeBytes` that is asked for. `all`: no Range, another unit, several ranges or bad syntax, which may all be answered with the whole
 * file (§14.2). `unsatisfiable`: answer 416.
 */
export function requestedRange(header: string | undefined, sizeBytes: number): ByteRange | "all" | "unsatisfiable" {
  const match = /^bytes\s*=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*$/i.exec(header ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return "all";
  if (match[1] === "") {
    const suffixBytes = Number(match[2]);
    return suffixBytes === 0 || sizeBytes === 0 ? "unsatisfiable" : { start: Math.max(0, sizeBytes - suffixBytes), end: sizeBytes };
  }
  const start = Number(match[1]);
  const last = match[2] === "" ? sizeBytes - 1 : Number(match[2]);
  if (last < start && match[2] !== "") return "all"; // §14.1.1: an invalid range is ignored
  return start >= sizeBytes ? "unsatisfiable" : { start, end: Math.min(last, sizeBytes - 1) + 1 };
}
