// Which chunks hold the footage of a stretch of time.
import type { BootClock } from "#base/clock.ts";
import { partsOfSpan, wantedStamps } from "../span-times.ts";
import type { GapCause } from "../store.ts";
import { type StampSpan, spansOfCamera } from "./camera-spans.ts";
import type { RingIndex } from "./ring-index.ts";

/** A group of pictures that is longer than this many chunks is not looked for. */
const MAX_CHUNKS_BACK = 8;

export interface ChunkRef {
  readonly chunk: number;
  readonly gen: number;
  /** Why footage of the run is missing between it and the chunk before. */
  readonly gapBefore?: GapCause | undefined;
}

export interface ChunkPart extends ChunkRef {
  /** What is wanted of it, by the monotonic clock. */
  readonly fromUs: number;
  readonly toUs: number;
}

/** Footage of one boot and one run, in which UTC does not jump. */
export interface ReadGroup {
  readonly bootCounter: number;
  /** UTC has not jumped since this stamp. */
  readonly steadyFromUs: number;
  readonly gapBefore: GapCause | undefined;
  readonly parts: readonly ChunkPart[];
  /** Where the keyframe may be if the first part begins with none: the chunks before it, nearest first. */
  readonly back: readonly ChunkRef[];
}

type Growing = ReadGroup & { readonly run: number; readonly parts: ChunkPart[] };

export function planRead(index: RingIndex, cameraId: number, clock: BootClock, fromUtcUs: number, toUtcUs: number): ReadGroup[] {
  const groups: Growing[] = [];
  const stamps = wantedStamps(clock, fromUtcUs, toUtcUs);
  for (const span of spansOfCamera(index, cameraId)) {
    for (const { startUs, endUs, steadyFromUs } of partsOfSpan(span, clock, stamps)) {
      const parts = partsOf(index, cameraId, span, startUs, endUs);
      const [first] = parts;
      if (first === undefined) continue;
      const group = groups.at(-1);
      if (group?.bootCounter === span.bootCounter && group.run === span.run && group.steadyFromUs === steadyFromUs) {
        addParts(group.parts, parts, span.gapBefore);
        continue;
      }
      const back = chunksBefore(index, cameraId, span, first.chunk);
      // What is missing before the first does not concern who did not ask for it; at a jump nothing is missing.
      const gapBefore = group === undefined || startUs > span.startUs ? undefined : span.gapBefore;
      groups.push({ bootCounter: span.bootCounter, run: span.run, steadyFromUs, gapBefore, parts, back });
    }
  }
  return groups;
}

function partsOf(index: RingIndex, cameraId: number, span: StampSpan, startUs: number, endUs: number): ChunkPart[] {
  const order = index.camera(cameraId)!.order;
  const parts: ChunkPart[] = [];
  for (let place = span.firstPlace; place <= span.lastPlace; place++) {
    const { chunk, gen, monoUs, durationMs } = index.facts(order.at(place))!;
    const fromUs = Math.max(startUs, monoUs);
    const toUs = Math.min(endUs, monoUs + durationMs * 1000);
    if (fromUs < toUs) parts.push({ chunk, gen, fromUs, toUs });
  }
  return parts;
}

/** A gap inside a chunk makes two spans with a part of it each. */
function addParts(parts: ChunkPart[], more: readonly ChunkPart[], gapBefore: GapCause | undefined): void {
  for (const [place, part] of more.entries()) {
    const last = parts.at(-1)!;
    if (last.chunk === part.chunk) parts[parts.length - 1] = { ...last, toUs: part.toUs };
    else parts.push(place === 0 ? { ...part, gapBefore } : part);
  }
}

function chunksBefore(index: RingIndex, cameraId: number, span: StampSpan, chunk: number): ChunkRef[] {
  const order = index.camera(cameraId)!.order;
  const before: ChunkRef[] = [];
  let isReached = false;
  for (let place = span.lastPlace; place >= span.firstPlace && before.length < MAX_CHUNKS_BACK; place--) {
    if (isReached) before.push({ chunk: order.at(place), gen: index.genOf(order.at(place)) });
    else isReached = order.at(place) === chunk;
  }
  return before;
}
