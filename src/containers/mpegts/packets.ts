// Transport packets, ISO/IEC 13818-1 §2.4.3: 188 bytes each, a counter per PID, adaptation fields that carry PCR and stuffing.
import { wrapTsTicks } from "./clock.ts";

export const PACKET_BYTES = 188;
export const SYNC_BYTE = 0x47;
const HEADER_BYTES = 4;
export const PACKET_PAYLOAD_BYTES = PACKET_BYTES - HEADER_BYTES;
const STUFFING_BYTE = 0xff;

/** The packets of one PID. */
export interface PacketSequence {
  readonly pid: number;
  /** Of the last packet that had a payload; 15 before the first. */
  continuityCounter: number;
}

/** What the first packet says beside its payload. */
export interface Adaptation {
  readonly randomAccess: boolean;
  /** Program clock reference, 90 kHz, not wrapped. */
  readonly pcrTsTicks: number | undefined;
}

/** Of the adaptation field with its length byte, without stuffing. */
function adaptationBytes({ randomAccess, pcrTsTicks }: Adaptation): number {
  if (pcrTsTicks !== undefined) return 8;
  return randomAccess ? 2 : 0;
}

/** How many packets a payload takes. */
export function packetCount(sizeBytes: number, adaptation: Adaptation): number {
  const beyondFirst = sizeBytes - (PACKET_PAYLOAD_BYTES - adaptationBytes(adaptation));
  return 1 + Math.max(0, Math.ceil(beyondFirst / PACKET_PAYLOAD_BYTES));
}

/** `payloadUnitStart`: a PES packet or a section begins here. §2.4.3.2; adaptation_field_control: 1 payload, 2 adaptation field, 3 both. */
export function writePacketHeader(
  out: Buffer,
  at: number,
  sequence: PacketSequence,
  payloadUnitStart: boolean,
  adaptationFieldControl: number,
): void {
  out[at] = SYNC_BYTE;
  out[at + 1] = (payloadUnitStart ? 0x40 : 0) | (sequence.pid >> 8);
  out[at + 2] = sequence.pid & 0xff;
  out[at + 3] = (adaptationFieldControl << 4) | sequence.continuityCounter;
}

/** §2.4.3.4. `fieldBytes`: with the length byte; what the flags do not need is stuffing. */
function writeAdaptationField(out: Buffer, at: number, fieldBytes: number, adaptation: Adaptation | undefined): void {
  out[at] = fieldBytes - 1;
  if (fieldBytes === 1) return;
  const pcr = adaptation?.pcrTsTicks;
  out[at + 1] = (adaptation?.randomAccess ? 0x40 : 0) | (pcr === undefined ? 0 : 0x10);
  let used = 2;
  if (pcr !== undefined) {
    const base = wrapTsTicks(pcr);
    out.writeUInt32BE(Math.floor(base / 2), at + 2);
    out[at + 6] = ((base & 1) << 7) | 0x7e; // six reserved bits
    out[at + 7] = 0; // the 27 MHz extension
    used = 8;
  }
  out.fill(STUFFING_BYTE, at + used, at + fieldBytes);
}

/** Cuts a payload, given in pieces of `sizeBytes` together (not 0), into packets; returns where they end. */
export function writePackets(
  out: Buffer,
  at: number,
  sequence: PacketSequence,
  adaptation: Adaptation,
  pieces: readonly Buffer[],
  sizeBytes: number,
): number {
  let piece = 0;
  let from = 0;
  let isFirst = true;
  for (let left = sizeBytes; left > 0; isFirst = false) {
    const payloadBytes = Math.min(left, PACKET_PAYLOAD_BYTES - (isFirst ? adaptationBytes(adaptation) : 0));
    const fieldBytes = PACKET_PAYLOAD_BYTES - payloadBytes;
    sequence.continuityCounter = (sequence.continuityCounter + 1) & 0x0f;
    writePacketHeader(out, at, sequence, isFirst, fieldBytes > 0 ? 3 : 1);
    at += HEADER_BYTES;
    if (fieldBytes > 0) writeAdaptationField(out, at, fieldBytes, isFirst ? adaptation : undefined);
    at += fieldBytes;
    for (const end = at + payloadBytes; at < end; ) {
      const bytes = pieces[piece]!;
      const copied = bytes.copy(out, at, from, from + end - at);
      at += copied;
      from += copied;
      if (from === bytes.length) {
        piece++;
        from = 0;
      }
    }
    left -= payloadBytes;
  }
  return at;
}

/** A packet that carries a PCR and nothing else; the counter stays (§2.4.3.3). Returns where it ends. */
export function writePcrPacket(out: Buffer, at: number, sequence: PacketSequence, pcrTsTicks: number): number {
  writePacketHeader(out, at, sequence, false, 2);
  writeAdaptationField(out, at + HEADER_BYTES, PACKET_PAYLOAD_BYTES, { randomAccess: false, pcrTsTicks });
  return at + PACKET_BYTES;
}
