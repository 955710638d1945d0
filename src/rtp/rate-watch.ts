// Does a sender's clock run at its rate? Judged by the least delayed frames, so that a network's jitter is no evidence.

/** What is small takes long to tell; what is gross shows soon, and is the same in each window, as a queue that fills is not. */
const FINE = { windowUs: 10_000_000, maxError: 0.005, windows: 2, maxSpread: Number.POSITIVE_INFINITY } as const;
const GROSS = { windowUs: 2_000_000, maxError: 0.05, windows: 3, maxSpread: 0.01 } as const;

interface Sample {
  readonly delayUs: number;
  readonly arrivalUs: number;
}

interface Rule {
  readonly windowUs: number;
  /** Of the rate. */
  readonly maxError: number;
  /** In a row, that must say the same. */
  readonly windows: number;
  /** Of their errors. */
  readonly maxSpread: number;
}

/** One per track. `wrong` once the RTP time runs more than half a percent fast or slow against arrival. */
export class RateWatch {
  readonly #judges = [new RateJudge(FINE), new RateJudge(GROSS)];

  get wrong(): boolean {
    return this.#judges.some((judge) => judge.wrong);
  }

  /** A frame with `elapsedUs` of RTP time since any fixed origin. */
  add(elapsedUs: number, arrivalUs: number): void {
    for (const judge of this.#judges) judge.add(arrivalUs - elapsedUs, arrivalUs);
  }

  /** The clock was set: what was seen before says nothing about what comes. */
  restart(): void {
    for (const judge of this.#judges) judge.restart();
  }
}

class RateJudge {
  wrong = false;
  readonly #rule: Rule;
  #windowStartUs: number | undefined;
  #least: Sample | undefined;
  #previous: Sample | undefined;
  /** Of windows in a row that say the clock is wrong. */
  #errors: number[] = [];

  constructor(rule: Rule) {
    this.#rule = rule;
  }

  add(delayUs: number, arrivalUs: number): void {
    this.#windowStartUs ??= arrivalUs;
    if (arrivalUs - this.#windowStartUs >= this.#rule.windowUs) {
      this.#judge();
      this.#windowStartUs = arrivalUs;
      this.#previous = this.#least;
      this.#least = undefined;
    }
    if (this.#least === undefined || delayUs < this.#least.delayUs) this.#least = { delayUs, arrivalUs };
  }

  restart(): void {
    this.#windowStartUs = undefined;
    this.#least = undefined;
    this.#previous = undefined;
    this.#errors = [];
  }

  #judge(): void {
    if (this.#previous === undefined || this.#least === undefined) return;
    const { maxError, windows, maxSpread } = this.#rule;
    const error = (this.#least.delayUs - this.#previous.delayUs) / (this.#least.arrivalUs - this.#previous.arrivalUs);
    const isLike = this.#errors.every((other) => Math.abs(other - error) <= maxSpread);
    if (Math.abs(error) <= maxError) this.#errors = [];
    else if (isLike) this.#errors.push(error);
    else this.#errors = [error];
    if (this.#errors.length >= windows) this.wrong = true;
  }
}
