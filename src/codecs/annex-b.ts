// The byte stream format of ITU-T H.264 and H.265, Annex B: NAL units behind start codes.

/** Whether a start code (00 00 01, or with one more zero) stands at `at`. */
export function isStartCode(bytes: Buffer, at: number, end: number): boolean {
  if (at + 3 > end || bytes[at] !== 0 || bytes[at + 1] !== 0) return false;
  return bytes[at + 2] === 1 || (bytes[at + 2] === 0 && at + 4 <= end && bytes[at + 3] === 1);
}

/** Where the next 00 00 01 begins in bytes[from … end); `end` when there is none. */
export function nextStartCode(bytes: Buffer, from: number, end: number): number {
  for (let at = from + 2; at < end; ) {
    const last = bytes[at]!;
    if (last > 1) at += 3;
    else if (last === 0) at++;
    else if (bytes[at - 1] === 0 && bytes[at - 2] === 0) return at - 2;
    else at += 3;
  }
  return end;
}

/** NAL units as views without start codes and trailing zeros; bytes before the first start code are a NAL unit too. `limit` bounds the list. */
export function splitAnnexB(bytes: Buffer, limit = 1024): Buffer[] {
  const nalUnits: Buffer[] = [];
  for (let start = 0; start < bytes.length && nalUnits.length < limit; ) {
    const next = nextStartCode(bytes, start, bytes.length);
    let end = next;
    while (end > start && bytes[end - 1] === 0) end--; // §B.1 trailing_zero_8bits; a NAL unit never ends in zero
    if (end > start) nalUnits.push(bytes.subarray(start, end));
    start = next + 3;
  }
  return nalUnits;
}

/** One buffer with a four-byte start code before each NAL unit. */
export function joinAnnexB(nalUnits: readonly Buffer[]): Buffer {
  let sizeBytes = 0;
  for (const nalUnit of nalUnits) sizeBytes += 4 + nalUnit.length;
  const joined = Buffer.allocUnsafe(sizeBytes);
  let at = 0;
  for (const nalUnit of nalUnits) {
    at = joined.writeUInt32BE(1, at);
    at += nalUnit.copy(joined, at);
  }
  return joined;
}
