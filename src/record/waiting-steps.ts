// What a store is still to be told, in order: bounded by leaving out the oldest groups of pictures.
import type { Fragment, GapCause, RunStart } from "./store.ts";

export type NewRun = Omit<RunStart, "gapBefore">;

export type Step =
  | { readonly kind: "open"; readonly run: NewRun }
  | { readonly kind: "append"; readonly fragment: Fragment }
  | { readonly kind: "gap"; readonly cause: GapCause }
  | { readonly kind: "close"; done(): void };

/** Footage in memory without a gap. */
export interface HeldStretch {
  readonly run: NewRun;
  readonly fragments: readonly Fragment[];
}

export class WaitingSteps {
  #steps: Step[] = [];
  #sizeBytes = 0;
  #durationUs = 0;

  get length(): number {
    return this.#steps.length;
  }

  /** Of the media in it. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get durationUs(): number {
    return this.#durationUs;
  }

  get hasMedia(): boolean {
    return this.#steps.some(({ kind }) => kind === "append");
  }

  get firstFragment(): Fragment | undefined {
    const first = this.#steps.find((step) => step.kind === "append");
    return first?.fragment;
  }

  get first(): Step | undefined {
    return this.#steps[0];
  }

  push(step: Step): void {
    this.#steps.push(step);
    this.#count(step, 1);
  }

  putFirst(steps: readonly Step[]): void {
    this.#steps = [...steps, ...this.#steps];
    for (const step of steps) this.#count(step, 1);
  }

  shift(): Step | undefined {
    const step = this.#steps.shift();
    this.#count(step, -1);
    return step;
  }

  /** Takes out the oldest fragments, up to one that can be decoded without them; empty: there is none. What was said before them is of no use any more. */
  takeGroup(): readonly Fragment[] {
    const first = this.#steps.findIndex(({ kind }) => kind === "append");
    return first < 0 ? [] : this.#takeUntil(this.#nextKeyframe(first + 1));
  }

  /** Takes out what cannot be decoded for want of a keyframe. */
  takeHeadless(): readonly Fragment[] {
    return this.#takeUntil(this.#nextKeyframe(0));
  }

  /** Who waits for closes that come; nobody does any more. */
  takeCloses(): readonly (() => void)[] {
    const waiting: (() => void)[] = [];
    this.#steps = this.#steps.map((step) => {
      if (step.kind !== "close") return step;
      waiting.push(step.done);
      return { kind: "close", done() {} };
    });
    return waiting;
  }

  /** Empties it. */
  takeAll(): readonly Step[] {
    const steps = this.#steps;
    this.#steps = [];
    this.#sizeBytes = 0;
    this.#durationUs = 0;
    return steps;
  }

  /** The footage in it. `run`: what was opened before. */
  held(run: NewRun | undefined): readonly HeldStretch[] {
    const stretches: { readonly run: NewRun; readonly fragments: Fragment[] }[] = [];
    let current = run;
    let isBroken = true;
    for (const step of this.#steps) {
      if (step.kind === "open") current = step.run;
      if (step.kind !== "append") isBroken = true;
      else if (current !== undefined) {
        if (isBroken) stretches.push({ run: current, fragments: [] });
        stretches.at(-1)!.fragments.push(step.fragment);
        isBroken = false;
      }
    }
    return stretches;
  }

  #nextKeyframe(from: number): number {
    const next = this.#steps.findIndex((step, i) => i >= from && step.kind === "append" && step.fragment.keyframe);
    return next < 0 ? this.#steps.length : next;
  }

  /** Of what comes before, the last run that was opened stays. */
  #takeUntil(end: number): readonly Fragment[] {
    const gone = this.#steps.slice(0, end);
    const taken = gone.flatMap((step) => (step.kind === "append" ? [step.fragment] : []));
    if (taken.length === 0) return taken;
    const run = gone.findLast(({ kind }) => kind === "open" || kind === "close");
    this.#steps = [...(run === undefined ? [] : [run]), ...this.#steps.slice(end)];
    for (const step of gone) this.#count(step, -1);
    return taken;
  }

  #count(step: Step | undefined, sign: 1 | -1): void {
    if (step?.kind !== "append") return;
    this.#sizeBytes += sign * step.fragment.sizeBytes;
    this.#durationUs += sign * step.fragment.durationUs;
  }
}
