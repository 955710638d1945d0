// The bounds of a clip, moved to frames. UTC of footage is known a little otherwise after each start of the gateway, by microseconds: a clip that begins and
// ends between frames is other bytes then, one that begins and ends with a frame is not.
import type { RecordingIndex } from "../recording-index.ts";
import { type ClipPart, ClipReader, type ClipWish, leadOf } from "./clip-reader.ts";

/** Longer than any frame is shown. */
const BEFORE_END_US = 10_000_000;

/** The same wish from the first picture that it shows, to the beginning of the last one. Where there is no such picture a bound stays. */
export async function atWholeFrames(index: RecordingIndex, wish: ClipWish, signal: AbortSignal): Promise<ClipWish> {
  const fromUtcUs = (await firstPicture(index, wish, signal)) ?? wish.fromUtcUs;
  const toUtcUs =
    (await lastFrame(index, { ...wish, fromUtcUs: Math.max(fromUtcUs, wish.toUtcUs - BEFORE_END_US) }, signal)) ?? wish.toUtcUs;
  return fromUtcUs < toUtcUs ? { ...wish, fromUtcUs, toUtcUs } : wish;
}

async function firstPicture(index: RecordingIndex, wish: ClipWish, signal: AbortSignal): Promise<number | undefined> {
  for await (const part of new ClipReader(index, wish).parts(signal)) {
    const shown = (leadOf(part)?.samples ?? []).map(({ dtsTicks, ptsOffsetTicks }) => dtsTicks + ptsOffsetTicks).filter((pts) => pts >= 0);
    if (shown.length > 0) return utcUsOf(part, Math.min(...shown));
  }
  signal.throwIfAborted();
  return undefined;
}

/** When the frame begins, in decode order, that the end of the wish cuts off. Undefined: it cuts none off. */
async function lastFrame(index: RecordingIndex, wish: ClipWish, signal: AbortSignal): Promise<number | undefined> {
  let last: { readonly beginUtcUs: number; readonly endUtcUs: number } | undefined;
  for await (const part of new ClipReader(index, wish).parts(signal)) {
    const sample = leadOf(part)?.samples.at(-1);
    if (sample === undefined) continue;
    const { dtsTicks, durationTicks } = sample;
    last = { beginUtcUs: utcUsOf(part, dtsTicks), endUtcUs: utcUsOf(part, dtsTicks + durationTicks) };
  }
  signal.throwIfAborted();
  const isCut = last !== undefined && last.endUtcUs > wish.toUtcUs - 1000;
  return isCut ? last!.beginUtcUs : undefined;
}

function utcUsOf(part: ClipPart, ticks: number): number {
  const { epochUtcUs, originTicks, tracks } = part.placement;
  const { trackIndex } = leadOf(part)!;
  return epochUtcUs + ((ticks + originTicks[trackIndex]!) * 1e6) / tracks[trackIndex]!.track.clockRateHz;
}
