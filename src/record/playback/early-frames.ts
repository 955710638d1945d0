// Frames that a decoder needs before the first that is to be seen: how they are got through in no time.
import type { Sample } from "#containers/sample.ts";

/** ffmpeg warns of a step of decode time that is so many times as long as those before. */
const MAX_STEP_RATIO = 1000;

/**
 * Samples of a video track with times from the start, some of them before it. What is decoded before the start is decoded at the start, tick by tick, and
 * shown so in its order; what comes then is moved where the ticks reach it. It is a few ticks and not nothing, as with MediaMTX, because browsers show
 * frames without duration for as long as any other.
 */
export function notBeforeStart(samples: readonly Sample[]): readonly Sample[] {
  const early = samples.map(ptsOf).filter((pts) => pts <= 0);
  if (early.length === 0 && samples[0]!.dtsTicks >= 0) return samples;
  early.sort((a, b) => a - b);
  const stepTicks = Math.ceil(
    Math.max(1, ...samples.map(({ dtsTicks, durationTicks }) => (dtsTicks < 0 ? durationTicks : 0))) / MAX_STEP_RATIO,
  );
  let freeTicks = 0;
  const dts = samples.map(({ dtsTicks }) => {
    const moved = Math.max(dtsTicks, freeTicks);
    freeTicks = moved + (dtsTicks < 0 ? stepTicks : 1);
    return moved;
  });
  const placeOf = (sample: Sample): number => early.lastIndexOf(ptsOf(sample)) * stepTicks;
  const delayTicks = samples.reduce((most, sample, i) => (ptsOf(sample) <= 0 ? Math.max(most, dts[i]! - placeOf(sample)) : most), 0);
  return samples.map((sample, i) => {
    const pts = ptsOf(sample) <= 0 ? placeOf(sample) + delayTicks : Math.max(ptsOf(sample), early.length * stepTicks + delayTicks, dts[i]!);
    const endTicks = sample.dtsTicks + sample.durationTicks;
    return { ...sample, dtsTicks: dts[i]!, ptsOffsetTicks: pts - dts[i]!, durationTicks: Math.max(1, endTicks - dts[i]!) };
  });
}

function ptsOf({ dtsTicks, ptsOffsetTicks }: Sample): number {
  return dtsTicks + ptsOffsetTicks;
}
