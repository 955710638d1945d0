// Between the medias of an SDP and the tracks of a stream (RFC 4566, RFC 2326 §C.1).
import { reorderFramesOf } from "#codecs/reorder.ts";
import type { Stream } from "#relay/stream.ts";
import type { Track } from "#relay/track.ts";
import { clockRateOf, describeFormat, parametersFromSdp, payloadFormatOf } from "#rtp/payload/formats.ts";
import { parseFmtp } from "#rtp/payload/sdp-text.ts";
import { parseSprop } from "#rtp/payload/sprop.ts";
import { isBackChannel, type Sdp, type SdpAttribute, type SdpFormat, type SdpMedia, writeSdp } from "#rtp/sdp.ts";

/** A media that becomes a track. */
export interface MediaTrack {
  readonly media: SdpMedia;
  readonly track: Track;
}

export interface SdpTracks {
  readonly usable: readonly MediaTrack[];
  /** What is left out, in words for the log. */
  readonly skipped: readonly string[];
  /** What is wrong with medias that are usable all the same. */
  readonly remarks: readonly string[];
}

/** The tracks in a description, in its order; back channels and medias whose settings cannot be read are left out. */
export function tracksOf(sdp: Sdp): SdpTracks {
  const usable: MediaTrack[] = [];
  const skipped: string[] = [];
  const remarks: string[] = [];
  for (const [position, media] of sdp.medias.entries()) {
    const name = `media ${position + 1} (${media.kind} ${media.formats[0]?.rtpmap ?? media.formats[0]?.payloadType ?? ""})`;
    const format = media.formats[0];
    if (format === undefined || !media.protocol.startsWith("RTP/")) skipped.push(`${name}: no RTP format`);
    else if (isBackChannel(media, sdp)) skipped.push(`${name}: a back channel`);
    else {
      const parameters = parametersFromSdp(media.kind, format);
      if (parameters === undefined) skipped.push(`${name}: its settings are missing or wrong`);
      else {
        if (hasBrokenSets(media.kind, format)) remarks.push(`track ${usable.length}: the parameter sets in its description cannot be read`);
        usable.push({ media, track: trackOf(usable.length, media.kind, parameters) });
      }
    }
  }
  return { usable, skipped, remarks };
}

/** RFC 6184 §8.1, RFC 7798 §7.1. */
const SPROP_NAMES = ["sprop-parameter-sets", "sprop-vps", "sprop-sps", "sprop-pps"] as const;

/** Whether an item of them is none: they come in the stream then. */
function hasBrokenSets(kind: string, format: SdpFormat): boolean {
  const none = parametersFromSdp(kind, { ...format, fmtp: undefined });
  const read = none && payloadFormatOf(none.codec).readParameters;
  if (none === undefined || read === undefined || (none.codec !== "h264" && none.codec !== "h265")) return false;
  const items = parseFmtp(format.fmtp);
  return SPROP_NAMES.flatMap((name) => items.get(name)?.split(",") ?? []).some(
    (item) => item.trim() !== "" && read(parseSprop(item), none) === undefined,
  );
}

function trackOf(index: number, kind: string, parameters: Track["parameters"]): Track {
  return {
    index,
    kind: kind === "video" || kind === "audio" ? kind : "data",
    codec: parameters.codec,
    clockRateHz: clockRateOf(parameters),
    parameters,
    reorderFrames: reorderFramesOf(parameters),
  };
}

/**
 * The description that readers of a stream get; the control attribute of track N is `trackID=N`. `ranges`: of recorded footage, in one or more units.
 * `keys`: attributes that tell the key of each track, which goes as SRTP then.
 */
export function describeStream(stream: Stream, ranges: readonly string[] = [], keys?: readonly SdpAttribute[]): string {
  return describeTracks(stream.tracks, (track) => stream.output(track.index).payloadType, ranges, keys);
}

/** A description of tracks as packets of the given payload types. */
export function describeTracks(
  tracks: readonly Track[],
  payloadTypeOf: (track: Track) => number,
  [range, ...moreRanges]: readonly string[] = [],
  keys?: readonly SdpAttribute[],
): string {
  return writeSdp({
    origin: undefined,
    sessionName: "Stream",
    control: undefined,
    range,
    connection: { family: "IP4", address: "0.0.0.0", ttl: undefined },
    bandwidth: [],
    attributes: moreRanges.map((value) => ({ name: "range", value })),
    medias: tracks.map((track) => {
      const { rtpmap, fmtp } = describeFormat(track.parameters);
      return {
        kind: track.kind === "data" ? "application" : track.kind,
        port: 0,
        protocol: keys === undefined ? "RTP/AVP" : "RTP/SAVP",
        formats: [{ payloadType: payloadTypeOf(track), rtpmap, fmtp }],
        control: `trackID=${track.index}`,
        direction: undefined,
        connection: undefined,
        bandwidth: [],
        attributes: keys?.slice(track.index, track.index + 1) ?? [],
      };
    }),
  });
}
