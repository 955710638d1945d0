// What a WHIP server is offered of a stream: each track that WebRTC can carry, in the one format that it has.
import { randomInt } from "node:crypto";
import type { Parameters } from "#codecs/codec.ts";
import type { Track } from "#relay/track.ts";
import { describeFormat } from "#rtp/payload/formats.ts";
import type { ReadTrack } from "../from-stream.ts";
import { unsendable } from "../read-negotiation.ts";
import type { OfferedFormat, OfferMedia } from "./client-offer.ts";

export interface PushOffer {
  readonly offer: readonly OfferMedia[];
  /** One for each media of the offer. */
  readonly offered: readonly (ReadTrack & { readonly kind: "video" | "audio" })[];
  /** Why tracks are left out, in words for the log. */
  readonly unsent: readonly string[];
}

const FIRST_DYNAMIC = 96;

export function pushOffer(tracks: readonly Track[]): PushOffer {
  const offer: OfferMedia[] = [];
  const offered: (ReadTrack & { readonly kind: "video" | "audio" })[] = [];
  const unsent: string[] = [];
  for (const { index, kind, parameters } of tracks) {
    const refusal = kind === "data" ? "WebRTC carries no data tracks" : unsendable(parameters);
    if (refusal !== undefined || kind === "data") {
      unsent.push(`${kind} is not sent: ${refusal}`);
      continue;
    }
    if (offered.some((one) => one.kind === kind)) {
      unsent.push(`a further ${kind} track is not sent: WHIP servers take one of each`);
      continue;
    }
    const format = formatOf(parameters, FIRST_DYNAMIC + offer.length);
    const ssrc = randomInt(1, 2 ** 32);
    offer.push({ kind, direction: "sendonly", formats: [format], ssrc });
    offered.push({ trackIndex: index, ssrc, payloadType: format.payloadType, kind });
  }
  return { offer, offered, unsent };
}

/** As browsers and MediaMTX name them: servers compare texts. */
function formatOf(parameters: Parameters, dynamic: number): OfferedFormat {
  const { payloadType = dynamic, rtpmap, fmtp } = describeFormat(parameters);
  switch (parameters.codec) {
    case "h264":
      return {
        payloadType,
        rtpmap: "H264/90000",
        fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
      };
    case "h265":
      return { payloadType, rtpmap: "H265/90000", fmtp: "level-id=93;profile-id=1;tier-flag=0;tx-mode=SRST" };
    case "opus":
      return {
        payloadType,
        rtpmap: "opus/48000/2",
        fmtp: `minptime=10;useinbandfec=1${parameters.channelCount > 1 ? ";stereo=1;sprop-stereo=1" : ""}`,
      };
    default:
      return { payloadType, rtpmap: rtpmap!, fmtp };
  }
}
