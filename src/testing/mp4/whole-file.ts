// Whole MP4 files, read and written at once, as tests want them.

import { writeFragment } from "#containers/fmp4/fragment.ts";
import { type InitOptions, writeInit } from "#containers/fmp4/init.ts";
import { parseMoof } from "#containers/fmp4/parse-fragment.ts";
import { type ParsedInit, readInit } from "#containers/fmp4/parse-init.ts";
import { type Mp4Options, type Mp4Plan, planMp4 } from "#containers/fmp4/progressive.ts";
import { pullFrom } from "#containers/fmp4/pull.ts";
import { readSamples } from "#containers/fmp4/read-samples.ts";
import { type FragmentPlace, nextFragment } from "#containers/fmp4/scan.ts";
import { oneFrameEach, storedParts, storedSizeBytes } from "#containers/fmp4/stored-sample.ts";
import type { StoredTracks } from "#containers/fmp4/stored-track.ts";
import type { TrackSamples } from "#containers/sample.ts";

export interface FragmentedFile {
  readonly init: ParsedInit;
  readonly places: readonly FragmentPlace[];
  /** For each fragment, what is whole in the file. */
  readonly fragments: readonly (readonly TrackSamples[])[];
}

/** Undefined when there is no head, or a fragment that cannot be read. */
export function readFragmentedFile(bytes: Buffer): FragmentedFile | undefined {
  const init = pullFrom(readInit(), bytes);
  if (init === undefined) return undefined;
  const places: FragmentPlace[] = [];
  const fragments: TrackSamples[][] = [];
  for (let offset = init.endOffset; ; ) {
    const place = pullFrom(nextFragment(offset, bytes.length), bytes);
    if (place === undefined) return { init, places, fragments };
    const ranges = parseMoof(init, place.moof, place.moofOffset);
    if (ranges === undefined) return undefined;
    places.push(place);
    fragments.push(readSamples(init, ranges, bytes, 0));
    offset = place.endOffset;
  }
}

export function writeFragmentedFile(
  tracks: StoredTracks,
  fragments: readonly (readonly TrackSamples[])[],
  options: InitOptions & { readonly originTicks?: readonly number[] } = {},
): Buffer {
  const written = fragments.map((samples, sequenceNumber) => {
    const { originTicks } = options;
    return writeFragment(tracks, samples, originTicks === undefined ? { sequenceNumber } : { sequenceNumber, originTicks });
  });
  return Buffer.concat([writeInit(tracks, options)!.bytes, ...written.flatMap((fragment) => fragment?.buffers ?? [])]);
}

/** All samples of one track. */
export function samplesOf(fragments: FragmentedFile["fragments"], trackIndex: number): TrackSamples["samples"] {
  return fragments.flatMap((tracks) => tracks.filter((track) => track.trackIndex === trackIndex).flatMap(({ samples }) => samples));
}

/** A plain MP4 file with its media. */
export function writeProgressiveFile(
  tracks: StoredTracks,
  samples: readonly TrackSamples["samples"][],
  options?: Mp4Options,
): { readonly bytes: Buffer; readonly plan: Mp4Plan } | undefined {
  const single = samples.map((own, trackIndex) => (tracks[trackIndex] === undefined ? [] : oneFrameEach(tracks[trackIndex], own)));
  const sizes = single.map((own, trackIndex) =>
    own.map((sample) => ({ ...sample, sizeBytes: storedSizeBytes(tracks[trackIndex]!, sample) })),
  );
  const plan = planMp4(tracks, sizes, options);
  if (plan === undefined) return undefined;
  const media = plan.chunks.flatMap(({ trackIndex, firstSample, sampleCount }) => {
    return single[trackIndex]!.slice(firstSample, firstSample + sampleCount).flatMap((sample) => storedParts(tracks[trackIndex]!, sample));
  });
  return { plan, bytes: Buffer.concat([plan.head, ...media]) };
}
