// Spans and UTC: which part of a span lies between two instants, by what is known of the clock now.
import type { BootClock, StampRange, UtcTime } from "#base/clock.ts";
import type { StampSpan } from "./camera-spans.ts";

export interface SpanPart {
  readonly startUs: number;
  readonly endUs: number;
  readonly startUtc: UtcTime;
}

/** Stamps between two instants; undefined: all there are. */
export function wantedRanges(
  clock: BootClock,
  fromUtcUs: number | undefined,
  toUtcUs: number | undefined,
): readonly StampRange[] | undefined {
  if (fromUtcUs === undefined && toUtcUs === undefined) return undefined;
  return clock.rangesOf(fromUtcUs ?? 0, toUtcUs ?? Number.MAX_SAFE_INTEGER);
}

/** From the first to the last stamp of the span that is in one of `ranges`. Undefined: none is. */
export function partOfSpan(span: StampSpan, clock: BootClock, ranges: readonly StampRange[] | undefined): SpanPart | undefined {
  const { bootCounter } = span;
  let startUs = ranges === undefined ? span.startUs : Number.POSITIVE_INFINITY;
  let endUs = ranges === undefined ? span.endUs : Number.NEGATIVE_INFINITY;
  for (const range of ranges ?? []) {
    if (range.bootCounter !== bootCounter || range.fromMonoUs >= span.endUs || range.toMonoUs <= span.startUs) continue;
    startUs = Math.min(startUs, Math.max(span.startUs, range.fromMonoUs));
    endUs = Math.max(endUs, Math.min(span.endUs, range.toMonoUs));
  }
  return startUs < endUs ? { startUs, endUs, startUtc: clock.utcOfStamp({ bootCounter, monoUs: startUs }) } : undefined;
}
