// Which media of a publisher's offer are taken, and in which of its formats (RFC 3264 §6): in all that are known here, since a publisher has its
// encoder's and may have put it anywhere in its list.
import type { Codec } from "#codecs/codec.ts";
import { reorderFramesOf } from "#codecs/reorder.ts";
import type { Track } from "#relay/track.ts";
import { clockRateOf, kindOf, parametersFromSdp } from "#rtp/payload/formats.ts";
import type { SdpFormat } from "#rtp/sdp.ts";
import type { Offer, OfferedMedia } from "./offer.ts";

export interface OfferedTrack {
  readonly mediaIndex: number;
  readonly format: SdpFormat;
  /** Its index is its place among the offered tracks. */
  readonly track: Track;
}

/** RFC 3551 table 4: static payload types that may come without an rtpmap. */
const STATIC_TYPES: ReadonlySet<number> = new Set([0, 8, 9, 10, 11]);
const RECEIVED: ReadonlySet<Codec> = new Set(["h264", "h265", "av1", "vp8", "vp9", "opus", "g722", "g711", "lpcm"]);

export const ONE_OF_EACH = "only one video and one audio track can be published";

/** Each format of each media that is taken, as a track, or why there can be none, in words. Which of a media's formats it is is seen when it comes. */
export function planPublish(offer: Offer): readonly OfferedTrack[] | { readonly fault: string } {
  const tracks: OfferedTrack[] = [];
  const names: string[] = [];
  for (const [mediaIndex, media] of offer.medias.entries()) {
    if (!media.usable || media.direction === "recvonly" || media.direction === "inactive") continue;
    if (media.kind !== "video" && media.kind !== "audio") continue;
    const known = knownFormats(media, mediaIndex, tracks.length);
    if (known.length === 0) names.push(...media.formats.map(({ rtpmap, payloadType }) => rtpmap?.split("/", 1)[0] ?? String(payloadType)));
    else if (tracks.some(({ track }) => track.kind === media.kind)) return { fault: ONE_OF_EACH };
    tracks.push(...known);
  }
  if (tracks.length > 0) return tracks;
  const offered = [...new Set(names)].slice(0, 16).join(", ");
  return {
    fault:
      offered === ""
        ? "the offer sends nothing: add a video or an audio track before createOffer"
        : `none of the offered formats is known here: ${offered}; known are H264, H265, AV1, VP9, VP8, Opus, G722, PCMU, PCMA, L16`,
  };
}

function knownFormats({ kind, formats }: OfferedMedia, mediaIndex: number, firstIndex: number): readonly OfferedTrack[] {
  const tracks: OfferedTrack[] = [];
  for (const format of formats) {
    const payloadType = STATIC_TYPES.has(format.payloadType) ? format.payloadType : undefined;
    const parameters = parametersFromSdp(kind, { payloadType, rtpmap: format.rtpmap, fmtp: format.fmtp });
    if (parameters === undefined || !RECEIVED.has(parameters.codec) || kindOf(parameters, kind) !== kind) continue;
    const track = {
      index: firstIndex + tracks.length,
      kind,
      codec: parameters.codec,
      clockRateHz: clockRateOf(parameters),
      parameters,
      reorderFrames: reorderFramesOf(parameters),
    };
    tracks.push({ mediaIndex, format, track });
  }
  return tracks;
}
