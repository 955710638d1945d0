// The 90 kHz clock of MPEG-TS timestamps, ISO/IEC 13818-1 §2.4.2.1: 33 bits, which wrap every 26.5 hours.

const TS_CLOCK_HZ = 90_000;
const WRAP_TICKS = 2 ** 33;

/** Milliseconds in 90 kHz ticks. */
export function tsTicksOfMs(ms: number): number {
  return (ms * TS_CLOCK_HZ) / 1000;
}

/** Ticks of another clock in 90 kHz ticks, rounded down; not wrapped. Exact while the result is a safe integer. */
export function tsTicksOf(ticks: number, clockRateHz: number): number {
  if (clockRateHz === TS_CLOCK_HZ) return ticks;
  const seconds = Math.floor(ticks / clockRateHz);
  const rest = ticks - seconds * clockRateHz;
  return seconds * TS_CLOCK_HZ + Math.floor((rest * TS_CLOCK_HZ) / clockRateHz);
}

/** What of it a timestamp field holds: 0 … 2^33 − 1. */
export function wrapTsTicks(tsTicks: number): number {
  const wrapped = tsTicks % WRAP_TICKS;
  return wrapped < 0 ? wrapped + WRAP_TICKS : wrapped;
}
