// Which tracks of the footage go into a clip, and whether footage of another run can go on with them.
import type { Parameters } from "#codecs/codec.ts";
import { type StoredTrack, type StoredTracks, storeTracks } from "#containers/fmp4/stored-track.ts";
import { pictureSizeOf } from "#containers/fmp4/video-entry.ts";
import type { ContainerTrack } from "#containers/sample.ts";

/** `video`: without sound, for players that cannot play it. */
export type TrackChoice = "all" | "video";

/** By trackIndex; undefined for what is left out. At least one is stored. */
export type ClipTracks = StoredTracks;

/** Undefined: nothing that is wanted can be stored in MP4. */
export function clipTracksOf(tracks: readonly ContainerTrack[], choice: TrackChoice): ClipTracks | undefined {
  return chosen(storeTracks(tracks), choice);
}

/**
 * How footage with `tracks` is stored in a clip that began with `first`. Other parameter sets of a picture of the same size travel with each keyframe,
 * and so do all that come after them. Undefined: a player could not go on.
 */
export function followingTracks(
  first: ClipTracks,
  last: ClipTracks,
  tracks: readonly ContainerTrack[],
  choice: TrackChoice,
): ClipTracks | undefined {
  const stored = chosen(storeTracks(tracks), choice);
  if (stored === undefined || stored.length !== first.length) return undefined;
  const fits = stored.map((track, i) => fit(first[i], track));
  if (fits.includes("no")) return undefined;
  if (last === first && fits.every((one) => one === "same")) return first;
  return chosen(storeTracks(tracks, "in-band"), choice);
}

function chosen(stored: StoredTracks, choice: TrackChoice): ClipTracks | undefined {
  const tracks = stored.map((one) => (choice === "video" && one?.track.kind !== "video" ? undefined : one));
  return tracks.every((one) => one === undefined) ? undefined : tracks;
}

function fit(one: StoredTrack | undefined, other: StoredTrack | undefined): "same" | "other-sets" | "no" {
  if (one === undefined || other === undefined) return one === other ? "same" : "no";
  if (one.track.kind !== other.track.kind || one.track.clockRateHz !== other.track.clockRateHz) return "no";
  if (one.entry.equals(other.entry)) return "same";
  const [before, after] = [one.track.parameters, other.track.parameters];
  return before.codec === after.codec && (before.codec === "h264" || before.codec === "h265") && isSameSize(before, after)
    ? "other-sets"
    : "no";
}

function isSameSize(before: Parameters, after: Parameters): boolean {
  const [one, other] = [pictureSizeOf(before), pictureSizeOf(after)];
  return one !== undefined && one.widthPx === other?.widthPx && one.heightPx === other.heightPx;
}
