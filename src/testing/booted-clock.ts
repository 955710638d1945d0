// The clock of a machine that a test boots, sets and synchronises: what it knows of the time is what a gateway would know.
import type { Stamp, StampRange, TimeQuality, UtcTime } from "#base/clock.ts";
import { ANCHOR_FLAGS, type ClockAnchor } from "#base/clock-anchor.ts";
import { UtcModel } from "#base/utc-model.ts";
import { FakeClock } from "./fake-clock.ts";

export class BootedClock extends FakeClock {
  override readonly bootCounter: number;
  override readonly bootId: string;
  readonly #anchors: ClockAnchor[];
  readonly #model: UtcModel;

  /** A boot of which nothing is known, after others. */
  constructor(anchors: readonly ClockAnchor[] = [], bootCounter = 1) {
    super();
    this.bootCounter = bootCounter;
    this.bootId = `00000000-0000-4000-8000-${String(bootCounter).padStart(12, "0")}`;
    this.#anchors = [...anchors];
    this.#model = new UtcModel(anchors);
    if (this.#model.bootOf(this.bootId) === undefined) this.learn(this.us, "none", ANCHOR_FLAGS.start);
  }

  override get version(): number {
    return this.#model.version;
  }

  /** This is the time now. `flags`: `ANCHOR_FLAGS.step` where it was another one until now. */
  learn(utcUs: number, quality: TimeQuality = "ntp", flags = 0): void {
    const { bootCounter, bootId, us: monoUs } = this;
    const anchor = { bootCounter, bootId, monoUs, utcUs, errorUs: 1000, quality, flags };
    this.#anchors.push(anchor);
    this.#model.add(anchor);
  }

  /** The same machine after power was lost, which remembers what it knew, or with `forget` does not. */
  boot({ forget = false } = {}): BootedClock {
    const anchors = forget ? [] : this.#anchors.map((anchor) => ({ ...anchor }));
    return new BootedClock(anchors, this.bootCounter + 1);
  }

  /** Another process of the same boot. */
  restart(): BootedClock {
    const clock = new BootedClock(this.#anchors, this.bootCounter);
    clock.us = this.us;
    return clock;
  }

  override utcOf(monoUs: number): UtcTime {
    return this.utcOfStamp({ bootCounter: this.bootCounter, monoUs });
  }

  override utcOfStamp(stamp: Stamp): UtcTime {
    return this.#model.utcOf(stamp);
  }

  override bootOf(bootId: string): number | undefined {
    return bootId === this.bootId ? this.bootCounter : this.#model.bootOf(bootId);
  }

  override monoOf(utcUs: number): Stamp[] {
    return this.#model.monoOf(utcUs);
  }

  override rangesOf(fromUtcUs: number, toUtcUs: number): StampRange[] {
    return this.#model.rangesOf(fromUtcUs, toUtcUs);
  }

  override noteFootage(stamp: Stamp): void {
    this.#model.noteFootage(stamp);
  }
}
