// Sample entries of audio, ISO/IEC 14496-12 §12.2.3, and their configuration boxes.
import type { Ac3Parameters, Parameters } from "#codecs/codec.ts";
import type { BoxWriter } from "./box-writer.ts";
import { ObjectType, writeElementaryDescriptor } from "./elementary-descriptor.ts";

/** Opus always counts in 48 kHz. */
const OPUS_RATE_HZ = 48_000;
/** Samples at 48 kHz that a decoder throws away at its start: libopus' look-ahead of 6.5 ms. */
const OPUS_PRE_SKIP = 312;
/** The field is 16.16 bits wide: 0 stands for a rate above it, which the codec's own box tells. */
const MAX_RATE_HZ = 0xffff;

/** As `writeVideoEntry`. */
export function writeAudioEntry(writer: BoxWriter, trackId: number, parameters: Parameters): boolean {
  switch (parameters.codec) {
    case "aac":
      if (parameters.config.length === 0) return false;
      writeEntry(writer, "mp4a", parameters, 16, () => {
        writeElementaryDescriptor(writer, trackId, "audio", { objectType: ObjectType.aac, specificInfo: parameters.config });
      });
      return true;
    case "mp3": {
      const { sampleRateHz, channelCount } = parameters;
      if (sampleRateHz === undefined || channelCount === undefined) return false;
      writeEntry(writer, "mp4a", { sampleRateHz, channelCount }, 16, () => {
        writeElementaryDescriptor(writer, trackId, "audio", { objectType: ObjectType.mpeg1Audio, specificInfo: Buffer.alloc(0) });
      });
      return true;
    }
    case "opus":
      writeEntry(writer, "Opus", { sampleRateHz: OPUS_RATE_HZ, channelCount: parameters.channelCount }, 16, () => {
        writeOpusConfig(writer, parameters.channelCount);
      });
      return true;
    case "ac3":
      if (parameters.syncInfo === undefined) return false;
      writeEntry(writer, "ac-3", parameters, 16, () => writeAc3Config(writer, parameters.syncInfo!));
      return true;
    case "g711": // as linear samples: players do not know `ulaw` and `alaw`
      writePcmEntry(writer, parameters, 16);
      return true;
    case "lpcm":
      writePcmEntry(writer, parameters, parameters.bitDepth);
      return true;
    default:
      return false;
  }
}

interface Shape {
  readonly sampleRateHz: number;
  readonly channelCount: number;
}

function writeEntry(writer: BoxWriter, type: string, shape: Shape, sampleBits: number, config: () => void): void {
  writer.box(type, () => {
    writer.zeros(6).u16(1).zeros(8); // data_reference_index
    writer.u16(shape.channelCount).u16(sampleBits).zeros(4);
    writer.u16(shape.sampleRateHz <= MAX_RATE_HZ ? shape.sampleRateHz : 0).u16(0);
    config();
  });
}

/** `ipcm` and `pcmC`, ISO/IEC 23003-5 §5: big endian. */
function writePcmEntry(writer: BoxWriter, shape: Shape, bitDepth: number): void {
  writeEntry(writer, "ipcm", shape, bitDepth, () => {
    writer.fullBox("pcmC", 0, 0, () => writer.u8(0).u8(bitDepth));
  });
}

/** `dOps`, Opus in ISOBMFF §4.3.2. Channel mapping family 0 knows one and two channels; more are those of family 1, in Vorbis order. */
function writeOpusConfig(writer: BoxWriter, channelCount: number): void {
  writer.box("dOps", () => {
    writer.u8(0).u8(channelCount).u16(OPUS_PRE_SKIP).u32(OPUS_RATE_HZ).u16(0); // version; gain 0
    const mapping = channelCount > 2 ? OPUS_MAPPINGS[channelCount - 3] : undefined;
    if (mapping === undefined) {
      writer.u8(0);
      return;
    }
    writer.u8(1).u8(mapping.streams).u8(mapping.coupled);
    for (const channel of mapping.order) writer.u8(channel);
  });
}

/** Streams as libopus' surround encoder makes them for 3 to 8 channels. */
const OPUS_MAPPINGS: readonly { readonly streams: number; readonly coupled: number; readonly order: readonly number[] }[] = [
  { streams: 2, coupled: 1, order: [0, 2, 1] },
  { streams: 2, coupled: 2, order: [0, 1, 2, 3] },
  { streams: 3, coupled: 2, order: [0, 4, 1, 2, 3] },
  { streams: 4, coupled: 2, order: [0, 4, 1, 2, 3, 5] },
  { streams: 4, coupled: 3, order: [0, 4, 1, 2, 3, 5, 6] },
  { streams: 5, coupled: 3, order: [0, 6, 1, 2, 3, 4, 5, 7] },
];

/** `dac3`, ETSI TS 102 366 §F.4. */
function writeAc3Config(writer: BoxWriter, info: NonNullable<Ac3Parameters["syncInfo"]>): void {
  const bits =
    (info.fscod << 22) |
    (info.bsid << 17) |
    (info.bsmod << 14) |
    (info.acmod << 11) |
    ((info.lfeOn ? 1 : 0) << 10) |
    (info.bitRateCode << 5);
  writer.box("dac3", () => writer.u8(bits >>> 16).u16(bits & 0xffff));
}
