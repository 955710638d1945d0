// StreamMuxConfig of LATM, ISO/IEC 14496-3 §1.7.3.1: what is multiplexed, for one programme of one AAC layer, as RTP and MPEG-TS carry it.
import { BitReader } from "#base/bit-reader.ts";
import { readAacConfig } from "./config.ts";

export interface StreamMuxConfig {
  /** AudioSpecificConfig, filled up with zero bits to a byte. */
  readonly aacConfig: Buffer;
  /** AAC frames in each AudioMuxElement. */
  readonly framesPerElement: number;
  /** Bits of other data behind the frames of each element. */
  readonly otherDataBits: number;
}

/** Most that is skipped as other data: far above what anybody sends. */
const MAX_OTHER_DATA_BITS = 1 << 16;

/** Bits from `fromBit` on, moved to the front of a buffer of their own, the last byte filled up with zeros. */
export function copyBits(bytes: Buffer, fromBit: number, bitCount: number): Buffer {
  const copy = Buffer.alloc((bitCount + 7) >> 3);
  const from = fromBit >> 3;
  const shift = fromBit & 7;
  for (let i = 0; i < copy.length; i++) copy[i] = (bytes[from + i]! << shift) | ((bytes[from + i + 1] ?? 0) >> (8 - shift));
  if ((bitCount & 7) !== 0) copy[copy.length - 1]! &= 0xff << (8 - (bitCount & 7));
  return copy;
}

/** LatmGetValue(), §1.7.3.1 */
function readValue(reader: BitReader): number {
  return reader.bits((reader.bits(2) + 1) * 8);
}

/** otherDataLenBits where audioMuxVersion is 0: bytes behind a flag that says whether another follows. */
function readOtherDataBits(reader: BitReader): number {
  let bits = 0;
  let more = true;
  while (more && bits <= MAX_OTHER_DATA_BITS) {
    more = reader.flag();
    bits = bits * 256 + reader.bits(8);
  }
  return bits;
}

/** `reader` reads `bytes`. undefined for several programmes or layers, other framing than AAC's, and configs that are cut short. */
export function readStreamMuxConfig(reader: BitReader, bytes: Buffer): StreamMuxConfig | undefined {
  const version = reader.bit(); // audioMuxVersion
  if (version === 1) {
    if (reader.flag()) return undefined; // audioMuxVersionA is reserved
    readValue(reader); // taraBufferFullness
  }
  if (!reader.flag()) return undefined; // allStreamsSameTimeFraming
  const framesPerElement = reader.bits(6) + 1;
  if (reader.bits(4) !== 0 || reader.bits(3) !== 0) return undefined; // numProgram, numLayer
  const statedBits = version === 1 ? readValue(reader) : undefined;
  const start = reader.position;
  if (readAacConfig(reader) === undefined) return undefined;
  const configBits = statedBits ?? reader.position - start;
  const restBits = configBits - (reader.position - start);
  if (restBits < 0 || restBits > reader.bitsLeft) return undefined;
  reader.skip(restBits);
  if (reader.bits(3) !== 0) return undefined; // frameLengthType: AAC says the length of each frame
  reader.skip(8); // latmBufferFullness
  let otherDataBits = 0;
  if (reader.flag()) otherDataBits = version === 1 ? readValue(reader) : readOtherDataBits(reader);
  if (reader.flag()) reader.skip(8); // crcCheckSum
  if (reader.overrun || otherDataBits > MAX_OTHER_DATA_BITS) return undefined;
  return { aacConfig: copyBits(bytes, start, configBits), framesPerElement, otherDataBits };
}

/** As in `config` of RFC 6416. */
export function parseStreamMuxConfig(bytes: Buffer): StreamMuxConfig | undefined {
  return readStreamMuxConfig(new BitReader(bytes), bytes);
}
