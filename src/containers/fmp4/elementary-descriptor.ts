// The `esds` box: how MPEG-4 systems describe a stream, ISO/IEC 14496-1 §7.2.6 and 14496-14 §5.6.
import type { Box } from "./box-reader.ts";
import type { BoxWriter } from "./box-writer.ts";

/** objectTypeIndication, 14496-1 table 5 and the registry of mp4ra.org. */
export const ObjectType = {
  mpeg4Video: 0x20,
  aac: 0x40,
  /** MPEG-2 video, Simple to 4:2:2 profile: 0x60 to 0x65; Main stands for all of them, and for MPEG-1, as in MediaMTX's files. */
  mpeg2VideoFirst: 0x60,
  mpeg2VideoMain: 0x61,
  mpeg2VideoLast: 0x65,
  /** AAC of MPEG-2 by profile: 0x66 to 0x68. */
  mpeg2AacFirst: 0x66,
  mpeg2AacLast: 0x68,
  /** Layers I to III at the halved sample rates of 13818-3. */
  mpeg2Audio: 0x69,
  mpeg1Video: 0x6a,
  mpeg1Audio: 0x6b,
  jpeg: 0x6c,
} as const;

export interface ElementaryDescriptor {
  readonly objectType: number;
  /** DecoderSpecificInfo: AudioSpecificConfig, or the headers of a video; empty where a codec has none. */
  readonly specificInfo: Buffer;
}

/** Tags, table 1. */
const ES = 3;
const DECODER_CONFIG = 4;
const DECODER_SPECIFIC_INFO = 5;
const SYNC_LAYER = 6;
/** streamType, table 6. */
const VISUAL_STREAM = 4;
const AUDIO_STREAM = 5;
/** A tag, and a length of four bytes. */
const HEADER_BYTES = 5;

/** §8.3.3: seven bits a byte, here always in four bytes, as most writers have it. */
function writeHeader(writer: BoxWriter, tag: number, size: number): void {
  writer.u8(tag).u8(((size >> 21) & 0x7f) | 0x80);
  writer.u8(((size >> 14) & 0x7f) | 0x80).u8(((size >> 7) & 0x7f) | 0x80);
  writer.u8(size & 0x7f);
}

export function writeElementaryDescriptor(
  writer: BoxWriter,
  trackId: number,
  kind: "video" | "audio",
  { objectType, specificInfo }: ElementaryDescriptor,
): void {
  const specificBytes = specificInfo.length === 0 ? 0 : HEADER_BYTES + specificInfo.length;
  writer.fullBox("esds", 0, 0, () => {
    writeHeader(writer, ES, 3 + HEADER_BYTES + 13 + specificBytes + HEADER_BYTES + 1);
    writer.u16(trackId & 0xffff).u8(0); // ES_ID, no dependencies
    writeHeader(writer, DECODER_CONFIG, 13 + specificBytes);
    writer.u8(objectType).u8(((kind === "video" ? VISUAL_STREAM : AUDIO_STREAM) << 2) | 1); // upStream 0, reserved 1
    writer.zeros(3 + 4 + 4); // buffer size and bit rates: not known
    if (specificBytes > 0) {
      writeHeader(writer, DECODER_SPECIFIC_INFO, specificInfo.length);
      writer.bytes(specificInfo);
    }
    writeHeader(writer, SYNC_LAYER, 1);
    writer.u8(2); // predefined: MP4
  });
}

interface Descriptor {
  readonly tag: number;
  readonly body: number;
  readonly end: number;
}

function descriptorAt(bytes: Buffer, at: number, end: number): Descriptor | undefined {
  let size = 0;
  for (let i = 1; i <= 4; i++) {
    if (at + i >= end) return undefined;
    const byte = bytes[at + i]!;
    size = (size << 7) | (byte & 0x7f);
    if ((byte & 0x80) !== 0) continue;
    const body = at + i + 1;
    return body + size <= end ? { tag: bytes[at]!, body, end: body + size } : undefined;
  }
  return undefined;
}

function findDescriptor(bytes: Buffer, tag: number, from: number, end: number): Descriptor | undefined {
  for (let at = from; at < end; ) {
    const descriptor = descriptorAt(bytes, at, end);
    if (descriptor === undefined || descriptor.tag === tag) return descriptor;
    at = descriptor.end;
  }
  return undefined;
}

/** The content of an `esds` box; the buffer is a copy. */
export function parseElementaryDescriptor(bytes: Buffer, box: Box): ElementaryDescriptor | undefined {
  const stream = findDescriptor(bytes, ES, box.body + 4, box.end);
  if (stream === undefined || stream.body + 3 > stream.end) return undefined;
  const flags = bytes[stream.body + 2]!;
  let at = stream.body + 3;
  if ((flags & 0x80) !== 0) at += 2; // dependsOn_ES_ID
  if ((flags & 0x40) !== 0) at += 1 + (bytes[at] ?? 0); // URL
  if ((flags & 0x20) !== 0) at += 2; // OCR_ES_ID
  const config = findDescriptor(bytes, DECODER_CONFIG, at, stream.end);
  if (config === undefined || config.body + 13 > config.end) return undefined;
  const specific = findDescriptor(bytes, DECODER_SPECIFIC_INFO, config.body + 13, config.end);
  const specificInfo = specific === undefined ? Buffer.alloc(0) : Buffer.from(bytes.subarray(specific.body, specific.end));
  return { objectType: bytes[config.body]!, specificInfo };
}
