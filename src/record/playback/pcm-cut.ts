// Uncompressed sound can be cut at any sample: a clip with it begins and ends exactly.
import type { Parameters } from "#codecs/codec.ts";
import type { Sample } from "#containers/sample.ts";

/** Of one tick of sound, all channels; undefined where sound comes in frames that cannot be cut. */
function tickBytes(parameters: Parameters, clockRateHz: number): number | undefined {
  if (parameters.codec === "g711" && parameters.sampleRateHz === clockRateHz) return parameters.channelCount;
  if (parameters.codec === "lpcm" && parameters.sampleRateHz === clockRateHz) return (parameters.bitDepth / 8) * parameters.channelCount;
  return undefined;
}

/** What of a sample lies from tick 0 on and before `endTicks`; other sound as it is. */
export function cutSound(sample: Sample, parameters: Parameters, clockRateHz: number, endTicks: number): Sample {
  const size = tickBytes(parameters, clockRateHz);
  const { dtsTicks, durationTicks } = sample;
  const skipped = Math.max(0, -dtsTicks);
  if (size === undefined || skipped >= durationTicks) return sample;
  const bytes = sample.frame.length === 1 ? sample.frame[0]! : Buffer.concat(sample.frame);
  if (skipped === 0 && bytes.length <= (endTicks - dtsTicks) * size) return sample;
  const frame = [bytes.subarray(skipped * size, (endTicks - dtsTicks) * size)];
  return { ...sample, dtsTicks: dtsTicks + skipped, durationTicks: durationTicks - skipped, frame };
}
