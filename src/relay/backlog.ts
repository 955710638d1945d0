// The open GOP as a new reader gets it: one that ends at the live edge in sequence numbers and in time.
import { restamped, shifted, type TrackOutput } from "./track-output.ts";
import type { Face, Unit } from "./unit.ts";

/**
 * Between two frames of a backlog. Not 0: players drop frames of equal time. No more, because a backlog arrives all at once: times that run
 * ahead of the arrival are a fast clock to GStreamer's jitter buffer, which holds them back until its decoder shows a GOP in its full length.
 */
const STEP_TICKS = 1;

/**
 * The units with times drawn together, strictly increasing in display order; for the packet face also with sequence numbers that
 * count backwards from the next one. Units without the wanted face are left out. Packets are copied for it, or with `sharesBytes`
 * stay where they are, for readers that put the numbers on themselves: their bytes must then last as long as somebody refers to them.
 */
export function makeBacklog(units: readonly Unit[], face: Face, output: TrackOutput, sharesBytes = false): readonly Unit[] {
  const usable = units.filter((unit) => unit[face] !== undefined);
  const ptsOf = drawTogether(usable);
  if (face === "frame") return usable.map((unit, i) => ({ ...unit, ptsTicks: ptsOf[i]! }));
  let sequence = output.nextSequence;
  for (const unit of usable) sequence -= unit.packets!.count;
  return usable.map((unit, i) => {
    const ptsTicks = ptsOf[i]!;
    const renumber = sharesBytes ? shifted : restamped;
    const packets = renumber(unit.packets!, sequence & 0xffff, output.rtpTimestamp(ptsTicks));
    sequence += packets.count;
    return { ...unit, ptsTicks, packets };
  });
}

/** As many frames as may be displayed after one that is still to come keep their true time; those before them end there. */
function drawTogether(units: readonly Unit[]): readonly number[] {
  const last = units[units.length - 1];
  if (last === undefined) return [];
  const ptsOf = units.map((unit) => unit.ptsTicks);
  const order = units.map((_, i) => i).sort((a, b) => ptsOf[a]! - ptsOf[b]!);
  const settled = Math.max(0, order.length - 1 - last.track.reorderFrames);
  const endTicks = ptsOf[order[settled]!]!;
  for (let rank = settled - 1; rank >= 0; rank--) ptsOf[order[rank]!] = endTicks - (settled - rank) * STEP_TICKS;
  return ptsOf;
}
