// A clock for programs that record in a test: the machine's monotonic clock under a boot counter of the test's choosing, UTC at a fixed distance.
import { type BootClock, monotonicUs, type Stamp, type StampRange, type UtcTime } from "#base/clock.ts";

/** UTC of monotonic 0, whatever the boot: the machine does not really boot in between. */
export const PROCESS_EPOCH_UTC_US = 1_700_000_000_000_000;

export class ProcessClock implements BootClock {
  readonly version = 1;
  readonly bootCounter: number;
  readonly bootId: string;

  constructor(bootCounter: number) {
    this.bootCounter = bootCounter;
    this.bootId = `00000000-0000-4000-8000-${String(bootCounter).padStart(12, "0")}`;
  }

  nowUs(): number {
    return monotonicUs();
  }

  utcOf(monoUs: number): UtcTime {
    return { utcUs: PROCESS_EPOCH_UTC_US + monoUs, quality: "ntp", errorMs: 1 };
  }

  utcOfStamp({ monoUs }: Stamp): UtcTime {
    return this.utcOf(monoUs);
  }

  bootOf(bootId: string): number | undefined {
    const counter = Number(bootId.slice(-12));
    return counter <= this.bootCounter ? counter : undefined;
  }

  monoOf(utcUs: number): Stamp[] {
    return this.#boots().map((bootCounter) => ({ bootCounter, monoUs: utcUs - PROCESS_EPOCH_UTC_US }));
  }

  rangesOf(fromUtcUs: number, toUtcUs: number): StampRange[] {
    const [fromMonoUs, toMonoUs] = [fromUtcUs - PROCESS_EPOCH_UTC_US, toUtcUs - PROCESS_EPOCH_UTC_US];
    return this.#boots().map((bootCounter) => ({ bootCounter, fromMonoUs, toMonoUs }));
  }

  noteFootage(): void {}

  #boots(): number[] {
    return Array.from({ length: this.bootCounter }, (_, place) => place + 1);
  }
}
