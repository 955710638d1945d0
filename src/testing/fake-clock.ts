// A clock that stands still until a test moves it.
import type { BootClock, Stamp, StampRange, UtcTime } from "#base/clock.ts";

/** Of a first boot, whose UTC is known from the start: a test that changes `utcOffsetUs` says that it was something else all along. */
export class FakeClock implements BootClock {
  us: number;
  readonly bootCounter: number = 1;
  readonly bootId: string = "00000000-0000-4000-8000-000000000001";
  /** UTC of monotonic 0, µs since 1970. */
  utcOffsetUs = 1_700_000_000_000_000;

  constructor(us = 1_000_000) {
    this.us = us;
  }

  get version(): number {
    return this.utcOffsetUs;
  }

  nowUs(): number {
    return this.us;
  }

  utcOf(monotonicUs: number): UtcTime {
    return { utcUs: monotonicUs + this.utcOffsetUs, quality: "ntp", errorMs: undefined };
  }

  utcOfStamp({ monoUs }: Stamp): UtcTime {
    return this.utcOf(monoUs);
  }

  bootOf(bootId: string): number | undefined {
    return bootId === this.bootId ? this.bootCounter : undefined;
  }

  monoOf(utcUs: number): Stamp[] {
    return [{ bootCounter: this.bootCounter, monoUs: utcUs - this.utcOf(0).utcUs }];
  }

  rangesOf(fromUtcUs: number, toUtcUs: number): StampRange[] {
    return this.monoOf(fromUtcUs).map(({ bootCounter, monoUs }) => {
      return { bootCounter, fromMonoUs: monoUs, toMonoUs: monoUs + toUtcUs - fromUtcUs };
    });
  }

  noteFootage(_stamp: Stamp): void {}

  passMs(ms: number): void {
    this.us += ms * 1000;
  }
}
