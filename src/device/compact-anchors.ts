// Which clock anchors a log has to keep: those that change what the others say.
import { ANCHOR_FLAGS, type ClockAnchor, hasFlag, trustOf } from "#base/clock-anchor.ts";

/** An anchor this close to where the one before leads adds nothing. */
const SAME_LINE_US = 2000;
/** What is kept of a boot whose clock was set over and over: its latest anchors, and its ends. */
const RESTLESS_BOOT_ANCHORS = 16;

/** No more than `limit`, ordered by boot and time. The oldest boots go last of all, but then as a whole. */
export function compactAnchors(anchors: readonly ClockAnchor[], limit: number): ClockAnchor[] {
  let boots = bootsOf(anchors).map(withoutRepeats);
  if (sum(boots) > limit) boots = boots.map(withoutUnrest);
  let excess = sum(boots) - limit;
  let first = 0;
  for (; excess > 0 && first < boots.length - 1; first++) excess -= boots[first]!.length;
  return boots.slice(first).flat();
}

function sum(boots: readonly (readonly ClockAnchor[])[]): number {
  return boots.reduce((total, boot) => total + boot.length, 0);
}

/** By counter, each in the order of time. */
function bootsOf(anchors: readonly ClockAnchor[]): ClockAnchor[][] {
  const boots = new Map<number, ClockAnchor[]>();
  for (const anchor of anchors) {
    const boot = boots.get(anchor.bootCounter);
    if (boot === undefined) boots.set(anchor.bootCounter, [anchor]);
    else boot.push(anchor);
  }
  return [...boots.values()]
    .map((boot) => boot.sort((one, other) => one.monoUs - other.monoUs))
    .sort(([one], [other]) => one!.bootCounter - other!.bootCounter);
}

/** Without those in the middle of a stretch that is straight and of one kind. */
function withoutRepeats(boot: readonly ClockAnchor[]): ClockAnchor[] {
  let lastOffsetUs = Number.NaN;
  return boot.filter((anchor, index) => {
    const offsetUs = anchor.utcUs - anchor.monoUs;
    const isRepeat =
      kindOf(anchor) === kindOf(boot[index - 1]) &&
      kindOf(anchor) === kindOf(boot[index + 1]) &&
      !hasFlag(anchor.flags, ANCHOR_FLAGS.step) &&
      Math.abs(offsetUs - lastOffsetUs) <= SAME_LINE_US;
    if (!isRepeat) lastOffsetUs = offsetUs;
    return !isRepeat;
  });
}

function kindOf(anchor: ClockAnchor | undefined): string | undefined {
  return anchor && `${anchor.quality} ${anchor.flags & (ANCHOR_FLAGS.stable | ANCHOR_FLAGS.lost)}`;
}

/** The first anchor, the first of the best, and the latest. */
function withoutUnrest(boot: readonly ClockAnchor[]): ClockAnchor[] {
  const best = boot.reduce((trust, anchor) => Math.max(trust, trustOf(anchor)), 0);
  const firstOfBest = boot.findIndex((anchor) => trustOf(anchor) === best);
  return boot.filter((_, index) => index === 0 || index === firstOfBest || index >= boot.length - RESTLESS_BOOT_ANCHORS);
}
