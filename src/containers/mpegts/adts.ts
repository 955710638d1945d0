// The ADTS header before each AAC frame of a transport stream, ISO/IEC 14496-3 §1.A.2.2.
import { aacChannelCount, aacSampleRateHz, parseAacConfig } from "#codecs/aac/config.ts";

export const ADTS_HEADER_BYTES = 7;
/** Header and frame: the length has 13 bits. */
export const MAX_ADTS_FRAME_BYTES = 0x1fff;

/**
 * The header of a stream with this AudioSpecificConfig, without the length. undefined for what ADTS cannot say: object types above 4, rates that
 * have no index, frames of 960 samples. With SBR it describes the core, and decoders find the extension in the frames.
 */
export function adtsHeaderOf(config: Buffer): Buffer | undefined {
  const aac = parseAacConfig(config);
  if (aac === undefined || aac.objectType > 4 || aac.samplesPerFrame !== 1024) return undefined;
  const rateIndex = indexOf(aac.sampleRateHz, aacSampleRateHz);
  const channelConfiguration = indexOf(aac.channelCount, aacChannelCount);
  if (rateIndex === undefined || channelConfiguration === undefined) return undefined;
  const header = Buffer.alloc(ADTS_HEADER_BYTES);
  header[0] = 0xff;
  header[1] = 0xf1; // MPEG-4, no checksum
  header[2] = ((aac.objectType - 1) << 6) | (rateIndex << 2) | (channelConfiguration >> 2);
  header[3] = (channelConfiguration & 3) << 6;
  header[5] = 0x1f; // buffer fullness 0x7ff: variable bit rate
  header[6] = 0xfc; // one frame
  return header;
}

function indexOf(value: number, valueAt: (index: number) => number | undefined): number | undefined {
  for (let index = 0; index < 16; index++) if (valueAt(index) === value) return index;
  return undefined;
}

/** Writes the header of a frame at `at`; `frameBytes`: without the header. */
export function writeAdtsHeader(out: Buffer, at: number, header: Buffer, frameBytes: number): void {
  const lengthBytes = ADTS_HEADER_BYTES + frameBytes;
  header.copy(out, at);
  out[at + 3]! |= lengthBytes >> 11;
  out[at + 4] = (lengthBytes >> 3) & 0xff;
  out[at + 5]! |= (lengthBytes & 7) << 5;
}
