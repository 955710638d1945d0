// Samples the health of machine and process: at most every few seconds, once for everybody who asks.

import type { DiskWatch } from "./disk-watch.ts";
import type { DelayReport } from "./event-loop-delay.ts";
import type { Health } from "./health.ts";
import type { HealthTree } from "./health-tree.ts";
import { type HostReading, networkHealth, type ProcessReading, readHost, systemHealth } from "./host-watch.ts";
import type { LteHealth } from "./lte-modem.ts";

export interface HealthSamplerOptions {
  readonly tree: HealthTree;
  readonly disks: Pick<DiskWatch, "read">;
  nowUs(): number;
  process(): ProcessReading;
  eventLoopDelay(): DelayReport | undefined;
  /** Of the last minute; undefined where it is not measured. */
  gcMs(): number | undefined;
  /** What is asked of others: none of them rejects. Undefined: not here; null: cannot be told now. */
  restarts(): Promise<number | null | undefined>;
  supplyMv(): Promise<number | null | undefined>;
  lte(): Promise<LteHealth | null | undefined>;
  wait(delayMs: number): Promise<void>;
}

/** A sample serves everybody for so long. */
const MAX_AGE_US = 5e6;
/** Rates over more than this tell of the past: two readings are made then, so far apart. */
const MAX_SPAN_US = 90e6;
const SHORT_SPAN_MS = 500;

export class HealthSampler {
  readonly #options: HealthSamplerOptions;
  #reading: HostReading | undefined;
  #sample: { readonly atUs: number; readonly health: Health } | undefined;
  #sampling: Promise<Health> | undefined;

  constructor(options: HealthSamplerOptions) {
    this.#options = options;
  }

  /** Never rejects. Takes half a second where the last sample is long ago. */
  read(): Promise<Health> {
    const sample = this.#sample;
    if (sample !== undefined && this.#options.nowUs() - sample.atUs < MAX_AGE_US) return Promise.resolve(sample.health);
    this.#sampling ??= this.#take().finally(() => {
      this.#sampling = undefined;
    });
    return this.#sampling;
  }

  async #take(): Promise<Health> {
    const { nowUs, disks, eventLoopDelay, gcMs, restarts, supplyMv, lte, wait } = this.#options;
    const [starts, supply, radio] = await Promise.all([restarts(), supplyMv(), lte()]);
    let before = this.#reading;
    if (before === undefined || nowUs() - before.atUs > MAX_SPAN_US) {
      before = await this.#read();
      await wait(SHORT_SPAN_MS);
    }
    const now = await this.#read();
    const found = await disks.read();
    const delay = eventLoopDelay();
    const loop = { delayP99Ms: delay && delay.p99Seconds * 1000, gcMs: gcMs() };
    const health: Health = {
      sys: {
        ...systemHealth(before, now, loop),
        ...(starts !== undefined && { restarts: starts }),
        ...(supply !== undefined && { volt_mv: supply }),
      },
      net: { ...networkHealth(before, now), ...(radio !== undefined && { lte: radio }) },
      disk: found.map((disk) => disk.health),
      facts: {
        memoryTotalBytes: now.memory?.totalBytes ?? null,
        memoryUsedBytes: now.memory?.usedBytes ?? null,
        disks: found.map((disk) => disk.facts),
        interfaces: now.interfaces.map(({ name, receivedBytes, sentBytes, errors, drops }) => ({
          name,
          receivedBytes,
          sentBytes,
          errors,
          drops,
        })),
      },
    };
    this.#reading = now;
    this.#sample = { atUs: nowUs(), health };
    return health;
  }

  #read(): Promise<HostReading> {
    const { tree, nowUs, process } = this.#options;
    return readHost(tree, nowUs(), process());
  }
}
