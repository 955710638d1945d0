// Stretches of continuous footage of one camera, out of the index: neighbours are put together, gaps inside chunks take them apart.
import type { GapCause } from "../store.ts";
import type { ChunkFacts, RingIndex } from "./ring-index.ts";

/** Footage that ends and begins within this is continuous. */
const MAX_JOIN_US = 500_000;

/** Continuous, of one boot and one run. */
export interface StampSpan {
  readonly bootCounter: number;
  readonly run: number;
  readonly startUs: number;
  readonly endUs: number;
  readonly sizeBytes: number;
  /** Why footage is missing before it; undefined for the first. */
  readonly gapBefore: GapCause | undefined;
  /** Some of it is. */
  readonly locked: boolean;
  readonly open: boolean;
  /** Places in the camera's order. */
  readonly firstPlace: number;
  readonly lastPlace: number;
}

type Growing = { -readonly [K in keyof StampSpan]: StampSpan[K] };

/** In the order of recording. */
export function* spansOfCamera(index: RingIndex, cameraId: number): Generator<StampSpan> {
  const order = index.camera(cameraId)?.order;
  let span: Growing | undefined;
  for (let place = 0; order !== undefined && place < order.length; place++) {
    const chunk = order.at(place);
    const before = place === 0 ? undefined : order.at(place - 1);
    // Nearly all of a large ring is like that: nothing is made for it.
    if (span !== undefined && before !== undefined && index.isSequel(before, chunk, MAX_JOIN_US)) {
      span.endUs = Math.max(span.endUs, index.endUsOf(chunk));
      span.sizeBytes += index.sizeBytesOf(chunk);
      span.locked ||= index.isPinned(chunk);
      span.open ||= index.stateOf(chunk) === "open";
      span.lastPlace = place;
      continue;
    }
    const facts = index.facts(chunk)!;
    for (const stretch of stretchesOf(index, facts)) {
      const cause = stretch.isFirst ? causeBetween(before === undefined ? undefined : index.facts(before), facts) : stretch.cause;
      if (span !== undefined && cause === undefined) {
        span.endUs = Math.max(span.endUs, stretch.endUs);
        span.sizeBytes += stretch.sizeBytes;
        span.locked ||= facts.pinned;
        span.open ||= facts.open;
        span.lastPlace = place;
        continue;
      }
      if (span !== undefined) yield span;
      span = {
        bootCounter: facts.bootCounter,
        run: facts.run,
        startUs: stretch.startUs,
        endUs: stretch.endUs,
        sizeBytes: stretch.sizeBytes,
        gapBefore: cause,
        locked: facts.pinned,
        open: facts.open,
        firstPlace: place,
        lastPlace: place,
      };
    }
  }
  if (span !== undefined) yield span;
}

interface Stretch {
  readonly isFirst: boolean;
  readonly cause: GapCause | undefined;
  readonly startUs: number;
  readonly endUs: number;
  readonly sizeBytes: number;
}

function* stretchesOf(index: RingIndex, facts: ChunkFacts): Generator<Stretch> {
  const endUs = facts.monoUs + facts.durationMs * 1000;
  const sizeOf = (lengthUs: number) => (facts.durationMs === 0 ? 0 : Math.round((facts.sizeBytes * lengthUs) / (facts.durationMs * 1000)));
  let startUs = facts.monoUs;
  let cause: GapCause | undefined;
  let isFirst = true;
  for (const gap of index.gapsOf(facts.chunk)) {
    if (gap.monoUs <= startUs || gap.monoUs >= endUs) continue;
    yield { isFirst, cause, startUs, endUs: gap.monoUs, sizeBytes: sizeOf(gap.monoUs - startUs) };
    startUs = Math.min(endUs, gap.monoUs + gap.durationMs * 1000);
    cause = gap.cause;
    isFirst = false;
  }
  yield { isFirst, cause, startUs, endUs, sizeBytes: sizeOf(endUs - startUs) };
}

/** Undefined: nothing is missing between the two. */
function causeBetween(before: ChunkFacts | undefined, after: ChunkFacts): GapCause | undefined {
  if (before === undefined) return undefined;
  if (after.gapCause !== undefined) return after.gapCause;
  if (before.bootCounter === after.bootCounter && after.monoUs - (before.monoUs + before.durationMs * 1000) <= MAX_JOIN_US)
    return before.run === after.run ? undefined : "tracks";
  if (before.recovered) return "power";
  // Nobody noted a gap: what was recorded between them has been overwritten or deleted, or was on a bad part of the medium.
  return before.bad ? "disk" : "off";
}
