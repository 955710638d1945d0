// The clock of a test as a clock of boots: this one is the first, and UTC is what the clock says.
import type { BootClock, Clock, Stamp, StampRange, UtcTime } from "#base/clock.ts";

export class OneBootClock implements BootClock {
  readonly bootCounter = 1;
  readonly bootId = "00000000-0000-4000-8000-000000000001";
  readonly version = 1;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  nowUs(): number {
    return this.#clock.nowUs();
  }

  utcOf(monoUs: number): UtcTime {
    return this.#clock.utcOf(monoUs);
  }

  utcOfStamp({ monoUs }: Stamp): UtcTime {
    return this.#clock.utcOf(monoUs);
  }

  bootOf(bootId: string): number | undefined {
    return bootId === this.bootId ? this.bootCounter : undefined;
  }

  monoOf(utcUs: number): Stamp[] {
    return [{ bootCounter: this.bootCounter, monoUs: utcUs - this.#clock.utcOf(0).utcUs }];
  }

  rangesOf(fromUtcUs: number, toUtcUs: number): StampRange[] {
    const bootUtcUs = this.#clock.utcOf(0).utcUs;
    return [{ bootCounter: this.bootCounter, fromMonoUs: fromUtcUs - bootUtcUs, toMonoUs: toUtcUs - bootUtcUs }];
  }

  noteFootage(): void {}
}
