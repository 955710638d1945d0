// How the footage of a run is stored: its tracks as MP4 has them, and the init segment its chunks begin with.
import type { Parameters } from "#codecs/codec.ts";
import { writeInit } from "#containers/fmp4/init.ts";
import { type StoredTracks, storeTracks } from "#containers/fmp4/stored-track.ts";
import type { ContainerTrack } from "#containers/sample.ts";
import { GWRH_BYTES } from "./chunk-header.ts";
import { FREE_HEADER_BYTES, HEADER_AREA_BYTES, MAX_CAMERA_NAME_BYTES, UUID_HEADER_BYTES } from "./layout.ts";

/** What the longest name leaves of the header area. */
const MAX_INIT_BYTES = HEADER_AREA_BYTES - GWRH_BYTES - FREE_HEADER_BYTES - (UUID_HEADER_BYTES + MAX_CAMERA_NAME_BYTES + 4);

export interface RunFormat {
  readonly tracks: readonly ContainerTrack[];
  readonly stored: StoredTracks;
  /** `ftyp` and `moov`. Equal bytes are equal formats. */
  readonly init: Buffer;
  readonly ftypBytes: number;
  /** Parameter sets stand before keyframes and may change within the run. */
  readonly inBand: boolean;
  /** Place of the first video track that is stored, else of the first that is. */
  readonly leadIndex: number;
}

/** Undefined: MP4 has no place for any of the tracks, or what describes them is too large for a chunk's header. */
export function runFormatOf(tracks: readonly ContainerTrack[], inBand = false): RunFormat | undefined {
  const stored = storeTracks(tracks, inBand ? "in-band" : "entry");
  const init = writeInit(stored);
  if (init === undefined) return undefined;
  if (init.bytes.length > MAX_INIT_BYTES) return inBand ? undefined : runFormatOf(tracks, true);
  const firstVideo = stored.findIndex((one) => one?.track.kind === "video");
  const leadIndex = firstVideo >= 0 ? firstVideo : stored.findIndex((one) => one !== undefined);
  return { tracks, stored, init: init.bytes, ftypBytes: init.ftypBytes, inBand, leadIndex };
}

/** The format with which a run whose sets are in-band goes on with other tracks; undefined: more than the sets is different. */
export function formatWithOtherSets(format: RunFormat, tracks: readonly ContainerTrack[]): RunFormat | undefined {
  if (!format.inBand || tracks.length !== format.tracks.length) return undefined;
  const withOldSets = tracks.map((track, index) => ({ ...track, parameters: setsOf(track.parameters, format.tracks[index]!.parameters) }));
  if (runFormatOf(withOldSets, true)?.init.equals(format.init) !== true) return undefined;
  const stored = storeTracks(tracks, "in-band");
  return stored.every((one, index) => (one === undefined) === (format.stored[index] === undefined)) ? { ...format, stored } : undefined;
}

function setsOf(parameters: Parameters, old: Parameters): Parameters {
  return parameters.codec === old.codec && (parameters.codec === "h264" || parameters.codec === "h265") ? old : parameters;
}
