// A track as one file stores it: where its parameter sets stand, and which of its samples' bytes are left out or added for that.
import type { Codec, H264Parameters, H265Parameters, Parameters } from "#codecs/codec.ts";
import { codecProperties } from "#codecs/properties.ts";
import type { ContainerTrack } from "../sample.ts";
import { writeAudioEntry } from "./audio-entry.ts";
import { BoxWriter } from "./box-writer.ts";
import { writeVideoEntry } from "./video-entry.ts";

/**
 * Where H.264 and H.265 parameter sets stand.
 * `entry`: all of them in the sample entry (avc1, hvc1).
 * `first-in-entry`: one of each kind there, which is all that MediaMTX's playback reads; the others before each keyframe.
 * `in-band`: before each keyframe (avc3, hev1); in the entry, too, where they are small.
 */
export type ParameterSetPlace = "entry" | "first-in-entry" | "in-band";

export interface StoredTrack {
  readonly track: ContainerTrack;
  /** Counted from 1. */
  readonly trackId: number;
  /** The sample entry box, the one of `stsd`. */
  readonly entry: Buffer;
  /** Sets that samples need not repeat. */
  readonly entrySets: readonly Buffer[];
  /** Sets that a keyframe without any gets before it. */
  readonly keyframeSets: readonly Buffer[];
}

/** By trackIndex. Undefined where it cannot be stored: such a track is left out of the file, and its samples with it. */
export type StoredTracks = readonly (StoredTrack | undefined)[];

type SetParameters = H264Parameters | H265Parameters;

/** In-band sets above this are not repeated in the entry. */
const MAX_REPEATED_SET_BYTES = 1024;
/** MP4 could hold VP8 and G.722; MediaMTX stores neither, and what reads its files does not expect them. */
const NO_PLACE: ReadonlySet<Codec> = new Set(["generic", "klv", "g726", "g722", "vp8"]);
const MAX_TICKS_PER_SECOND = 0xffff_ffff;

export function storeTracks(tracks: readonly ContainerTrack[], place: ParameterSetPlace = "entry"): StoredTracks {
  let trackId = 0;
  return tracks.map((track) => {
    const stored = storeTrack(track, trackId + 1, place);
    if (stored !== undefined) trackId++;
    return stored;
  });
}

/** Why MP4 cannot store a track; undefined: it can. */
export function fmp4Fault(track: ContainerTrack): string | undefined {
  if (storeTrack(track, 1, "entry") !== undefined) return undefined;
  const { label } = codecProperties(track.parameters);
  return NO_PLACE.has(track.parameters.codec) ? `MP4 has no place for ${label}` : `the parameters of ${label} are not known`;
}

function storeTrack(track: ContainerTrack, trackId: number, place: ParameterSetPlace): StoredTrack | undefined {
  if (!Number.isInteger(track.clockRateHz) || track.clockRateHz < 1 || track.clockRateHz > MAX_TICKS_PER_SECOND) return undefined;
  const { parameters } = track;
  const writer = new BoxWriter();
  if (track.kind === "audio") {
    if (!writeAudioEntry(writer, trackId, parameters)) return undefined;
    return { track, trackId, entry: writer.finish(), entrySets: [], keyframeSets: [] };
  }
  const inBand = place === "in-band";
  const listed = hasSets(parameters) ? listedSets(parameters, place) : parameters;
  if (track.kind !== "video" || !writeVideoEntry(writer, trackId, parameters, { inBand, listed })) return undefined;
  const entrySets = inBand ? [] : setsOf(listed);
  const keyframeSets = setsOf(parameters).filter((set) => !entrySets.includes(set));
  return { track, trackId, entry: writer.finish(), entrySets, keyframeSets };
}

function hasSets(parameters: Parameters): parameters is SetParameters {
  return parameters.codec === "h264" || parameters.codec === "h265";
}

function setsOf(parameters: Parameters): Buffer[] {
  if (parameters.codec === "h264") return [...parameters.sps, ...parameters.pps];
  return parameters.codec === "h265" ? [...parameters.vps, ...parameters.sps, ...parameters.pps] : [];
}

function listedSets(parameters: SetParameters, place: ParameterSetPlace): SetParameters {
  let count = Number.POSITIVE_INFINITY;
  if (place === "first-in-entry") count = 1;
  if (place === "in-band" && setsOf(parameters).reduce((sum, set) => sum + set.length, 0) > MAX_REPEATED_SET_BYTES) count = 0;
  const first = (sets: readonly Buffer[]): readonly Buffer[] => sets.slice(0, count);
  const { sps, pps } = parameters;
  if (parameters.codec === "h264") return { codec: "h264", sps: first(sps), pps: first(pps) };
  return { codec: "h265", vps: first(parameters.vps), sps: first(sps), pps: first(pps) };
}
