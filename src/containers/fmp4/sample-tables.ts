// The sample tables of a plain MP4 file: times, sizes, places and keyframes; ISO/IEC 14496-12 §8.6.1, §8.6.2, §8.7.3 to §8.7.5.
import type { BoxWriter } from "./box-writer.ts";
import type { SampleRange } from "./parse-fragment.ts";

/** `sizeBytes`: what `storedSizeBytes` says of the sample. */
export type Mp4Sample = Omit<SampleRange, "offset">;

/** Samples of one track that stand one behind the other. */
export interface Mp4Chunk {
  readonly trackIndex: number;
  readonly firstSample: number;
  readonly sampleCount: number;
  /** In the file. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/** What stands behind `stsd`. `media`: where offset 0 of the chunks is in the file, and whether offsets have 64 bits. */
export function writeSampleTables(
  writer: BoxWriter,
  samples: readonly Mp4Sample[],
  chunks: readonly Mp4Chunk[],
  media: { readonly offset: number; readonly isLong: boolean },
): void {
  writeRuns(writer, "stts", 0, samples, durationAt);
  if (samples.some(({ ptsOffsetTicks }) => ptsOffsetTicks !== 0)) {
    writeRuns(writer, "ctts", 1, samples, (_, i) => samples[i]!.ptsOffsetTicks | 0); // version 1: signed
  }
  if (samples.some(({ keyframe }) => !keyframe)) writeSyncSamples(writer, samples);
  writeChunkLengths(writer, chunks);
  writer.fullBox("stsz", 0, 0, () => {
    writer.u32(0).u32(samples.length); // each has a size of its own
    for (const { sizeBytes } of samples) writer.u32(sizeBytes);
  });
  writer.fullBox(media.isLong ? "co64" : "stco", 0, 0, () => {
    writer.u32(chunks.length);
    for (const { offset } of chunks) writer.time(media.offset + offset, media.isLong ? 1 : 0);
  });
}

/** Up to the next sample's decode time, as in a fragment. */
function durationAt(samples: readonly Mp4Sample[], i: number): number {
  const sample = samples[i]!;
  const next = samples[i + 1];
  const ticks = next === undefined ? sample.durationTicks : next.dtsTicks - sample.dtsTicks;
  return Math.min(0xffff_ffff, Math.max(0, ticks));
}

/** A table of equal values one after the other: count, value. */
function writeRuns(
  writer: BoxWriter,
  type: string,
  version: number,
  samples: readonly Mp4Sample[],
  valueAt: (samples: readonly Mp4Sample[], i: number) => number,
): void {
  const runs: { count: number; readonly value: number }[] = [];
  for (let i = 0; i < samples.length; i++) {
    const value = valueAt(samples, i);
    const last = runs[runs.length - 1];
    if (last?.value === value) last.count++;
    else runs.push({ count: 1, value });
  }
  writer.fullBox(type, version, 0, () => {
    writer.u32(runs.length);
    for (const { count, value } of runs) writer.u32(count).u32(value >>> 0);
  });
}

function writeSyncSamples(writer: BoxWriter, samples: readonly Mp4Sample[]): void {
  const numbers: number[] = [];
  for (const [i, { keyframe }] of samples.entries()) if (keyframe) numbers.push(i + 1);
  writer.fullBox("stss", 0, 0, () => {
    writer.u32(numbers.length);
    for (const number of numbers) writer.u32(number);
  });
}

/** Runs of chunks with the same number of samples: first chunk, samples, description. */
function writeChunkLengths(writer: BoxWriter, chunks: readonly Mp4Chunk[]): void {
  const runs: { readonly first: number; readonly sampleCount: number }[] = [];
  for (const [i, { sampleCount }] of chunks.entries()) {
    if (runs[runs.length - 1]?.sampleCount !== sampleCount) runs.push({ first: i + 1, sampleCount });
  }
  writer.fullBox("stsc", 0, 0, () => {
    writer.u32(runs.length);
    for (const { first, sampleCount } of runs) writer.u32(first).u32(sampleCount).u32(1);
  });
}
