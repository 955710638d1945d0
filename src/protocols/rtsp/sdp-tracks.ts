// Between the medias of an SDP and the tracks of a stream (RFC 4566, RFC 2326 §C.1).
import { reorderFramesOf } from "#codecs/reorder.ts";
import type { Stream } from "#relay/stream.ts";
import type { Track } from "#relay/track.ts";
import { clockRateOf, describeFormat, parametersFromSdp } from "#rtp/payload/formats.ts";
import { isBackChannel, type Sdp, type SdpMedia, writeSdp } from "#rtp/sdp.ts";

/** A media that becomes a track. */
export interface MediaTrack {
  readonly media: SdpMedia;
  readonly track: Track;
}

export interface SdpTracks {
  readonly usable: readonly MediaTrack[];
  /** What is left out, in words for the log. */
  readonly skipped: readonly string[];
}

/** The tracks in a description, in its order; back channels and medias whose settings cannot be read are left out. */
export function tracksOf(sdp: Sdp): SdpTracks {
  const usable: MediaTrack[] = [];
  const skipped: string[] = [];
  for (const [position, media] of sdp.medias.entries()) {
    const name = `media ${position + 1} (${media.kind} ${media.formats[0]?.rtpmap ?? media.formats[0]?.payloadType ?? ""})`;
    const format = media.formats[0];
    if (format === undefined || !media.protocol.startsWith("RTP/")) skipped.push(`${name}: no RTP format`);
    else if (isBackChannel(media, sdp)) skipped.push(`${name}: a back channel`);
    else {
      const parameters = parametersFromSdp(media.kind, format);
      if (parameters === undefined) skipped.push(`${name}: its settings are missing or wrong`);
      else usable.push({ media, track: trackOf(usable.length, media.kind, parameters) });
    }
  }
  return { usable, skipped };
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

/** The description that readers of a stream get; the control attribute of track N is `trackID=N`. */
export function describeStream(stream: Stream): string {
  return describeTracks(stream.tracks, (track) => stream.output(track.index).payloadType);
}

/** A description of tracks as packets of the given payload types. */
export function describeTracks(tracks: readonly Track[], payloadTypeOf: (track: Track) => number): string {
  return writeSdp({
    origin: undefined,
    sessionName: "Stream",
    control: undefined,
    range: undefined,
    connection: { family: "IP4", address: "0.0.0.0", ttl: undefined },
    bandwidth: [],
    attributes: [],
    medias: tracks.map((track) => {
      const { rtpmap, fmtp } = describeFormat(track.parameters);
      return {
        kind: track.kind === "data" ? "application" : track.kind,
        port: 0,
        protocol: "RTP/AVP",
        formats: [{ payloadType: payloadTypeOf(track), rtpmap, fmtp }],
        control: `trackID=${track.index}`,
        direction: undefined,
        connection: undefined,
        bandwidth: [],
        attributes: [],
      };
    }),
  });
}
