// RTP payload for MPEG-4 video, RFC 6416 §5: the elementary stream as it is, cut at packets, the marker at the end of a picture.
import { isStartCode, nextStartCode } from "#codecs/annex-b.ts";
import type { Mpeg4VideoParameters, Parameters } from "#codecs/codec.ts";
import { Mpeg4StartCode, mpeg4ProfileLevel, mpeg4VideoConfig, mpeg4VideoLayerHeader, mpeg4VopType } from "#codecs/mpeg4-video/headers.ts";
import type { BurstBuilder, PacketBurst } from "#rtp/burst.ts";
import { type FormatDescription, PacketHas, type PayloadFormat } from "./payload-format.ts";
import { parseFmtp } from "./sdp-text.ts";
import { addPieces, joinPayloads } from "./whole-frame.ts";

/** §5.2: headers stand at the beginning of a packet; what begins otherwise goes on with a picture. */
function inspect(bytes: Buffer, start: number, end: number): number {
  if (end <= start) return 0;
  if (!isStartCode(bytes, start, end)) return PacketHas.slice;
  const type = mpeg4VopType(bytes, start, end);
  const has = type === undefined ? 0 : PacketHas.slice | (type === 0 ? PacketHas.keyframe : 0);
  const first = bytes[nextStartCode(bytes, start, end) + 3]!;
  return first === Mpeg4StartCode.vop || first === Mpeg4StartCode.groupOfVop ? has : has | PacketHas.parameters;
}

/** One picture and the headers before it, or undefined when a packet of it is missing. */
function depacketize(burst: PacketBurst): readonly Buffer[] | undefined {
  const frame = joinPayloads(burst);
  if (frame === undefined || !isStartCode(frame, 0, frame.length)) return undefined;
  return mpeg4VopType(frame, 0, frame.length) === undefined ? undefined : [frame];
}

function packetize(frame: readonly Buffer[], _parameters: Parameters, maxPayloadBytes: number, out: BurstBuilder): void {
  if (frame[0] !== undefined) addPieces(frame[0], maxPayloadBytes, 0, out);
}

export const mpeg4VideoPayload: PayloadFormat = {
  codec: "mpeg4-video",
  frameEnd: "marker",
  inspect,
  depacketize,
  packetize,
  readParameters(frame, known) {
    if (known.codec !== "mpeg4-video" || frame[0] === undefined) return undefined;
    const config = mpeg4VideoConfig(frame[0]);
    return config === undefined || known.config?.equals(config) ? undefined : { codec: "mpeg4-video", config: Buffer.from(config) };
  },
};

/** §7.1. Without `config` until it is known. */
export function describeMpeg4Video({ config }: Mpeg4VideoParameters): FormatDescription {
  const items: string[] = [];
  const profileLevel = config && mpeg4ProfileLevel(config);
  if (profileLevel !== undefined) items.push(`profile-level-id=${profileLevel}`);
  if (config !== undefined) items.push(`config=${config.toString("hex").toUpperCase()}`);
  return { payloadType: undefined, rtpmap: "MP4V-ES/90000", fmtp: items.length > 0 ? items.join("; ") : undefined };
}

/** A missing or broken `config` is none: it comes in the stream. */
export function mpeg4VideoFromSdp(description: FormatDescription): Mpeg4VideoParameters {
  const hex = parseFmtp(description.fmtp).get("config")?.replaceAll('"', "") ?? "";
  const config = mpeg4VideoConfig(Buffer.from(hex, "hex"));
  return config === undefined ? { codec: "mpeg4-video" } : { codec: "mpeg4-video", config };
}

/** Whether a reader that was told the one can decode with the other: the encoder's comments among the headers may differ. */
export function sameMpeg4Video(a: Mpeg4VideoParameters, b: Mpeg4VideoParameters): boolean {
  if (a.config === undefined || b.config === undefined) return true;
  const [left, right] = [mpeg4VideoLayerHeader(a.config), mpeg4VideoLayerHeader(b.config)];
  return left !== undefined && right !== undefined && left.equals(right);
}
