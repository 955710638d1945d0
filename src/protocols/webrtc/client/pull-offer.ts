// What a WHEP source is offered to send: every format that is read here, MediaMTX's list and H.264's further profiles, so that no server has to say no.

import { reorderFramesOf } from "#codecs/reorder.ts";
import type { Track } from "#relay/track.ts";
import { clockRateOf, kindOf, parametersFromSdp } from "#rtp/payload/formats.ts";
import type { OfferedTrack } from "../publish-negotiation.ts";
import type { ClientAnswer } from "./client-answer.ts";
import type { OfferedFormat, OfferMedia } from "./client-offer.ts";

const H264 = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id";
const H265 = "tier-flag=0;tx-mode=SRST";

const VIDEO: readonly OfferedFormat[] = [
  { payloadType: 96, rtpmap: "AV1/90000", fmtp: undefined },
  { payloadType: 97, rtpmap: "AV1/90000", fmtp: "profile=1" },
  { payloadType: 98, rtpmap: "VP9/90000", fmtp: "profile-id=0" },
  { payloadType: 99, rtpmap: "VP9/90000", fmtp: "profile-id=1" },
  { payloadType: 100, rtpmap: "VP9/90000", fmtp: "profile-id=2" },
  { payloadType: 101, rtpmap: "VP9/90000", fmtp: "profile-id=3" },
  { payloadType: 102, rtpmap: "VP8/90000", fmtp: undefined },
  { payloadType: 103, rtpmap: "H265/90000", fmtp: `level-id=93;profile-id=1;${H265}` },
  { payloadType: 104, rtpmap: "H265/90000", fmtp: `level-id=93;profile-id=2;${H265}` },
  { payloadType: 105, rtpmap: "H264/90000", fmtp: `${H264}=42e01f` },
  { payloadType: 106, rtpmap: "H264/90000", fmtp: `${H264}=42001f` },
  { payloadType: 107, rtpmap: "H264/90000", fmtp: `${H264}=4d001f` },
  { payloadType: 108, rtpmap: "H264/90000", fmtp: `${H264}=64001f` },
];

const AUDIO: readonly OfferedFormat[] = [
  { payloadType: 111, rtpmap: "opus/48000/2", fmtp: "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1" },
  { payloadType: 9, rtpmap: "G722/8000", fmtp: undefined },
  { payloadType: 0, rtpmap: "PCMU/8000", fmtp: undefined },
  { payloadType: 8, rtpmap: "PCMA/8000", fmtp: undefined },
  { payloadType: 112, rtpmap: "PCMU/8000/2", fmtp: undefined },
  { payloadType: 113, rtpmap: "PCMA/8000/2", fmtp: undefined },
  ...[8000, 16_000, 44_100, 48_000].flatMap((rateHz, i): OfferedFormat[] => [
    { payloadType: 114 + 2 * i, rtpmap: `L16/${rateHz}/2`, fmtp: undefined },
    { payloadType: 115 + 2 * i, rtpmap: `L16/${rateHz}`, fmtp: undefined },
  ]),
];

export const PULL_OFFER: readonly OfferMedia[] = [
  { kind: "video", direction: "recvonly", formats: VIDEO, ssrc: undefined },
  { kind: "audio", direction: "recvonly", formats: AUDIO, ssrc: undefined },
];

/** What may come: each format of each media that the server takes, as a track. Which of them do is seen when they come. */
export function answeredTracks({ medias }: ClientAnswer): readonly OfferedTrack[] {
  const tracks: OfferedTrack[] = [];
  for (const { mediaIndex, formats } of medias) {
    const { kind, formats: offered } = PULL_OFFER[mediaIndex]!;
    for (const { payloadType, rtpmap, fmtp } of formats) {
      const ours = offered.find((format) => format.payloadType === payloadType)!;
      const told = { payloadType: undefined, rtpmap: rtpmap ?? ours.rtpmap, fmtp: fmtp ?? ours.fmtp };
      const parameters = parametersFromSdp(kind, told);
      if (parameters === undefined || kindOf(parameters, kind) !== kind || parameters.codec === "generic") continue;
      const track: Track = {
        index: tracks.length,
        kind,
        codec: parameters.codec,
        clockRateHz: clockRateOf(parameters),
        parameters,
        reorderFrames: reorderFramesOf(parameters),
      };
      tracks.push({ mediaIndex, format: { payloadType, rtpmap: told.rtpmap, fmtp: told.fmtp }, track });
    }
  }
  return tracks;
}
