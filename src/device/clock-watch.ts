// Watches the wall clock against the monotonic one, and says by anchors what UTC was and how well it was known (docs/storage.md, clock anchors).
import { HOLDOVER_DRIFT } from "#base/boot-timeline.ts";
import { isAtLeast, type TimeQuality } from "#base/clock.ts";
import { ANCHOR_FLAGS, type ClockAnchor, hasFlag } from "#base/clock-anchor.ts";
import type { BootIdentity } from "./boot-identity.ts";
import type { ReadSync, Synchronised } from "./time-sync.ts";

/** NONE: the wall clock is before this program was made. EST: nobody vouches for it. HOLDOVER: it was synchronised in this boot. */
export type ClockState = "NONE" | "EST" | "SYNCED" | "HOLDOVER";

export type ClockEvent =
  | { readonly kind: "synced"; readonly source: Synchronised["source"] }
  | { readonly kind: "lost"; readonly source: Synchronised["source"] }
  | { readonly kind: "step"; readonly stepUs: number };

export interface WallAndMonotonic {
  monotonicUs(): number;
  /** µs since 1970, no finer than it comes: it may lag behind the truth, never lead. */
  wallUs(): number;
}

export interface ClockWatchOptions {
  readonly boot: BootIdentity;
  readonly clocks: WallAndMonotonic;
  readonly readSync: ReadSync;
  /** The kernel set the wall clock from a hardware clock when it booted. */
  readonly cameFromHardware: boolean;
  /** A wall clock before this is wrong. */
  readonly earliestUtcUs: number;
  /** Of earlier processes of this boot, ordered by time. */
  readonly earlier: readonly ClockAnchor[];
  onAnchor(anchor: ClockAnchor): void;
  /** Nothing changed, and the clock is still vouched for. */
  onConfirmed(anchor: ClockAnchor): void;
  onEvent(event: ClockEvent): void;
}

const STEP_US = 50_000;
const STABLE_US = 600e6;
const ANCHOR_EVERY_US = 3600e6;
const ASK_EVERY_US = { synchronised: 60e6, otherwise: 10e6 } as const;
/** One answer may be a slip of whoever was asked. */
const REFUSALS_UNTIL_LOST = 2;
/** A pause of this process between two readings looks like a step: the best of some is none. */
const SAMPLES = 3;
/** Date.now() counts milliseconds. */
const READING_ERROR_US = 1000;

/** A synchronised clock that nobody vouches for any more, and that nobody touched since. */
interface Held {
  readonly sync: Synchronised;
  readonly sinceMonoUs: number;
}

/** `tick` is to be called every second. Nothing here waits but for `readSync`, of which one is under way at most. */
export class ClockWatch {
  readonly #options: ClockWatchOptions;
  /** Wall − monotonic. The kernel slews both alike, so that it moves by steps only. */
  #offsetUs: number;
  /** Undisturbed since. */
  #offsetSinceUs: number;
  #steps = 0;
  #sync: Synchronised | undefined;
  #lastSyncMonoUs: number | undefined;
  #held: Held | undefined;
  #wasSynchronised: boolean;
  #isFromHardware: boolean;
  #isStable = false;
  #refusals = 0;
  #nextAskUs = 0;
  #asking: Promise<void> | undefined;
  #last: ClockAnchor | undefined;

  constructor(options: ClockWatchOptions) {
    this.#options = options;
    const last = options.earlier.findLast(({ quality }) => quality !== "hint"); // those say nothing of the wall clock
    const { monoUs, offsetUs } = this.#sample();
    this.#offsetUs = offsetUs;
    this.#offsetSinceUs = monoUs;
    this.#last = last;
    this.#isFromHardware = options.cameFromHardware && (last === undefined || last.quality === "rtc") && !this.#wasSetMeanwhile();
    this.#isStable = last !== undefined && last.quality === "est" && hasFlag(last.flags, ANCHOR_FLAGS.stable) && !this.#wasSetMeanwhile();
    this.#wasSynchronised = options.earlier.some(({ quality }) => isSynchronisedQuality(quality));
    if (last !== undefined && isSynchronisedQuality(last.quality) && !this.#wasSetMeanwhile()) {
      const sync = {
        source: "kernel",
        quality: last.quality,
        errorUs: last.errorUs ?? 0,
        correctionUs: last.utcUs - last.monoUs - offsetUs,
      } as const;
      this.#held = { sync, sinceMonoUs: last.monoUs };
      this.#lastSyncMonoUs = last.monoUs;
    }
  }

  get state(): ClockState {
    if (this.#sync !== undefined) return "SYNCED";
    if (this.#wasSynchronised) return "HOLDOVER";
    return this.#isPlausible(this.#offsetUs) ? "EST" : "NONE";
  }

  /** Somebody vouches for the wall clock, or it has gone on undisturbed for so long that nobody will set it. */
  get isTrusted(): boolean {
    const quality = this.#quality();
    return isAtLeast(quality, "hint") || (quality === "est" && this.#isStable);
  }

  /** Who vouches for the wall clock, if anyone does. */
  get synchronised(): Synchronised | undefined {
    return this.#sync;
  }

  /** When somebody last vouched for it. */
  get lastSyncMonoUs(): number | undefined {
    return this.#lastSyncMonoUs;
  }

  get isFromHardware(): boolean {
    return this.#isFromHardware;
  }

  /** How often the wall clock was set since this watch began. */
  get steps(): number {
    return this.#steps;
  }

  /** The first anchor of this process. */
  async start(): Promise<void> {
    const flags = ANCHOR_FLAGS.start | (this.#wasSetMeanwhile() ? ANCHOR_FLAGS.step : 0);
    this.#take(await this.#answer(this.#offsetUs));
    const monoUs = this.#options.clocks.monotonicUs();
    this.#nextAskUs = monoUs + this.#askEveryUs();
    this.#write(monoUs, flags);
    if (this.#sync !== undefined) this.#options.onEvent({ kind: "synced", source: this.#sync.source });
  }

  /** What time it is, by somebody to be believed who is no time keeper. The wall clock stays as it is. */
  hint(utcUs: number, errorUs: number): void {
    const monoUs = this.#options.clocks.monotonicUs();
    this.#options.onAnchor({ ...this.#options.boot, monoUs, utcUs, errorUs, quality: "hint", flags: 0 });
  }

  /** One look at the clocks. Resolves when whatever it began is done; while somebody is being asked the next looks are left out. */
  async tick(): Promise<void> {
    if (this.#asking !== undefined) return;
    this.#asking = this.#look().finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
  }

  /** The last anchor of this process. */
  async stop(): Promise<void> {
    await this.#asking;
    const { monoUs, offsetUs } = this.#sample();
    if (Math.abs(offsetUs - this.#offsetUs) > STEP_US) await this.#onStep(monoUs, offsetUs);
    this.#write(this.#options.clocks.monotonicUs(), ANCHOR_FLAGS.stop);
  }

  async #look(): Promise<void> {
    const { monoUs, offsetUs } = this.#sample();
    if (Math.abs(offsetUs - this.#offsetUs) > STEP_US) return this.#onStep(monoUs, offsetUs);
    this.#offsetUs = Math.max(this.#offsetUs, offsetUs); // the reading that lags least
    const isProved = !this.#isStable && this.#quality() === "est" && monoUs - this.#offsetSinceUs >= STABLE_US;
    if (isProved) this.#isStable = true;
    const isDue = this.#last === undefined || this.#last.quality !== this.#quality() || monoUs - this.#last.monoUs >= ANCHOR_EVERY_US;
    if (isProved || isDue) this.#write(monoUs, 0);
    if (monoUs >= this.#nextAskUs) await this.#ask();
  }

  /** A step that whoever keeps the clock stands by is a correction. One that nobody stands by ends the trust in the clock at once. */
  async #onStep(monoUs: number, offsetUs: number): Promise<void> {
    const answer = await this.#answer(offsetUs);
    const stepUs = offsetUs - this.#offsetUs;
    const before = this.#sync;
    if (before !== undefined && answer === undefined) {
      this.#held = { sync: before, sinceMonoUs: this.#lastSyncMonoUs ?? monoUs };
      this.#sync = undefined;
      this.#write(monoUs - 1, 0); // by the clock as it was
    }
    this.#offsetUs = offsetUs;
    this.#offsetSinceUs = monoUs;
    this.#steps++;
    this.#sync = undefined;
    this.#held = undefined;
    this.#isFromHardware = false;
    this.#isStable = false;
    this.#refusals = 0;
    this.#take(answer);
    this.#nextAskUs = monoUs + this.#askEveryUs();
    this.#write(monoUs, ANCHOR_FLAGS.step);
    this.#options.onEvent({ kind: "step", stepUs });
    this.#tellChange(before);
  }

  async #ask(): Promise<void> {
    const before = this.#sync;
    this.#take(await this.#answer(this.#offsetUs));
    const monoUs = this.#options.clocks.monotonicUs();
    this.#nextAskUs = monoUs + this.#askEveryUs();
    if ((before === undefined) !== (this.#sync === undefined)) this.#write(monoUs, 0);
    else if (this.#sync !== undefined && this.#refusals === 0) this.#confirm(monoUs);
    this.#tellChange(before);
  }

  #tellChange(before: Synchronised | undefined): void {
    const after = this.#sync;
    if (before === undefined && after !== undefined) this.#options.onEvent({ kind: "synced", source: after.source });
    if (before !== undefined && after === undefined) this.#options.onEvent({ kind: "lost", source: before.source });
  }

  /** Nobody can vouch for a wall clock that is impossible. */
  async #answer(offsetUs: number): Promise<Synchronised | undefined> {
    const answer = await this.#options.readSync();
    return this.#isPlausible(offsetUs) ? answer : undefined;
  }

  #take(answer: Synchronised | undefined): void {
    const monoUs = this.#options.clocks.monotonicUs();
    if (answer !== undefined) {
      this.#sync = answer;
      this.#lastSyncMonoUs = monoUs;
      this.#wasSynchronised = true;
      this.#held = undefined;
      this.#isFromHardware = false;
      this.#refusals = 0;
    } else if (this.#sync !== undefined && ++this.#refusals >= REFUSALS_UNTIL_LOST) {
      this.#held = { sync: this.#sync, sinceMonoUs: this.#lastSyncMonoUs ?? monoUs };
      this.#sync = undefined;
      this.#refusals = 0;
    }
  }

  #askEveryUs(): number {
    return this.#sync !== undefined && this.#refusals === 0 ? ASK_EVERY_US.synchronised : ASK_EVERY_US.otherwise;
  }

  /** An anchor where the clock moved against the last one, as when a time keeper works off a large error; else only word that it still holds. */
  #confirm(monoUs: number): void {
    const anchor = this.#anchor(monoUs, 0);
    if (this.#last !== undefined && Math.abs(offsetOf(anchor) - offsetOf(this.#last)) > STEP_US) this.#write(monoUs, 0);
    else this.#options.onConfirmed(anchor);
  }

  #write(monoUs: number, flags: number): void {
    this.#last = this.#anchor(monoUs, flags);
    this.#options.onAnchor(this.#last);
  }

  #anchor(monoUs: number, flags: number): ClockAnchor {
    const keeper = this.#sync ?? this.#held?.sync;
    const heldUs = this.#held === undefined ? 0 : monoUs - this.#held.sinceMonoUs;
    const quality = this.#quality();
    return {
      ...this.#options.boot,
      monoUs,
      utcUs: Math.max(monoUs + this.#offsetUs + (keeper?.correctionUs ?? 0), 0),
      errorUs: keeper === undefined ? undefined : Math.round(keeper.errorUs + READING_ERROR_US + heldUs * HOLDOVER_DRIFT),
      quality,
      flags:
        flags |
        (quality === "est" && this.#isStable ? ANCHOR_FLAGS.stable : 0) |
        (this.#sync === undefined && this.#held !== undefined ? ANCHOR_FLAGS.lost : 0),
    };
  }

  #quality(): TimeQuality {
    const keeper = this.#sync ?? this.#held?.sync;
    if (keeper !== undefined) return keeper.quality;
    if (!this.#isPlausible(this.#offsetUs)) return "none";
    return this.#isFromHardware ? "rtc" : "est";
  }

  #isPlausible(offsetUs: number): boolean {
    const { clocks, earliestUtcUs } = this.#options;
    return clocks.monotonicUs() + offsetUs >= earliestUtcUs;
  }

  /** Since the last process of this boot. */
  #wasSetMeanwhile(): boolean {
    const last = this.#last;
    return last !== undefined && Math.abs(offsetOf(last) - this.#offsetUs) > STEP_US;
  }

  #sample(): { readonly monoUs: number; readonly offsetUs: number } {
    const { clocks } = this.#options;
    let offsetUs = Number.NEGATIVE_INFINITY;
    let monoUs = 0;
    for (let sample = 0; sample < SAMPLES; sample++) {
      const wallUs = clocks.wallUs();
      monoUs = clocks.monotonicUs();
      offsetUs = Math.max(offsetUs, wallUs - monoUs);
    }
    return { monoUs, offsetUs };
  }
}

function isSynchronisedQuality(quality: TimeQuality): quality is "ntp" | "ptp" {
  return quality === "ntp" || quality === "ptp";
}

function offsetOf({ utcUs, monoUs }: ClockAnchor): number {
  return utcUs - monoUs;
}
