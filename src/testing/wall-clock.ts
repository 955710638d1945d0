// The wall clock of a test: it goes on second by second, and is set, lost and known as the test says.
import type { Time } from "#schedules/timetable.ts";

export class WallClock {
  utcMs: number;
  isTrusted = true;
  /** Called after every second. */
  onSecond: () => void = () => {};

  /** `2026-11-30T21:59:50Z` */
  constructor(time: string) {
    this.utcMs = Date.parse(time);
  }

  readonly now = (): Time => ({ utcMs: this.utcMs, isTrusted: this.isTrusted });

  pass(seconds: number): void {
    for (let left = seconds; left > 0; left--) {
      this.utcMs += 1000;
      this.onSecond();
    }
  }

  set(time: string): void {
    this.utcMs = Date.parse(time);
    this.onSecond();
  }
}
