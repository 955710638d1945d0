// The header of a PES packet, ISO/IEC 13818-1 §2.4.3.6.
import { wrapTsTicks } from "./clock.ts";

/** Table 2-22. */
export const StreamId = { privateStream1: 0xbd, audio: 0xc0, video: 0xe0, metadata: 0xfc } as const;

const FIXED_BYTES = 9;
const TIMESTAMP_BYTES = 5;
const MAX_PACKET_LENGTH = 0xffff;
/** Video alone may go without a length (§2.4.3.7): the payload of other streams has to fit one, with both timestamps. */
export const MAX_BOUNDED_PAYLOAD_BYTES = MAX_PACKET_LENGTH - (FIXED_BYTES - 6) - 2 * TIMESTAMP_BYTES;

/** Times are 90 kHz, not wrapped. The payload begins with an access unit. */
export function writePesHeader(streamId: number, ptsTsTicks: number, dtsTsTicks: number, payloadBytes: number): Buffer {
  const withDts = ptsTsTicks !== dtsTsTicks;
  const timestampBytes = withDts ? 2 * TIMESTAMP_BYTES : TIMESTAMP_BYTES;
  const header = Buffer.allocUnsafe(FIXED_BYTES + timestampBytes);
  const lengthBytes = header.length - 6 + payloadBytes;
  header.writeUInt32BE(0x100 | streamId, 0); // packet_start_code_prefix
  header.writeUInt16BE(lengthBytes <= MAX_PACKET_LENGTH ? lengthBytes : 0, 4); // a reader with the length need not wait for the next frame
  header[6] = 0x84; // '10', data_alignment_indicator
  header[7] = withDts ? 0xc0 : 0x80; // PTS_DTS_flags
  header[8] = timestampBytes;
  writeTimestamp(header, FIXED_BYTES, withDts ? 3 : 2, ptsTsTicks);
  if (withDts) writeTimestamp(header, FIXED_BYTES + TIMESTAMP_BYTES, 1, dtsTsTicks);
  return header;
}

/** 3, 15 and 15 bits with a marker bit after each. */
function writeTimestamp(out: Buffer, at: number, prefix: number, tsTicks: number): void {
  const wrapped = wrapTsTicks(tsTicks);
  out[at] = (prefix << 4) | (Math.floor(wrapped / 2 ** 30) << 1) | 1;
  out.writeUInt16BE((((wrapped >>> 15) & 0x7fff) << 1) | 1, at + 1);
  out.writeUInt16BE(((wrapped & 0x7fff) << 1) | 1, at + 3);
}
