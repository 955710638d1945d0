// The clock of a gateway that is not running: it tells times of earlier boots and goes nowhere.
import type { BootClock, Stamp } from "#base/clock.ts";
import type { UtcModel } from "#base/utc-model.ts";

export class CardClock implements BootClock {
  readonly bootCounter = 0;
  readonly bootId = "";
  readonly #model: UtcModel;

  constructor(model: UtcModel) {
    this.#model = model;
  }

  get version(): number {
    return this.#model.version;
  }

  nowUs(): number {
    return 0;
  }

  utcOf(monoUs: number): ReturnType<BootClock["utcOf"]> {
    return this.utcOfStamp({ bootCounter: this.bootCounter, monoUs });
  }

  utcOfStamp(stamp: Stamp): ReturnType<BootClock["utcOf"]> {
    return this.#model.utcOf(stamp);
  }

  bootOf(bootId: string): number | undefined {
    return this.#model.bootOf(bootId);
  }

  monoOf(utcUs: number): Stamp[] {
    return this.#model.monoOf(utcUs);
  }

  rangesOf(fromUtcUs: number, toUtcUs: number): ReturnType<BootClock["rangesOf"]> {
    return this.#model.rangesOf(fromUtcUs, toUtcUs);
  }

  noteFootage(stamp: Stamp): void {
    this.#model.noteFootage(stamp);
  }
}
