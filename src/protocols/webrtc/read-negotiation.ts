// Which of a stream's tracks a reader gets, and in which of the formats that it offers (RFC 3264 §6, RFC 6184 §8.2.2, RFC 9628 §7).
import type { Parameters } from "#codecs/codec.ts";
import { codecProperties } from "#codecs/properties.ts";
import { reorderBoundsOf } from "#codecs/reorder.ts";
import type { Track } from "#relay/track.ts";
import { describeFormat } from "#rtp/payload/formats.ts";
import { fmtpNumber, parseFmtp, parseRtpmap } from "#rtp/payload/sdp-text.ts";
import type { SdpFormat } from "#rtp/sdp.ts";
import type { Offer, OfferedMedia } from "./offer.ts";

/** MediaMTX's words. */
export const B_FRAMES = "WebRTC doesn't support H264 streams with B-frames";

const OPUS: Parameters = { codec: "opus", channelCount: 2 };

/** A track that is sent, in the m-line and the format for it. */
export interface SentTrack {
  readonly track: Track;
  readonly mediaIndex: number;
  readonly format: SdpFormat;
}

export interface ReadPlan {
  readonly sent: readonly SentTrack[];
  /** Tracks that this reader does not get, and why, in words. */
  readonly unsent: readonly { readonly track: Track; readonly reason: string }[];
}

/** The first track of each kind that fits goes into the first m-line of its kind, and so on. */
export function planRead(offer: Offer, tracks: readonly Track[]): ReadPlan {
  const sent: SentTrack[] = [];
  const unsent: { track: Track; reason: string }[] = [];
  for (const track of tracks) {
    const reason = unsendable(track.parameters);
    if (reason !== undefined) {
      unsent.push({ track, reason });
      continue;
    }
    const wanted = wantedMedias(offer, track.kind);
    const free = wanted.filter((media) => !sent.some(({ mediaIndex }) => offer.medias[mediaIndex] === media));
    const media = free.find((one) => formatFor(track.parameters, one) !== undefined);
    if (media !== undefined) sent.push({ track, mediaIndex: offer.medias.indexOf(media), format: formatFor(track.parameters, media)! });
    else if (wanted.length === 0) unsent.push({ track, reason: `the client wants no ${track.kind}` });
    else if (free.length === 0) unsent.push({ track, reason: `the client wants no further ${track.kind}` });
    else unsent.push({ track, reason: `the client does not play ${codecProperties(track.parameters).label}` });
  }
  return { sent, unsent };
}

/** Opus for the first audio track that is not sent as it is; undefined: the client gets audio, or has no use for Opus. */
export function opusInstead(offer: Offer, { sent, unsent }: ReadPlan): SentTrack | undefined {
  const track = unsent.find(({ track }) => track.kind === "audio")?.track;
  if (track === undefined || sent.some((other) => other.track.kind === "audio")) return undefined;
  for (const media of wantedMedias(offer, "audio")) {
    const format = formatFor(OPUS, media);
    if (format !== undefined) return { track, mediaIndex: offer.medias.indexOf(media), format };
  }
  return undefined;
}

/** Why no client of WebRTC can be sent it; undefined: some can. */
export function unsendable(parameters: Parameters): string | undefined {
  switch (parameters.codec) {
    case "h264":
      return (reorderBoundsOf(parameters).stated ?? 0) > 0 ? B_FRAMES : undefined;
    case "h265":
    case "av1":
    case "vp8":
    case "vp9":
    case "opus":
    case "g711":
    case "g722":
      return undefined;
    case "lpcm":
      return parameters.bitDepth === 16 ? undefined : "WebRTC carries LPCM of 16 bits only";
    default:
      return `WebRTC cannot carry ${codecProperties(parameters).label}`;
  }
}

function wantedMedias({ medias }: Offer, wantedKind: Track["kind"]): readonly OfferedMedia[] {
  return medias.filter(
    ({ kind, usable, direction }) => kind === wantedKind && usable && direction !== "sendonly" && direction !== "inactive",
  );
}

/** How the track's format is called in an offer: lower case, clock rate, channels if more than one. */
function rtpmapsFor(parameters: Parameters): readonly string[] {
  if (parameters.codec === "opus") return ["opus/48000/2"];
  const { rtpmap } = describeFormat(parameters);
  const parsed = parseRtpmap(rtpmap);
  if (parsed === undefined || parsed.clockRateHz === undefined) return [];
  return [normalized(parsed.name, parsed.clockRateHz, parsed.channelCount)];
}

function normalized(name: string, clockRateHz: number, channelCount = 1): string {
  return channelCount > 1 ? `${name}/${clockRateHz}/${channelCount}` : `${name}/${clockRateHz}`;
}

/** RFC 3551 table 4: static payload types that may come without an rtpmap. */
const STATIC_RTPMAPS: ReadonlyMap<number, string> = new Map([
  [0, "pcmu/8000"],
  [8, "pcma/8000"],
  [9, "g722/8000"],
  [10, "l16/44100/2"],
  [11, "l16/44100"],
]);

function rtpmapOf({ payloadType, rtpmap }: SdpFormat): string | undefined {
  const parsed = parseRtpmap(rtpmap);
  if (parsed === undefined) return STATIC_RTPMAPS.get(payloadType);
  return parsed.clockRateHz === undefined ? undefined : normalized(parsed.name, parsed.clockRateHz, parsed.channelCount);
}

function formatFor(parameters: Parameters, { formats }: OfferedMedia): SdpFormat | undefined {
  const names = rtpmapsFor(parameters);
  const named = formats.filter((format) => names.includes(rtpmapOf(format) ?? ""));
  let best: SdpFormat | undefined;
  let bestRank = -1;
  for (const format of named) {
    const rank = rankOf(parameters, format);
    if (rank > bestRank) [best, bestRank] = [format, rank];
  }
  return best;
}

/** How well a format of the right name fits; below 0: not at all. */
function rankOf(parameters: Parameters, { fmtp }: SdpFormat): number {
  const items = parseFmtp(fmtp);
  switch (parameters.codec) {
    case "h264": {
      // RFC 6184 §6: fragments need mode 1. Decoders play other profiles than the one they name, so a wrong one is better than nothing.
      if (items.get("packetization-mode") !== "1") return -1;
      const offered = items.get("profile-level-id")?.toLowerCase() ?? "42000a";
      const profile = parameters.sps[0]?.toString("hex", 1, 3);
      if (profile !== undefined && offered.slice(0, 4) === profile) return 3;
      if (profile !== undefined && offered.slice(0, 2) === profile.slice(0, 2)) return 2;
      return offered.startsWith("42e0") ? 1 : 0;
    }
    case "h265": {
      const profile = parseFmtp(describeFormat(parameters).fmtp).get("profile-id") ?? "1";
      return (items.get("profile-id") ?? "1") === profile ? 1 : 0;
    }
    case "vp9": {
      const profile = parameters.picture?.profile ?? fmtpNumber(parseFmtp(parameters.fmtp), "profile-id") ?? 0;
      return (fmtpNumber(items, "profile-id") ?? 0) === profile ? 1 : -1;
    }
    case "av1": {
      const profile = fmtpNumber(parseFmtp(describeFormat(parameters).fmtp), "profile") ?? 0;
      return (fmtpNumber(items, "profile") ?? 0) >= profile ? 1 : -1;
    }
    default:
      return 0;
  }
}
