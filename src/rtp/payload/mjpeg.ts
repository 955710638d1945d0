// RTP payload for JPEG, RFC 2435: types 0 and 1 (4:2:2 and 4:2:0), restart markers, tables by Q or in the packets.
import type { MjpegParameters, Parameters } from "#codecs/codec.ts";
import { MAX_FRAME_BYTES } from "#codecs/limits.ts";
import { STANDARD_HUFFMAN } from "#codecs/mjpeg/huffman.table.ts";
import { type JpegImage, JpegMarker, parseJpeg } from "#codecs/mjpeg/jpeg.ts";
import { quantizationTables } from "#codecs/mjpeg/quantization.ts";
import { writeJpegHeader } from "#codecs/mjpeg/write.ts";
import type { BurstBuilder, PacketBurst } from "#rtp/burst.ts";
import { inspectWhole } from "./audio-packets.ts";
import { PayloadCursor } from "./payload-cursor.ts";
import type { FormatDescription, PayloadFormat } from "./payload-format.ts";

/** §3.1 */
const HEADER_BYTES = 8;
/** Types from here to 127 have a restart header, §3.1.3 and §3.1.7. */
const WITH_RESTART = 64;
/** Q from here on: tables are in the first packet, §3.1.8. */
const IN_BAND = 128;
/** Q for tables that may change with every frame, §3.1.8. */
const Q_DYNAMIC = 255;
/** §3.1.5: 255 blocks of eight. */
const MAX_SIDE = 2040;
const EOI = Buffer.from([0xff, JpegMarker.eoi]);

interface FirstPacket {
  readonly header: Buffer;
  /** Where the scan begins. */
  readonly body: number;
}

/** §3.1.8: 64 bytes a table, 128 where `precision` has a bit for it; one table alone serves luma and chroma. */
function readTables(bytes: Buffer, at: number, end: number): { luma: Buffer; chroma: Buffer; next: number } | undefined {
  if (at + 4 > end) return undefined;
  const precision = bytes[at + 1]!;
  const next = at + 4 + bytes.readUInt16BE(at + 2);
  const lumaEnd = at + 4 + ((precision & 1) === 0 ? 64 : 128);
  const chromaEnd = lumaEnd + ((precision & 2) === 0 ? 64 : 128);
  if (next > end || lumaEnd > next) return undefined; // no tables: those of an earlier frame are not kept
  const luma = bytes.subarray(at + 4, lumaEnd);
  return { luma, chroma: chromaEnd <= next ? bytes.subarray(lumaEnd, chromaEnd) : luma, next };
}

/** The image's header from the first packet of a frame; undefined for sides of 0 (above 2040) and types other than 0, 1, 64 and 65. */
function readFirst(bytes: Buffer, start: number, end: number): FirstPacket | undefined {
  const type = bytes[start + 4]!;
  const quality = bytes[start + 5]!;
  const width = bytes[start + 6]! * 8;
  const height = bytes[start + 7]! * 8;
  const hasRestart = (type & WITH_RESTART) !== 0;
  let body = start + HEADER_BYTES;
  if ((type & ~WITH_RESTART) > 1 || width === 0 || height === 0) return undefined;
  let restartInterval = 0;
  if (hasRestart) {
    if (body + 4 > end) return undefined;
    restartInterval = bytes.readUInt16BE(body);
    body += 4;
  }
  let tables: { luma: Buffer; chroma: Buffer } | undefined;
  if (quality >= IN_BAND) {
    const inBand = readTables(bytes, body, end);
    if (inBand === undefined) return undefined;
    tables = inBand;
    body = inBand.next;
  } else if (quality > 0) tables = quantizationTables(Math.min(quality, 99));
  if (tables === undefined) return undefined;
  const lumaRows = (type & 1) === 1 ? 2 : 1;
  return {
    header: writeJpegHeader({ width, height, lumaRows, lumaTable: tables.luma, chromaTable: tables.chroma, restartInterval }),
    body,
  };
}

/** One whole image, or undefined when a packet of it is missing. */
function depacketize(burst: PacketBurst): readonly Buffer[] | undefined {
  const cursor = new PayloadCursor(burst);
  const { bytes } = cursor;
  const parts: Buffer[] = [];
  let scanBytes = 0;
  let marker = false;
  while (cursor.next()) {
    const { start, end } = cursor;
    if (end - start < HEADER_BYTES || !cursor.continuous || marker) return undefined;
    const offset = (bytes[start + 1]! << 16) | (bytes[start + 2]! << 8) | bytes[start + 3]!;
    if (offset !== scanBytes || scanBytes > MAX_FRAME_BYTES) return undefined;
    let body = start + HEADER_BYTES + ((bytes[start + 4]! & WITH_RESTART) !== 0 ? 4 : 0);
    if (parts.length === 0) {
      const first = readFirst(bytes, start, end);
      if (first === undefined) return undefined;
      parts.push(first.header);
      body = first.body;
    }
    if (body < end) {
      parts.push(bytes.subarray(body, end));
      scanBytes += end - body;
    }
    marker = cursor.marker;
  }
  const last = parts.at(-1);
  if (last === undefined || scanBytes === 0) return undefined;
  const ended = last.subarray(-2).equals(EOI);
  if (!ended && !marker) return undefined;
  if (!ended) parts.push(EOI);
  return [Buffer.concat(parts)];
}

interface Sendable {
  readonly type: number;
  readonly luma: Buffer;
  readonly chroma: Buffer;
}

/** Luma with tables 0, chroma with tables 1, in one scan: §3.1.3. */
const SCAN_TABLES: readonly number[] = [0x00, 0x11, 0x11];

/** What RFC 2435 can say of an image; undefined for what it cannot: other sampling, other Huffman tables, progressive, large. */
function sendable(image: JpegImage): Sendable | undefined {
  const [y, cb, cr, more] = image.components;
  if (image.sof !== JpegMarker.sof0 || y === undefined || cb === undefined || cr === undefined || more !== undefined) return undefined;
  if (image.width === 0 || image.height === 0 || image.width > MAX_SIDE || image.height > MAX_SIDE) return undefined;
  if (y.horizontal !== 2 || y.vertical > 2 || y.vertical < 1 || cb.table !== cr.table) return undefined;
  for (const chroma of [cb, cr]) if (chroma.horizontal !== 1 || chroma.vertical !== 1) return undefined;
  if (image.scanTables.length !== 3 || image.scanTables.some((tables, i) => tables !== SCAN_TABLES[i])) return undefined;
  for (const table of image.huffman) if (!STANDARD_HUFFMAN.some((standard) => standard.equals(table))) return undefined;
  const luma = image.quantization[y.table];
  const chroma = image.quantization[cb.table];
  if (luma?.length !== 64 || chroma?.length !== 64) return undefined;
  return { type: y.vertical - 1, luma, chroma };
}

function packetizeImage(image: JpegImage, maxPayloadBytes: number, out: BurstBuilder): void {
  const shape = sendable(image);
  if (shape === undefined || image.scan.length >= 2 ** 24) return;
  const hasRestart = image.restartInterval > 0;
  const headBytes = HEADER_BYTES + (hasRestart ? 4 : 0);
  const tableBytes = 4 + 128;
  if (maxPayloadBytes <= headBytes + tableBytes) return;
  for (let at = 0; at < image.scan.length; ) {
    const room = maxPayloadBytes - headBytes - (at === 0 ? tableBytes : 0);
    const size = Math.min(room, image.scan.length - at);
    let to = out.add(maxPayloadBytes - room + size, at + size === image.scan.length);
    const bytes = out.bytes;
    to = bytes.writeUInt32BE(at, to); // type-specific 0, and the offset
    bytes[to++] = shape.type + (hasRestart ? WITH_RESTART : 0);
    bytes[to++] = Q_DYNAMIC;
    bytes[to++] = Math.ceil(image.width / 8);
    bytes[to++] = Math.ceil(image.height / 8);
    if (hasRestart) {
      to = bytes.writeUInt16BE(image.restartInterval, to);
      to = bytes.writeUInt16BE(0xffff, to); // F, L and count: the frame is taken as a whole, §3.1.7
    }
    if (at === 0) {
      to = bytes.writeUInt32BE(128, to); // MBZ, precision, length
      to += shape.luma.copy(bytes, to);
      to += shape.chroma.copy(bytes, to);
    }
    at += image.scan.copy(bytes, to, at, at + size);
  }
}

/** An image that RFC 2435 cannot describe gives no packets; sides that are no multiple of 8 are sent rounded up. */
function packetize(frame: readonly Buffer[], _parameters: Parameters, maxPayloadBytes: number, out: BurstBuilder): void {
  const image = frame[0] === undefined ? undefined : parseJpeg(frame[0]);
  if (image !== undefined) packetizeImage(image, maxPayloadBytes, out);
}

function withSize(widthPx: number, heightPx: number, known: Parameters): MjpegParameters | undefined {
  if (known.codec !== "mjpeg" || widthPx === 0 || heightPx === 0) return undefined;
  const isKnown = widthPx === known.picture?.widthPx && heightPx === known.picture.heightPx;
  return isKnown ? undefined : { codec: "mjpeg", picture: { widthPx, heightPx } };
}

export const mjpegPayload: PayloadFormat = {
  codec: "mjpeg",
  frameEnd: "marker",
  inspect: inspectWhole,
  depacketize,
  packetize,
  readParameters(frame, known) {
    const image = frame[0] === undefined ? undefined : parseJpeg(frame[0]);
    return image && withSize(image.width, image.height, known);
  },
  readBurst(burst, known) {
    const cursor = new PayloadCursor(burst);
    if (!cursor.next() || cursor.end - cursor.start < HEADER_BYTES) return undefined;
    return withSize(cursor.bytes[cursor.start + 6]! * 8, cursor.bytes[cursor.start + 7]! * 8, known);
  },
};

/** RFC 3551 table 5: payload type 26. */
export function describeMjpeg(): FormatDescription {
  return { payloadType: 26, rtpmap: "JPEG/90000", fmtp: undefined };
}
