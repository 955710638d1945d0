// The header of a frame of MPEG-1 and MPEG-2 audio, layers I to III (ISO/IEC 11172-3 §2.4.1.3, 13818-3 §2.4.1).

export interface Mp3Header {
  /** 2.5 is Fraunhofer's extension to low rates. */
  readonly version: 1 | 2 | 2.5;
  readonly layer: 1 | 2 | 3;
  readonly bitRate: number;
  readonly sampleRateHz: number;
  readonly channelCount: 1 | 2;
  /** Header and frame. */
  readonly frameBytes: number;
  readonly samplesPerFrame: number;
}

export const MP3_HEADER_BYTES = 4;
/** Layer II at 160 kbit/s and 8 kHz, with padding. */
export const MAX_MP3_FRAME_BYTES = 2881;

/** kbit/s by bitrate_index, 11172-3 §2.4.2.3: layers I, II and III of MPEG-1. */
const MPEG1_KBPS: readonly (readonly number[])[] = [
  [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
];
/** 13818-3 §2.4.2.3: layer I of MPEG-2, and layers II and III. */
const MPEG2_LAYER1_KBPS: readonly number[] = [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256];
const MPEG2_KBPS: readonly number[] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const MPEG1_RATES_HZ: readonly number[] = [44_100, 48_000, 32_000];

/** The header at `at`; undefined when none is there, or the bit rate is free. The frame itself may not be whole in `bytes`. */
export function parseMp3Header(bytes: Buffer, at = 0): Mp3Header | undefined {
  if (at + MP3_HEADER_BYTES > bytes.length || bytes[at] !== 0xff || (bytes[at + 1]! & 0xe0) !== 0xe0) return undefined; // syncword
  const id = (bytes[at + 1]! >> 3) & 3;
  const layerCode = (bytes[at + 1]! >> 1) & 3;
  const rate = MPEG1_RATES_HZ[(bytes[at + 2]! >> 2) & 3];
  if (id === 1 || layerCode === 0 || rate === undefined) return undefined; // reserved
  const version = id === 3 ? 1 : id === 2 ? 2 : 2.5;
  const layer = (4 - layerCode) as 1 | 2 | 3;
  const kbps = (version === 1 ? MPEG1_KBPS[layer - 1]! : layer === 1 ? MPEG2_LAYER1_KBPS : MPEG2_KBPS)[bytes[at + 2]! >> 4];
  if (kbps === undefined || kbps === 0) return undefined;
  const sampleRateHz = version === 1 ? rate : version === 2 ? rate / 2 : rate / 4;
  const samplesPerFrame = layer === 1 ? 384 : layer === 3 && version !== 1 ? 576 : 1152;
  // §2.4.3.1: counted in slots, of four bytes in layer I and one in the others
  const slotBytes = layer === 1 ? 4 : 1;
  const padding = (bytes[at + 2]! >> 1) & 1;
  const frameBytes = (Math.floor(((samplesPerFrame / 8 / slotBytes) * kbps * 1000) / sampleRateHz) + padding) * slotBytes;
  const channelCount = bytes[at + 3]! >> 6 === 3 ? 1 : 2;
  return { version, layer, bitRate: kbps * 1000, sampleRateHz, channelCount, frameBytes, samplesPerFrame };
}
