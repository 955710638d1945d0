// AudioMuxElement of LATM, ISO/IEC 14496-3 §1.7.3.1: raw AAC frames behind their lengths, with or without the configuration in each.
import { BitReader } from "#base/bit-reader.ts";
import { BitWriter } from "#base/bit-writer.ts";
import { copyBits, readStreamMuxConfig, type StreamMuxConfig } from "./stream-mux-config.ts";

export interface AudioMuxElement {
  /** Raw AAC frames; views where they begin at a byte. */
  readonly frames: readonly Buffer[];
  /** The one in the element, else `known`. */
  readonly config: StreamMuxConfig;
  /** Where the next element may begin. */
  readonly end: number;
}

/** PayloadLengthInfo(): bytes of 255 until one is less. */
function readLength(reader: BitReader): number {
  let length = 0;
  let part = 255;
  while (part === 255 && !reader.overrun) {
    part = reader.bits(8);
    length += part;
  }
  return length;
}

/**
 * The element that begins at byte `at`. `inBand`: muxConfigPresent, as in MPEG-TS and with `cpresent=1`. `known`: the configuration in
 * force. undefined when the element is cut short, or its configuration is unknown or not for AAC alone.
 */
export function readAudioMuxElement(
  bytes: Buffer,
  at: number,
  inBand: boolean,
  known: StreamMuxConfig | undefined,
): AudioMuxElement | undefined {
  const reader = new BitReader(bytes, at);
  const isSame = !inBand || reader.flag(); // useSameStreamMux
  const config = isSame ? known : readStreamMuxConfig(reader, bytes);
  if (config === undefined) return undefined;
  const frames: Buffer[] = [];
  for (let i = 0; i < config.framesPerElement; i++) {
    const length = readLength(reader);
    const from = reader.position;
    if (reader.overrun || length * 8 > reader.bitsLeft) return undefined;
    if (length > 0) frames.push((from & 7) === 0 ? bytes.subarray(from >> 3, (from >> 3) + length) : copyBits(bytes, from, length * 8));
    reader.skip(length * 8);
  }
  if (config.otherDataBits > reader.bitsLeft) return undefined;
  reader.skip(config.otherDataBits);
  return { frames, config, end: (reader.position + 7) >> 3 };
}

/**
 * One element of as many frames as `config` says, without other data. `streamMux`: the bytes `config` was read from, repeated in the
 * element as `cpresent=1` wants; undefined for `cpresent=0`.
 */
export function writeAudioMuxElement(frames: readonly Buffer[], streamMux: Buffer | undefined): Buffer {
  const writer = new BitWriter();
  if (streamMux !== undefined) {
    const reader = new BitReader(streamMux);
    readStreamMuxConfig(reader, streamMux);
    writer.bits(0, 1);
    copyInto(writer, streamMux, reader.position);
  }
  for (const frame of frames) {
    for (let left = frame.length; left >= 0; left -= 255) writer.bits(Math.min(left, 255), 8);
    copyInto(writer, frame, frame.length * 8);
  }
  return writer.finish();
}

function copyInto(writer: BitWriter, bytes: Buffer, bitCount: number): void {
  const whole = bitCount >> 3;
  for (let i = 0; i < whole; i++) writer.bits(bytes[i]!, 8);
  if ((bitCount & 7) !== 0) writer.bits(bytes[whole]! >> (8 - (bitCount & 7)), bitCount & 7);
}
