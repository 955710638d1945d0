// The camera's clock as the time of its footage: how far stamps of ours are moved so that their UTC is what the camera says it is.
import type { Clock } from "#base/clock.ts";
import type { Unit } from "#relay/unit.ts";

/** A camera that is further off is not believed. */
const MAX_SHIFT_US = 5e6;
/** Stamps go on, never back: when the camera is found to be off by another amount, they follow by no more than this of the time that passes. */
const SLEW = 0.1;

export class CameraClock {
  readonly #clock: Clock;
  #shiftUs: number | undefined;
  #wantedUs = 0;
  #lastUs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is added to a stamp of now, µs. */
  get shiftUs(): number {
    return Math.round(this.#shiftUs ?? 0);
  }

  /** A unit of the leading track. */
  note({ captureUs, senderUtcUs }: Unit): void {
    if (senderUtcUs !== undefined) {
      const offUs = senderUtcUs - this.#clock.utcOf(captureUs).utcUs;
      this.#wantedUs = Math.abs(offUs) <= MAX_SHIFT_US ? offUs : 0;
    }
    if (this.#shiftUs === undefined) this.#shiftUs = this.#wantedUs;
    else {
      const mostUs = SLEW * Math.max(0, captureUs - this.#lastUs);
      this.#shiftUs += Math.min(mostUs, Math.max(-mostUs, this.#wantedUs - this.#shiftUs));
    }
    this.#lastUs = captureUs;
  }
}
