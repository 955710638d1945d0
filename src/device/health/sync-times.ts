// How long it takes to make data safe, by the last so many syncs of each file system.

export interface SyncPercentiles {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Of all file systems together. */
const KEPT = 1024;
/** What is older tells of the past. */
const MAX_AGE_US = 600e6;

export class SyncTimes {
  readonly #nowUs: () => number;
  readonly #samples: { readonly path: string; readonly ms: number; readonly atUs: number }[] = [];
  #next = 0;

  constructor(nowUs: () => number) {
    this.#nowUs = nowUs;
  }

  /** A sync of the file took so long. */
  readonly note = (path: string, ms: number): void => {
    this.#samples[this.#next] = { path, ms, atUs: this.#nowUs() };
    this.#next = (this.#next + 1) % KEPT;
  };

  /** Of those files; undefined: there were none in the last ten minutes. */
  of(isOne: (path: string) => boolean): SyncPercentiles | undefined {
    const sinceUs = this.#nowUs() - MAX_AGE_US;
    const sorted = this.#samples.filter(({ path, atUs }) => atUs >= sinceUs && isOne(path)).map(({ ms }) => ms);
    sorted.sort((a, b) => a - b);
    if (sorted.length === 0) return undefined;
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
    return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: sorted.at(-1)! };
  }
}
