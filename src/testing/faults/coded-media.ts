// Encoder output as a camera's RTP, packed as a row wants it; and the clip, packed anew.
import type { Parameters } from "#codecs/codec.ts";
import { BurstBuilder, payloadStart } from "#rtp/burst.ts";
import { describeFormat, payloadFormatOf } from "#rtp/payload/formats.ts";
import { type CameraMedia, changedMedia, type MediaPacket, mediaPackets } from "../camera-media.ts";
import { burstOf } from "../rtp-capture.ts";
import { rtp } from "./beside-clip.ts";

const CLOCK_HZ = 90_000;
const PAYLOAD_TYPE = 96;
const MAX_PAYLOAD_BYTES = 1388;

/** From the NAL units of a frame to RTP payloads, in order; the last one gets the marker. `undefined` among them: one that is lost on the way. */
export type Pack = (nals: readonly Buffer[], frame: number) => readonly (Buffer | undefined)[];

export interface CodedMediaOptions {
  readonly parameters: Parameters;
  /** In decode order; played over and over. */
  readonly frames: readonly (readonly Buffer[])[];
  /** Presentation time of each frame, in frames. Default: as they come. */
  readonly displayOrder?: readonly number[];
  /** Default: as the payload's RFC has it, packets of 1,400 bytes. */
  readonly pack?: Pack;
  /** `a=fmtp` in place of the one that fits. */
  readonly fmtp?: string;
}

/** One connection's media: begins with the clip's first frame, 25 frames a second. */
export class CodedMedia implements CameraMedia {
  readonly sdp: string;
  readonly #options: CodedMediaOptions;
  #sequence = 65_500;
  #firstFrame: number | undefined;

  constructor(options: CodedMediaOptions) {
    this.#options = options;
    const { rtpmap, fmtp } = describeFormat(options.parameters);
    this.sdp = videoSdp(rtpmap!, options.fmtp ?? fmtp);
  }

  next(frame: number): readonly MediaPacket[] {
    const { frames, displayOrder, parameters, pack = usualPack(parameters) } = this.#options;
    this.#firstFrame ??= frame;
    const index = (frame - this.#firstFrame) % frames.length;
    const shown = displayOrder === undefined ? frame : frame - index + displayOrder[index]!;
    const timestamp = (shown * CLOCK_HZ) / 25;
    return packetsOf(pack(frames[index]!, frame), { timestamp, payloadType: PAYLOAD_TYPE, firstSequence: this.#sequence }, (next) => {
      this.#sequence = next;
    });
  }
}

/** The session description of one video. */
export function videoSdp(rtpmap: string, fmtp: string | undefined): string {
  const lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=camera", "t=0 0", "a=control:*", `m=video 0 RTP/AVP ${PAYLOAD_TYPE}`];
  lines.push(
    `a=rtpmap:${PAYLOAD_TYPE} ${rtpmap}`,
    ...(fmtp === undefined ? [] : [`a=fmtp:${PAYLOAD_TYPE} ${fmtp}`]),
    "a=control:trackID=0",
    "",
  );
  return lines.join("\r\n");
}

/** `media`, whose frames are H.264 or H.265, in other packets. */
export function repacked(media: CameraMedia, parameters: Parameters, pack: Pack): CameraMedia {
  let sequence = 65_500;
  return changedMedia(media, (packets, frame) => {
    const nals = payloadFormatOf(parameters.codec).depacketize(burstOf(packets.map(({ bytes }) => bytes)), parameters) ?? [];
    const { bytes } = packets[0]!;
    const fields = {
      timestamp: bytes.readUInt32BE(4),
      payloadType: bytes[1]! & 0x7f,
      ssrc: bytes.readUInt32BE(8),
      firstSequence: sequence,
    };
    return packetsOf(pack(nals, frame), fields, (next) => {
      sequence = next;
    });
  });
}

interface Fields {
  readonly timestamp: number;
  readonly payloadType: number;
  readonly ssrc?: number;
  readonly firstSequence: number;
}

function packetsOf(
  payloads: readonly (Buffer | undefined)[],
  { firstSequence, ...fields }: Fields,
  goOnAt: (sequence: number) => void,
): readonly MediaPacket[] {
  goOnAt(firstSequence + payloads.length);
  return payloads.flatMap((payload, i) => {
    if (payload === undefined) return [];
    const bytes = rtp({ ...fields, sequence: firstSequence + i, marker: i === payloads.length - 1 }, payload);
    return [{ track: 0, isRtcp: false, bytes }];
  });
}

/** As the payload's RFC has it. */
export function usualPack(parameters: Parameters, maxPayloadBytes = MAX_PAYLOAD_BYTES): Pack {
  return (nals) => {
    const builder = new BurstBuilder(0, 4096);
    payloadFormatOf(parameters.codec).packetize(nals, parameters, maxPayloadBytes, builder);
    return mediaPackets(0, builder.finish()).map(({ bytes }) => bytes.subarray(payloadStart(bytes, 0, bytes.length)));
  };
}
