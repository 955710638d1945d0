// Spans and UTC: which parts of a span lie between two instants, by what is known of the clock now.
import type { BootClock, StampRange, UtcTime } from "#base/clock.ts";

/** Footage of one boot, by its monotonic clock. */
export interface StampedSpan {
  readonly bootCounter: number;
  readonly startUs: number;
  readonly endUs: number;
}

/** In it UTC runs on without a jump: a span that was recorded while the clock was set has several. */
export interface SpanPart {
  readonly startUs: number;
  readonly endUs: number;
  readonly startUtc: UtcTime;
  /** UTC has not jumped since this stamp. */
  readonly steadyFromUs: number;
}

/** What somebody wants, in stamps. */
export interface WantedStamps {
  /** Of all there are, those between which UTC does not jump. */
  readonly steady: readonly StampRange[];
  /** Between the two instants; undefined: all. */
  readonly ranges: readonly StampRange[] | undefined;
}

export function wantedStamps(clock: BootClock, fromUtcUs: number | undefined, toUtcUs: number | undefined): WantedStamps {
  const [first, last] = [0, Number.MAX_SAFE_INTEGER];
  const isAll = fromUtcUs === undefined && toUtcUs === undefined;
  return { steady: clock.rangesOf(first, last), ranges: isAll ? undefined : clock.rangesOf(fromUtcUs ?? first, toUtcUs ?? last) };
}

/** In the order of recording; none where nothing of the span is wanted. */
export function partsOfSpan(span: StampedSpan, clock: BootClock, { steady, ranges }: WantedStamps): readonly SpanPart[] {
  const { bootCounter } = span;
  const parts: SpanPart[] = [];
  for (const one of steady) {
    const [fromUs, toUs] = [Math.max(span.startUs, one.fromMonoUs), Math.min(span.endUs, one.toMonoUs + 1)];
    if (one.bootCounter !== bootCounter || fromUs >= toUs) continue;
    let startUs = ranges === undefined ? fromUs : Number.POSITIVE_INFINITY;
    let endUs = ranges === undefined ? toUs : Number.NEGATIVE_INFINITY;
    for (const range of ranges ?? []) {
      if (range.bootCounter !== bootCounter || range.fromMonoUs >= toUs || range.toMonoUs <= fromUs) continue;
      startUs = Math.min(startUs, Math.max(fromUs, range.fromMonoUs));
      endUs = Math.max(endUs, Math.min(toUs, range.toMonoUs));
    }
    if (startUs >= endUs) continue;
    parts.push({ startUs, endUs, startUtc: clock.utcOfStamp({ bootCounter, monoUs: startUs }), steadyFromUs: one.fromMonoUs });
  }
  return parts;
}
