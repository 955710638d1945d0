// One complete track of each codec that MP4 stores, with parameters of real encoders.
import type { Parameters } from "#codecs/codec.ts";
import type { ContainerTrack } from "#containers/sample.ts";
import { readCodedClip } from "../coded-clip.ts";

const clip = (name: string): Parameters => readCodedClip(new URL(`../../codecs/testdata/${name}`, import.meta.url)).parameters;
const AAC_LENGTHS = { sizeLength: 13, indexLength: 3, indexDeltaLength: 3 };

export function trackOf(kind: ContainerTrack["kind"], clockRateHz: number, parameters: Parameters): ContainerTrack {
  return { kind, clockRateHz, parameters };
}

export const TRACKS = {
  h264: trackOf("video", 90_000, clip("h264-main-b3.h264")),
  h264High: trackOf("video", 90_000, clip("h264-high-interlaced.h264")),
  h265: trackOf("video", 90_000, clip("h265-main-open-gop.h265")),
  h265Main10: trackOf("video", 90_000, clip("h265-main10-no-b.h265")),
  // libaom, 176x100.
  av1: trackOf("video", 90_000, { codec: "av1", sequenceHeader: Buffer.from("0800000003b57e336be401", "hex") }),
  vp9: trackOf("video", 90_000, {
    codec: "vp9",
    picture: { profile: 0, widthPx: 1920, heightPx: 1080, bitDepth: 8, chromaSubsampling: 1, fullRange: false },
  }),
  mjpeg: trackOf("video", 90_000, { codec: "mjpeg", picture: { widthPx: 640, heightPx: 480 } }),
  mpeg4: trackOf("video", 90_000, {
    codec: "mpeg4-video",
    config: Buffer.from("000001b001000001b58913000001000000012000c48d8800cd05840c9443000001b24c61766335392e33372e313030", "hex"),
  }),
  mpeg2: trackOf("video", 90_000, { codec: "mpeg1-video", config: Buffer.from("000001b30b006413ffffe018000001b5148a00010000", "hex") }),
  aac: trackOf("audio", 48_000, {
    codec: "aac",
    config: Buffer.from("1190", "hex"),
    sampleRateHz: 48_000,
    channelCount: 2,
    ...AAC_LENGTHS,
  }),
  opus: trackOf("audio", 48_000, { codec: "opus", channelCount: 2 }),
  opusSurround: trackOf("audio", 48_000, { codec: "opus", channelCount: 6 }),
  mp3: trackOf("audio", 90_000, { codec: "mp3", sampleRateHz: 44_100, channelCount: 2 }),
  ac3: trackOf("audio", 48_000, {
    codec: "ac3",
    sampleRateHz: 48_000,
    channelCount: 6,
    syncInfo: { fscod: 0, bsid: 8, bsmod: 0, acmod: 7, lfeOn: true, bitRateCode: 15 },
  }),
  lpcm: trackOf("audio", 96_000, { codec: "lpcm", bitDepth: 24, sampleRateHz: 96_000, channelCount: 2 }),
  g711: trackOf("audio", 8000, { codec: "g711", muLaw: false, sampleRateHz: 8000, channelCount: 1 }),
} as const;
