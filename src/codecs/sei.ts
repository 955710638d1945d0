// Supplemental enhancement information of H.264 and H.265: which messages a NAL unit holds (H.264 §7.3.2.3.1, H.265 §7.3.5).

/** H.264 §D.1.1, H.265 §D.2.1. */
export const RECOVERY_POINT = 6;
/** More messages than any NAL unit has. */
const MAX_MESSAGES = 32;

/** Whether a message of `type` is in the SEI payload at bytes[start … end), behind the NAL unit's header. What is cut short ends the search. */
export function hasSeiMessage(bytes: Buffer, start: number, end: number, type: number): boolean {
  let at = start;
  // rbsp_trailing_bits take the last byte.
  for (let messages = 0; at + 2 < end && messages < MAX_MESSAGES; messages++) {
    let payloadType = 0;
    let sizeBytes = 0;
    for (; at < end && bytes[at] === 0xff; at++) payloadType += 0xff;
    payloadType += bytes[at++] ?? 0;
    for (; at < end && bytes[at] === 0xff; at++) sizeBytes += 0xff;
    sizeBytes += bytes[at++] ?? 0;
    if (payloadType === type) return at + sizeBytes <= end;
    at += sizeBytes;
  }
  return false;
}
