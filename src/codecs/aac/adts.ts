// The ADTS header before an AAC frame, ISO/IEC 14496-3 §1.A.2.
import { aacChannelCount, aacSampleRateHz } from "./config.ts";

export interface AdtsHeader {
  /** 7, or 9 with a checksum. */
  readonly headerBytes: number;
  /** Header and frame. */
  readonly frameBytes: number;
  readonly objectType: number;
  readonly sampleRateHz: number;
  readonly channelCount: number;
}

/** The header at `at`; undefined when none is there. The frame itself may not be whole in `bytes`. */
export function parseAdts(bytes: Buffer, at = 0): AdtsHeader | undefined {
  if (at + 7 > bytes.length || bytes[at] !== 0xff || (bytes[at + 1]! & 0xf6) !== 0xf0) return undefined; // syncword, layer 0
  const third = bytes[at + 2]!;
  const fourth = bytes[at + 3]!;
  const sampleRateHz = aacSampleRateHz((third >> 2) & 0x0f);
  const channelCount = aacChannelCount(((third & 1) << 2) | (fourth >> 6));
  const headerBytes = (bytes[at + 1]! & 1) === 1 ? 7 : 9; // protection_absent
  const frameBytes = ((fourth & 3) << 11) | (bytes[at + 4]! << 3) | (bytes[at + 5]! >> 5);
  if (sampleRateHz === undefined || channelCount === undefined || frameBytes < headerBytes) return undefined;
  return { headerBytes, frameBytes, objectType: (third >> 6) + 1, sampleRateHz, channelCount };
}
