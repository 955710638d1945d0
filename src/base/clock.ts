// The two clocks of a gateway: a monotonic one that stamps everything, and UTC, computed from it when somebody asks.

/** How far a UTC time can be trusted, worst first. */
export type TimeQuality = "none" | "est" | "hint" | "rtc" | "ntp" | "ptp";

/** A UTC instant with what is known about it. `utcUs` counts microseconds since 1970; `errorMs` bounds its error where known. */
export interface UtcTime {
  readonly utcUs: number;
  readonly quality: TimeQuality;
  readonly errorMs: number | undefined;
}

export interface Clock {
  /** Monotonic microseconds of this boot. Safe as a number for 285 years. */
  nowUs(): number;
  /** UTC of a monotonic stamp of this boot, by what is known now. */
  utcOf(monotonicUs: number): UtcTime;
}

/** UTC as the offset of the wall clock to the monotonic clock at the time of the question: right as long as nobody steps the wall clock. */
export class SystemClock implements Clock {
  nowUs(): number {
    return Math.round(performance.now() * 1000);
  }

  utcOf(monotonicUs: number): UtcTime {
    const offsetUs = Date.now() * 1000 - this.nowUs();
    return { utcUs: monotonicUs + offsetUs, quality: "est", errorMs: undefined };
  }
}
