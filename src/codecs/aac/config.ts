// AudioSpecificConfig of MPEG-4 audio, ISO/IEC 14496-3 §1.6.2.1.
import { BitReader } from "#base/bit-reader.ts";
import { BitWriter } from "#base/bit-writer.ts";

export interface AacConfig {
  /** audioObjectType of the core: 2 is AAC-LC. */
  readonly objectType: number;
  /** Of the core coder. */
  readonly sampleRateHz: number;
  readonly channelCount: number;
  /** What comes out of the decoder where spectral band replication is signalled; undefined without it. */
  readonly sbrSampleRateHz: number | undefined;
  readonly parametricStereo: boolean;
  /** Of the core coder, a channel. */
  readonly samplesPerFrame: number;
}

/** Table 1.18. */
const SAMPLE_RATES_HZ: readonly number[] = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];
/** Table 1.19: by channelConfiguration; 0 means a program config element, which no camera sends. */
const CHANNEL_COUNTS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 8];
const EXPLICIT_RATE = 15;
const SBR = 5;
const PS = 29;
const LOW_DELAY = 23;
/** Object types with a GASpecificConfig of the plain shape, §4.4.1: Main, LC, SSR, LTP, ER LC, ER LD. */
const GENERAL_AUDIO: ReadonlySet<number> = new Set([1, 2, 3, 4, 17, LOW_DELAY]);

/** The rate of a sampling_frequency_index, as ADTS and AudioSpecificConfig share it; undefined for 13 to 15. */
export function aacSampleRateHz(index: number): number | undefined {
  return SAMPLE_RATES_HZ[index];
}

/** Channels of a channelConfiguration of 1 to 7; undefined for others. */
export function aacChannelCount(configuration: number): number | undefined {
  return CHANNEL_COUNTS[configuration] || undefined;
}

function readObjectType(reader: BitReader): number {
  const type = reader.bits(5);
  return type === 31 ? 32 + reader.bits(6) : type;
}

function readRateHz(reader: BitReader): number | undefined {
  const index = reader.bits(4);
  return index === EXPLICIT_RATE ? reader.bits(24) || undefined : aacSampleRateHz(index);
}

/**
 * Without backward compatible signalling of SBR (§1.6.5.3), for which the config's length would have to be known: the reader then stands
 * behind the config. undefined when it is cut short, or of a kind (object type, channel configuration) that is not AAC as cameras send it.
 */
export function readAacConfig(reader: BitReader): AacConfig | undefined {
  let objectType = readObjectType(reader);
  const sampleRateHz = readRateHz(reader);
  const channelCount = aacChannelCount(reader.bits(4));
  let sbrSampleRateHz: number | undefined;
  let parametricStereo = false;
  if (objectType === SBR || objectType === PS) {
    parametricStereo = objectType === PS;
    sbrSampleRateHz = readRateHz(reader);
    objectType = readObjectType(reader);
    if (sbrSampleRateHz === undefined) return undefined;
  }
  if (sampleRateHz === undefined || channelCount === undefined || !GENERAL_AUDIO.has(objectType)) return undefined;
  const shortFrames = reader.flag(); // frameLengthFlag
  if (reader.flag()) reader.skip(14); // coreCoderDelay
  const extension = reader.flag();
  if (extension && objectType >= 17) reader.skip(4); // three resilience flags, extensionFlag3
  if (reader.overrun) return undefined;
  const samplesPerFrame = (shortFrames ? 960 : 1024) / (objectType === LOW_DELAY ? 2 : 1);
  return { objectType, sampleRateHz, channelCount, sbrSampleRateHz, parametricStereo, samplesPerFrame };
}

/** undefined when it is cut short, or of a kind that `readAacConfig` does not read. */
export function parseAacConfig(bytes: Buffer): AacConfig | undefined {
  const reader = new BitReader(bytes);
  const core = readAacConfig(reader);
  // Backward compatible signalling, §1.6.5.3: whatever a decoder that knows no SBR would not read.
  if (
    core === undefined ||
    core.sbrSampleRateHz !== undefined ||
    reader.bitsLeft < 16 ||
    reader.bits(11) !== 0x2b7 ||
    readObjectType(reader) !== SBR ||
    !reader.flag()
  ) {
    return core;
  }
  const sbrSampleRateHz = readRateHz(reader);
  const parametricStereo = reader.bitsLeft >= 12 && reader.bits(11) === 0x548 && reader.flag();
  return reader.overrun ? undefined : { ...core, sbrSampleRateHz, parametricStereo };
}

function writeRate(writer: BitWriter, rateHz: number): void {
  const index = SAMPLE_RATES_HZ.indexOf(rateHz);
  if (index >= 0) writer.bits(index, 4);
  else writer.bits(EXPLICIT_RATE, 4).bits(rateHz, 24);
}

/** With SBR signalled explicitly. undefined for a channel count that no configuration has. */
export function writeAacConfig(config: AacConfig): Buffer | undefined {
  const configuration = CHANNEL_COUNTS.indexOf(config.channelCount);
  if (configuration <= 0 || !GENERAL_AUDIO.has(config.objectType)) return undefined;
  const writer = new BitWriter();
  const sbr = config.sbrSampleRateHz;
  writer.bits(sbr === undefined ? config.objectType : config.parametricStereo ? PS : SBR, 5);
  writeRate(writer, config.sampleRateHz);
  writer.bits(configuration, 4);
  if (sbr !== undefined) {
    writeRate(writer, sbr);
    writer.bits(config.objectType, 5);
  }
  writer.bits(config.samplesPerFrame % 15 === 0 ? 1 : 0, 1); // 960 and 480 against 1024 and 512
  return writer.bits(0, 2).finish();
}
