// How each codec is carried in a transport stream: stream type, stream id, descriptors, payload; or why it cannot be.
import type { AacParameters, Mp3Parameters, Mpeg1VideoParameters, Parameters } from "#codecs/codec.ts";
import type { ContainerTrack } from "../sample.ts";
import { adtsHeaderOf } from "./adts.ts";
import {
  aacPayload,
  type FramePayload,
  klvPayload,
  opusPayload,
  type PicturePieces,
  picturePayload,
  wholeFramesPayload,
} from "./frame-payload.ts";
import { h264Payload, h265Payload } from "./nal-payload.ts";
import { StreamId } from "./pes.ts";
import { mpeg1VideoPayload, mpeg4VideoPayload } from "./start-code-payload.ts";

export interface Carriage {
  /** ISO/IEC 13818-1 table 2-34. */
  readonly streamType: number;
  /** Of its PES packets. */
  readonly streamId: number;
  /** As they stand in the PMT. */
  readonly descriptors: Buffer;
  /** What its PES packets hold. */
  readonly payload: FramePayload;
}

export interface Refusal {
  readonly refusal: string;
}

/** Why a track cannot be carried, in words for a log line; undefined: it can. */
export function tsRefusal(track: ContainerTrack): string | undefined {
  const carriage = carriageOf(track.parameters);
  return "refusal" in carriage ? carriage.refusal : undefined;
}

export function carriageOf(parameters: Parameters): Carriage | Refusal {
  switch (parameters.codec) {
    case "h264":
      return video(0x1b, h264Payload(parameters));
    case "h265":
      return video(0x24, h265Payload(parameters));
    case "mpeg4-video":
      return video(0x10, mpeg4VideoPayload(parameters));
    case "mpeg1-video":
      return video(isMpeg1(parameters) ? 0x01 : 0x02, mpeg1VideoPayload(parameters));
    case "aac":
      return aacCarriage(parameters);
    case "mp3":
      return audio(hasLowRate(parameters) ? 0x04 : 0x03, wholeFramesPayload());
    case "ac3":
      // ATSC A/52 annex A: stream type 0x81, registered as AC-3.
      return { streamType: 0x81, streamId: StreamId.privateStream1, descriptors: registration("AC-3"), payload: wholeFramesPayload() };
    case "opus":
      return opusCarriage(parameters.channelCount);
    case "klv":
      return { streamType: 0x15, streamId: StreamId.metadata, descriptors: klvDescriptors(), payload: klvPayload() };
    case "av1":
    case "vp9":
    case "vp8":
    case "mjpeg":
    case "g711":
    case "g722":
    case "g726":
    case "lpcm":
      return { refusal: `MPEG-TS does not carry ${parameters.codec}` };
    case "generic":
      return { refusal: `MPEG-TS does not carry ${parameters.rtpmap ?? `payload type ${parameters.payloadType}`}` };
  }
}

function video(streamType: number, piecesOf: PicturePieces): Carriage {
  return { streamType, streamId: StreamId.video, descriptors: Buffer.alloc(0), payload: picturePayload(piecesOf) };
}

function audio(streamType: number, payload: FramePayload): Carriage {
  return { streamType, streamId: StreamId.audio, descriptors: Buffer.alloc(0), payload };
}

function aacCarriage({ config }: AacParameters): Carriage | Refusal {
  const header = adtsHeaderOf(config);
  return header === undefined ? { refusal: "this kind of AAC has no ADTS header" } : audio(0x0f, aacPayload(header));
}

/** The low sampling frequencies of ISO/IEC 13818-3. */
function hasLowRate({ sampleRateHz }: Mp3Parameters): boolean {
  return sampleRateHz !== undefined && sampleRateHz < 32_000;
}

/** Without a sequence extension (13818-2 §6.2.2.1). Unknown counts as MPEG-2: its decoders read both. */
function isMpeg1({ config }: Mpeg1VideoParameters): boolean {
  return config !== undefined && !config.includes("000001b5", 0, "hex");
}

function descriptor(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag, content.length), content]);
}

/** registration_descriptor, §2.6.8. */
function registration(formatIdentifier: string): Buffer {
  return descriptor(0x05, Buffer.from(formatIdentifier, "latin1"));
}

/**
 * ETSI TS "Opus" 0.1.3-draft: private PES, registered as Opus; in DVB's extension descriptor the channel_config_code, of which 1 … 8 are as many
 * channels in Vorbis order.
 */
function opusCarriage(channelCount: number): Carriage | Refusal {
  if (channelCount < 1 || channelCount > 8) return { refusal: `MPEG-TS does not carry Opus of ${channelCount} channels` };
  const descriptors = Buffer.concat([registration("Opus"), descriptor(0x7f, Buffer.of(0x80, channelCount))]);
  return { streamType: 0x06, streamId: StreamId.privateStream1, descriptors, payload: opusPayload() };
}

/** Synchronous metadata as in MISB ST 1402: metadata_descriptor (§2.6.60) and metadata_STD_descriptor (§2.6.62). */
function klvDescriptors(): Buffer {
  const metadata = Buffer.concat([
    Buffer.of(0x01, 0x00, 0xff), // general metadata; the format is the identifier that follows
    Buffer.from("KLVA", "latin1"),
    Buffer.of(0x00, 0x0f), // metadata_service_id; no decoder configuration
  ]);
  const model = Buffer.concat([threeBytes(2500), threeBytes(64), threeBytes(0)]); // 1 Mbit/s in, 64 KiB; no rate out where it is synchronous
  return Buffer.concat([descriptor(0x26, metadata), descriptor(0x27, model)]);
}

/** Two reserved bits and 22 bits of a number. */
function threeBytes(value: number): Buffer {
  return Buffer.of(0xc0 | (value >> 16), (value >> 8) & 0xff, value & 0xff);
}
