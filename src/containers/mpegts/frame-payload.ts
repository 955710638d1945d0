// What the PES packets of a sample hold: a picture; or audio frames and metadata, each behind the header its codec has in a transport stream.
import type { Sample } from "../sample.ts";
import { ADTS_HEADER_BYTES, MAX_ADTS_FRAME_BYTES, writeAdtsHeader } from "./adts.ts";
import { MAX_BOUNDED_PAYLOAD_BYTES } from "./pes.ts";

/** What one PES packet holds. */
export interface PesPayload {
  readonly pieces: readonly Buffer[];
  readonly sizeBytes: number;
  /** When its first frame is presented after the sample's first one, ticks of the track. */
  readonly delayTicks: number;
}

export type FramePayload = (sample: Sample) => readonly PesPayload[];

/** Pieces of a picture as it is sent, one after the other; none when there is nothing to send. */
export type PicturePieces = (sample: Sample) => readonly Buffer[];

/** A picture is one PES packet, of any length. */
export function picturePayload(piecesOf: PicturePieces): FramePayload {
  return (sample) => {
    const pieces = piecesOf(sample);
    const sizeBytes = pieces.reduce((sum, { length }) => sum + length, 0);
    return sizeBytes === 0 ? [] : [{ pieces, sizeBytes, delayTicks: 0 }];
  };
}

/** What stands before a frame; undefined leaves the frame out. */
type HeaderOf = (frameBytes: number) => Buffer | undefined;

const NO_HEADER = Buffer.alloc(0);

/** MPEG audio and AC-3: frames have their headers. */
export function wholeFramesPayload(): FramePayload {
  return (sample) => groupFrames(sample, () => NO_HEADER);
}

/** `header`: of `adtsHeaderOf`. Frames that are too long for ADTS are left out. */
export function aacPayload(header: Buffer): FramePayload {
  const headerOf = (frameBytes: number): Buffer | undefined => {
    if (ADTS_HEADER_BYTES + frameBytes > MAX_ADTS_FRAME_BYTES) return undefined;
    const adts = Buffer.allocUnsafe(ADTS_HEADER_BYTES);
    writeAdtsHeader(adts, 0, header, frameBytes);
    return adts;
  };
  return (sample) => groupFrames(sample, headerOf);
}

/** opus_access_unit of ETSI TS "Opus" 0.1.3-draft: an opus_control_header before each packet. */
export function opusPayload(): FramePayload {
  return (sample) => groupFrames(sample, opusControlHeader);
}

/** control_header_prefix 0x3ff, nothing trimmed, no extension; the size as bytes of 255 and one below. */
function opusControlHeader(frameBytes: number): Buffer {
  const fullBytes = Math.floor(frameBytes / 255);
  const header = Buffer.alloc(3 + fullBytes, 0xff);
  header[0] = 0x7f;
  header[1] = 0xe0;
  header[2 + fullBytes] = frameBytes % 255;
  return header;
}

/** As many frames in one PES packet as its length allows: all of them, save for broken input. */
function groupFrames({ frame, durationTicks }: Sample, headerOf: HeaderOf): PesPayload[] {
  const groups: PesPayload[] = [];
  let pieces: Buffer[] = [];
  let sizeBytes = 0;
  let delayTicks = 0;
  frame.forEach((bytes, i) => {
    const header = bytes.length > 0 ? headerOf(bytes.length) : undefined;
    if (header === undefined || header.length + bytes.length > MAX_BOUNDED_PAYLOAD_BYTES) return;
    if (sizeBytes + header.length + bytes.length > MAX_BOUNDED_PAYLOAD_BYTES) {
      groups.push({ pieces, sizeBytes, delayTicks });
      pieces = [];
      sizeBytes = 0;
    }
    if (sizeBytes === 0) delayTicks = Math.floor((durationTicks * i) / frame.length);
    pieces.push(header, bytes);
    sizeBytes += header.length + bytes.length;
  });
  if (sizeBytes > 0) groups.push({ pieces, sizeBytes, delayTicks });
  return groups;
}

const CELL_HEADER_BYTES = 5;
const MAX_CELL_BYTES = MAX_BOUNDED_PAYLOAD_BYTES - CELL_HEADER_BYTES;

/**
 * metadata_AU_cell, ISO/IEC 13818-1 §2.12.4: one cell holds the KLV units of a sample; what is longer is spread over PES packets of one time.
 * Cells are numbered from 0 in each sample: MediaMTX takes metadata for broken that begins with another number.
 */
export function klvPayload(): FramePayload {
  return ({ frame }) => {
    const unit = frame.length === 1 ? frame[0]! : Buffer.concat(frame);
    const cells: PesPayload[] = [];
    for (let from = 0; from < unit.length; from += MAX_CELL_BYTES) {
      const data = unit.subarray(from, from + MAX_CELL_BYTES);
      const isFirst = from === 0;
      const isLast = from + data.length === unit.length;
      const header = Buffer.allocUnsafe(CELL_HEADER_BYTES);
      header[0] = 0; // metadata_service_id
      header[1] = cells.length & 0xff; // sequence_number
      // cell_fragment_indication: 3 whole, 2 first, 1 last, 0 between; random_access_indicator; four reserved bits
      header[2] = (isFirst ? 0x80 : 0) | (isLast ? 0x40 : 0) | (isFirst ? 0x10 : 0) | 0x0f;
      header.writeUInt16BE(data.length, 3);
      cells.push({ pieces: [header, data], sizeBytes: CELL_HEADER_BYTES + data.length, delayTicks: 0 });
    }
    return cells;
  };
}
