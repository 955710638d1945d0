// A clock that stands still until a test moves it.
import type { Clock, UtcTime } from "#base/clock.ts";

export class FakeClock implements Clock {
  us: number;
  /** UTC of monotonic 0, µs since 1970. */
  utcOffsetUs = 1_700_000_000_000_000;

  constructor(us = 1_000_000) {
    this.us = us;
  }

  nowUs(): number {
    return this.us;
  }

  utcOf(monotonicUs: number): UtcTime {
    return { utcUs: monotonicUs + this.utcOffsetUs, quality: "ntp", errorMs: undefined };
  }

  passMs(ms: number): void {
    this.us += ms * 1000;
  }
}
