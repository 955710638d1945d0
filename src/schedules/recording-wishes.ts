// Which paths schedules want recorded, and what somebody said by hand since.
import type { Plan } from "./plan.ts";
import { type Standing, StandingOrder } from "./standing-order.ts";
import type { Times } from "./timetable.ts";

export interface TimedPlan {
  readonly plan: Plan;
  readonly times: Times;
}

export interface RecordingWishesOptions {
  /** The entry of `paths` that a path belongs to. */
  entryOf(path: string): string | undefined;
}

export class RecordingWishes {
  readonly #options: RecordingWishesOptions;
  #plans: readonly TimedPlan[] = [];
  /** By the plans that make them: paths that the same plans concern share one. */
  #orders = new Map<string, StandingOrder<boolean>>();
  readonly #last = new Map<string, Standing<boolean> | undefined>();
  /** By entry: holds until the schedules say something again. */
  readonly #byHand = new Map<string, { readonly isOn: boolean; readonly sinceMs: number | undefined }>();

  constructor(options: RecordingWishesOptions) {
    this.#options = options;
  }

  setPlans(plans: readonly TimedPlan[]): void {
    this.#plans = plans.filter(({ plan }) => plan.do === "recordOn" || plan.do === "recordOff");
    this.#orders.clear();
    this.#last.clear();
  }

  /** Undefined: no schedule says, so that the setting `record` does. `utcMs`: of now; undefined: nobody knows. */
  of(path: string, utcMs: number | undefined): boolean | undefined {
    if (utcMs === undefined) return undefined;
    const entry = this.#options.entryOf(path);
    const order = this.#orderOf(path, entry);
    if (order === undefined) return undefined;
    const standing = order.at(utcMs);
    const said = entry === undefined ? undefined : this.#byHand.get(entry);
    return said !== undefined && said.sinceMs === standing?.sinceMs ? said.isOn : standing?.value;
  }

  /** Holds for the paths of an entry until the next time that a schedule has for them. */
  setByHand(entry: string, isOn: boolean, utcMs: number | undefined): void {
    const order = this.#orderOf(entry, entry);
    if (order === undefined || utcMs === undefined) return;
    this.#byHand.set(entry, { isOn, sinceMs: order.at(utcMs)?.sinceMs });
  }

  /** Whether one of them has another value than at the last look. */
  haveChanged(utcMs: number): boolean {
    let changed = false;
    for (const [key, order] of this.#orders) {
      const standing = order.at(utcMs);
      changed ||= !this.#last.has(key) || this.#last.get(key) !== standing;
      this.#last.set(key, standing);
    }
    return changed;
  }

  #orderOf(path: string, entry: string | undefined): StandingOrder<boolean> | undefined {
    const mine = this.#plans.filter(({ plan }) => plan.path === "" || plan.path === path || plan.path === entry);
    if (mine.length === 0) return undefined;
    const key = mine.map((plan) => this.#plans.indexOf(plan)).join();
    const known = this.#orders.get(key);
    if (known !== undefined) return known;
    const made = new StandingOrder(mine.map(({ plan, times }) => ({ times, value: plan.do === "recordOn" })));
    this.#orders.set(key, made);
    return made;
  }
}
