// The tables that say what is in a transport stream: PAT and PMT of one program, ISO/IEC 13818-1 §2.4.4.
import { PACKET_BYTES, PACKET_PAYLOAD_BYTES, type PacketSequence, writePacketHeader } from "./packets.ts";

const PAT_PID = 0;
const PMT_PID = 0x1000;
const TRANSPORT_STREAM_ID = 1;
const PROGRAM_NUMBER = 1;

/** An elementary stream as the PMT lists it. */
export interface ProgramStream {
  readonly pid: number;
  /** Table 2-34. */
  readonly streamType: number;
  /** One after the other, §2.6. */
  readonly descriptors: Buffer;
}

/** CRC-32 of sections, annex A: most significant bit first, not inverted at the end. */
export function sectionCrc(bytes: Buffer): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c1_1db7 : crc << 1;
  }
  return crc >>> 0;
}

/** `id`: transport_stream_id or program_number. */
function writeSection(tableId: number, id: number, body: Buffer): Buffer {
  const lengthBytes = 5 + body.length + 4; // all behind the length field
  const section = Buffer.alloc(3 + lengthBytes);
  section[0] = tableId;
  section.writeUInt16BE(0xb000 | lengthBytes, 1); // section_syntax_indicator, two reserved bits
  section.writeUInt16BE(id, 3);
  section[5] = 0xc1; // version 0, current_next_indicator; section 0 of 0 follows
  body.copy(section, 8);
  section.writeUInt32BE(sectionCrc(section.subarray(0, -4)), section.length - 4);
  return section;
}

function writePat(): Buffer {
  const body = Buffer.alloc(4);
  body.writeUInt16BE(PROGRAM_NUMBER, 0);
  body.writeUInt16BE(0xe000 | PMT_PID, 2);
  return writeSection(0, TRANSPORT_STREAM_ID, body);
}

function writePmt(streams: readonly ProgramStream[], pcrPid: number): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(0xe000 | pcrPid, 0);
  head.writeUInt16BE(0xf000, 2); // no descriptors of the program
  const entries = streams.map(({ pid, streamType, descriptors }) => {
    const entry = Buffer.alloc(5);
    entry[0] = streamType;
    entry.writeUInt16BE(0xe000 | pid, 1);
    entry.writeUInt16BE(0xf000 | descriptors.length, 3);
    return Buffer.concat([entry, descriptors]);
  });
  return writeSection(2, PROGRAM_NUMBER, Buffer.concat([head, ...entries]));
}

/** A section in packets of its own, filled up behind it (§2.4.4.1). The counters are set when they are sent. */
function sectionPackets(pid: number, section: Buffer): Buffer {
  const payload = Buffer.concat([Buffer.of(0), section]); // pointer_field
  const count = Math.ceil(payload.length / PACKET_PAYLOAD_BYTES);
  const packets = Buffer.alloc(count * PACKET_BYTES, 0xff);
  for (let i = 0; i < count; i++) {
    writePacketHeader(packets, i * PACKET_BYTES, { pid, continuityCounter: 0 }, i === 0, 1);
    payload.copy(packets, i * PACKET_BYTES + 4, i * PACKET_PAYLOAD_BYTES, (i + 1) * PACKET_PAYLOAD_BYTES);
  }
  return packets;
}

/** PAT and PMT, made once and sent again and again. */
export class ProgramTables {
  readonly sizeBytes: number;
  readonly #parts: readonly { readonly sequence: PacketSequence; readonly packets: Buffer }[];

  constructor(streams: readonly ProgramStream[], pcrPid: number) {
    this.#parts = [
      { sequence: { pid: PAT_PID, continuityCounter: 15 }, packets: sectionPackets(PAT_PID, writePat()) },
      { sequence: { pid: PMT_PID, continuityCounter: 15 }, packets: sectionPackets(PMT_PID, writePmt(streams, pcrPid)) },
    ];
    this.sizeBytes = this.#parts.reduce((sum, { packets }) => sum + packets.length, 0);
  }

  /** Returns where they end. */
  write(out: Buffer, at: number): number {
    for (const { sequence, packets } of this.#parts) {
      const end = at + packets.copy(out, at);
      for (; at < end; at += PACKET_BYTES) {
        sequence.continuityCounter = (sequence.continuityCounter + 1) & 0x0f;
        out[at + 3] = 0x10 | sequence.continuityCounter;
      }
    }
    return at;
  }
}
