// The markers of a JPEG image, ITU-T T.81 annex B: enough to send its scan without them and to write them again.

export interface JpegComponent {
  readonly horizontal: number;
  readonly vertical: number;
  /** Index into `quantization`. */
  readonly table: number;
}

export interface JpegImage {
  /** SOF0 (0xc0) is baseline; others need more than RTP can tell. */
  readonly sof: number;
  readonly width: number;
  readonly height: number;
  readonly components: readonly JpegComponent[];
  /** By table number 0 to 3, in zig-zag order: 64 bytes, or 128 for 16-bit values. */
  readonly quantization: readonly (Buffer | undefined)[];
  /** Class and number byte, 16 counts and the values: one entry for each table in the image (§B.2.4.2). */
  readonly huffman: readonly Buffer[];
  /** Minimum coded units; 0 means no restart markers. */
  readonly restartInterval: number;
  /** Numbers of the DC (high four bits) and AC table of each component in the scan. */
  readonly scanTables: readonly number[];
  /** Entropy-coded data, without SOS and EOI; a view into the image. */
  readonly scan: Buffer;
}

export const JpegMarker = { sof0: 0xc0, dht: 0xc4, soi: 0xd8, eoi: 0xd9, sos: 0xda, dqt: 0xdb, dri: 0xdd } as const;

/** Segments before the scan; a sane image has a dozen. */
const MAX_SEGMENTS = 256;

function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== JpegMarker.dht && marker !== 0xc8 && marker !== 0xcc;
}

interface FrameHeader {
  readonly sof: number;
  readonly width: number;
  readonly height: number;
  readonly components: JpegComponent[];
}

function parseFrameHeader(sof: number, segment: Buffer): FrameHeader | undefined {
  const count = segment[5] ?? 0;
  if (segment.length < 6 + count * 3 || segment[0] !== 8 || count === 0 || count > 4) return undefined;
  const components: JpegComponent[] = [];
  for (let at = 6; at < 6 + count * 3; at += 3) {
    const sampling = segment[at + 1]!;
    components.push({ horizontal: sampling >> 4, vertical: sampling & 0x0f, table: segment[at + 2]! & 3 });
  }
  return { sof, height: segment.readUInt16BE(1), width: segment.readUInt16BE(3), components };
}

function readQuantization(segment: Buffer, tables: (Buffer | undefined)[]): void {
  for (let at = 0; at < segment.length; ) {
    const size = segment[at]! >> 4 === 0 ? 64 : 128;
    if (at + 1 + size > segment.length) return;
    tables[segment[at]! & 3] = segment.subarray(at + 1, at + 1 + size);
    at += 1 + size;
  }
}

function readHuffman(segment: Buffer, tables: Buffer[]): void {
  for (let at = 0; at + 17 <= segment.length; ) {
    let values = 0;
    for (let i = 1; i <= 16; i++) values += segment[at + i]!;
    if (at + 17 + values > segment.length || tables.length >= 8) return;
    tables.push(segment.subarray(at, at + 17 + values));
    at += 17 + values;
  }
}

/** undefined when the bytes do not lead from SOI through a frame header to a scan. */
export function parseJpeg(bytes: Buffer): JpegImage | undefined {
  if (bytes.length < 4 || bytes[0] !== 0xff || bytes[1] !== JpegMarker.soi) return undefined;
  const quantization: (Buffer | undefined)[] = [undefined, undefined, undefined, undefined];
  const huffman: Buffer[] = [];
  let frame: FrameHeader | undefined;
  let restartInterval = 0;
  let at = 2;
  for (let segments = 0; segments < MAX_SEGMENTS; segments++) {
    while (at < bytes.length && bytes[at] === 0xff && bytes[at + 1] === 0xff) at++; // §B.1.1.2 fill bytes
    if (at + 4 > bytes.length || bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1]!;
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    if (end < at + 4 || end > bytes.length) return undefined;
    const segment = bytes.subarray(at + 4, end);
    at = end;
    if (marker === JpegMarker.dqt) readQuantization(segment, quantization);
    else if (marker === JpegMarker.dht) readHuffman(segment, huffman);
    else if (marker === JpegMarker.dri && segment.length >= 2) restartInterval = segment.readUInt16BE(0);
    else if (isFrameHeader(marker)) {
      frame = parseFrameHeader(marker, segment);
      if (frame === undefined) return undefined;
    } else if (marker === JpegMarker.sos) {
      if (frame === undefined) return undefined;
      const scanTables: number[] = [];
      for (let i = 0; i < (segment[0] ?? 0) && 2 + i * 2 < segment.length; i++) scanTables.push(segment[2 + i * 2]!);
      return { ...frame, quantization, huffman, restartInterval, scanTables, scan: bytes.subarray(at, scanEnd(bytes, at)) };
    }
  }
  return undefined;
}

/** Before the last EOI, behind which cameras leave padding; the end of the bytes when there is none. */
function scanEnd(bytes: Buffer, start: number): number {
  for (let at = bytes.length - 2; at >= start; at--) if (bytes[at] === 0xff && bytes[at + 1] === JpegMarker.eoi) return at;
  return bytes.length;
}
