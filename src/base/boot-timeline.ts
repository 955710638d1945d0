// UTC over the monotonic clock of one boot, as straight lines between its anchors.
import type { TimeQuality, UtcTime } from "./clock.ts";
import { ANCHOR_FLAGS, type ClockAnchor, hasFlag, TRUST, trustOf } from "./clock-anchor.ts";

/** The clock of a machine nobody corrects gains or loses no more than this: 50 ppm. */
export const HOLDOVER_DRIFT = 50e-6;
/** Between two anchors UTC gains or loses no more than this against the monotonic clock: 500 ppm, the kernel's own limit. What is left is a jump. */
const MAX_SLEW = 500e-6;
/** A jump below this is no news to whoever looks for footage by its time. */
const JUMP_US = 50_000;

interface Segment {
  readonly fromMonoUs: number;
  /** A point of the line. */
  readonly pivotMonoUs: number;
  readonly pivotUtcUs: number;
  /** UTC gained per unit of the monotonic clock. */
  readonly slew: number;
  readonly quality: TimeQuality;
  /** Error at the pivot and, where it limits the error too, at the anchor after. NaN: unknown. */
  readonly errorUs: number;
  readonly next: { readonly monoUs: number; readonly errorUs: number } | undefined;
  /** Growth of the error with the distance to either. */
  readonly drift: number;
}

/** Pure and immutable. Times in µs. */
export class BootTimeline {
  /** Of TRUST: the best its anchors have. At `none` UTC is the monotonic time itself. */
  readonly trust: number;
  readonly #segments: readonly Segment[];

  /** Takes the anchors of one boot, ordered by monotonic time, no two at the same. */
  constructor(anchors: readonly ClockAnchor[]) {
    this.trust = anchors.reduce((best, anchor) => Math.max(best, trustOf(anchor)), TRUST.none as number);
    this.#segments = segmentsOf(believedOf(anchors, this.trust));
  }

  utcUsAt(monoUs: number): number {
    return Math.round(lineAt(this.#segmentAt(monoUs), monoUs));
  }

  at(monoUs: number): UtcTime {
    const segment = this.#segmentAt(monoUs);
    const errorUs = errorAt(segment, monoUs);
    return {
      utcUs: Math.round(lineAt(segment, monoUs)),
      quality: segment.quality,
      errorMs: Number.isNaN(errorUs) ? undefined : errorUs / 1000,
    };
  }

  /** The stretches of [0, endMonoUs] whose UTC lies in [fromUtcUs, toUtcUs], in order. UTC does not jump inside of one. */
  ranges(fromUtcUs: number, toUtcUs: number, endMonoUs: number): { fromMonoUs: number; toMonoUs: number }[] {
    const found: { fromMonoUs: number; toMonoUs: number }[] = [];
    for (const [index, segment] of this.#segments.entries()) {
      const nextFromUs = this.#segments[index + 1]?.fromMonoUs ?? Number.POSITIVE_INFINITY;
      const from = Math.max(segment.fromMonoUs, 0, Math.round(inverseAt(segment, fromUtcUs)));
      const to = Math.min(nextFromUs - 1, endMonoUs, Math.round(inverseAt(segment, toUtcUs)));
      if (from > to) continue;
      const last = found.at(-1);
      if (last !== undefined && last.toMonoUs + 1 >= from && !this.#jumpsInto(index)) last.toMonoUs = to;
      else found.push({ fromMonoUs: from, toMonoUs: to });
    }
    return found;
  }

  /** The least and the greatest UTC of [0, endMonoUs]. */
  utcBounds(endMonoUs: number): { readonly leastUs: number; readonly greatestUs: number } {
    let leastUs = Number.POSITIVE_INFINITY;
    let greatestUs = Number.NEGATIVE_INFINITY;
    for (const [index, segment] of this.#segments.entries()) {
      const lastMonoUs = Math.min((this.#segments[index + 1]?.fromMonoUs ?? Number.POSITIVE_INFINITY) - 1, endMonoUs);
      leastUs = Math.min(leastUs, lineAt(segment, Math.max(segment.fromMonoUs, 0)));
      greatestUs = Math.max(greatestUs, lineAt(segment, lastMonoUs));
    }
    return { leastUs, greatestUs };
  }

  /** Whether some stamp has another UTC time, by more than `toleranceUs`, or another quality than in `other`. */
  differsFrom(other: BootTimeline, toleranceUs: number): boolean {
    // Both are straight between the ends of their segments: they differ most there.
    const ends = [...this.#segments, ...other.#segments].flatMap(({ fromMonoUs }) => [fromMonoUs - 1, fromMonoUs]);
    return [0, ...ends.filter((monoUs) => monoUs > 0)].some((monoUs) => {
      const [mine, its] = [this.#segmentAt(monoUs), other.#segmentAt(monoUs)];
      return mine.quality !== its.quality || Math.abs(lineAt(mine, monoUs) - lineAt(its, monoUs)) > toleranceUs;
    });
  }

  /** UTC at the segment's start is not that of the end of the one before. */
  #jumpsInto(index: number): boolean {
    const [before, after] = [this.#segments[index - 1]!, this.#segments[index]!];
    return Math.abs(lineAt(after, after.fromMonoUs) - lineAt(before, after.fromMonoUs)) > JUMP_US;
  }

  #segmentAt(monoUs: number): Segment {
    const segments = this.#segments;
    let low = 0;
    for (let high = segments.length; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if (segments[middle]!.fromMonoUs <= monoUs) low = middle;
      else high = middle;
    }
    return segments[low]!;
  }
}

/** The anchors that count: what came before the first of the best is overruled by it. */
function believedOf(anchors: readonly ClockAnchor[], best: number): readonly ClockAnchor[] {
  if (best === TRUST.none) return [];
  const fromBest = anchors.slice(anchors.findIndex((anchor) => trustOf(anchor) === best));
  // A synchronised clock and a hint are held through whatever happens to the wall clock. The others are the wall clock, and follow it.
  if (best === TRUST.synced || best === TRUST.hint) return fromBest.filter((anchor) => trustOf(anchor) === best);
  return fromBest.filter((anchor) => ![TRUST.none, TRUST.hint].some((trust) => trust === trustOf(anchor)));
}

function segmentsOf(anchors: readonly ClockAnchor[]): Segment[] {
  const [first] = anchors;
  if (first === undefined) {
    const identity = { pivotMonoUs: 0, pivotUtcUs: 0, slew: 0, quality: "none", errorUs: Number.NaN, next: undefined, drift: 0 } as const;
    return [{ fromMonoUs: Number.NEGATIVE_INFINITY, ...identity }];
  }
  return [
    { ...freeSegment(first), fromMonoUs: Number.NEGATIVE_INFINITY },
    ...anchors.map((anchor, index) => segmentBetween(anchor, anchors[index + 1])),
  ];
}

/** From an anchor on, or back from it, with nothing else to go by. */
function freeSegment(anchor: ClockAnchor): Segment {
  const { monoUs, utcUs, quality } = anchor;
  const line = { fromMonoUs: monoUs, pivotMonoUs: monoUs, pivotUtcUs: utcUs, slew: 0, quality };
  return { ...line, errorUs: anchor.errorUs ?? Number.NaN, next: undefined, drift: HOLDOVER_DRIFT };
}

function segmentBetween(anchor: ClockAnchor, next: ClockAnchor | undefined): Segment {
  const free = freeSegment(anchor);
  if (next === undefined || hasFlag(next.flags, ANCHOR_FLAGS.step)) return free;
  const elapsedUs = next.monoUs - anchor.monoUs;
  const gainedUs = next.utcUs - anchor.utcUs - elapsedUs;
  const slew = Math.min(Math.max(gainedUs / elapsedUs, -MAX_SLEW), MAX_SLEW);
  const jumpUs = Math.abs(gainedUs - slew * elapsedUs);
  const errorUs = (anchor.errorUs ?? Number.NaN) + jumpUs;
  const nextErrorUs = (next.errorUs ?? Number.NaN) + jumpUs;
  // Whoever was synchronised at both ends was so between them. Otherwise the error grows away from both.
  return hasFlag(anchor.flags, ANCHOR_FLAGS.lost)
    ? { ...free, slew, errorUs, next: { monoUs: next.monoUs, errorUs: nextErrorUs } }
    : { ...free, slew, errorUs: Math.max(errorUs, nextErrorUs), drift: 0 };
}

function lineAt({ pivotMonoUs, pivotUtcUs, slew }: Segment, monoUs: number): number {
  const elapsedUs = monoUs - pivotMonoUs;
  return pivotUtcUs + elapsedUs + (slew === 0 ? 0 : elapsedUs * slew);
}

function inverseAt({ pivotMonoUs, pivotUtcUs, slew }: Segment, utcUs: number): number {
  return pivotMonoUs + (utcUs - pivotUtcUs) / (1 + slew);
}

function errorAt({ pivotMonoUs, errorUs, next, drift }: Segment, monoUs: number): number {
  const fromPivotUs = errorUs + drift * Math.abs(monoUs - pivotMonoUs);
  if (next === undefined) return fromPivotUs;
  const fromNextUs = next.errorUs + drift * Math.abs(next.monoUs - monoUs);
  return Math.min(fromPivotUs, fromNextUs);
}
