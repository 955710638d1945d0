// What a restart of the gateway cost in footage: of each path that was recorded until the gateway stopped, from there to where it is recorded again.
import type { Stamp } from "#base/clock.ts";
import type { RecorderPhase } from "#record/recorder-state.ts";
import type { RecordingIndex } from "#record/recording-index.ts";

export interface RestartGapsOptions {
  /** When the run before this one stopped in order; undefined: there was none, or it was cut off. */
  readonly stopped: Stamp | undefined;
  /** UTC, µs. */
  utcUs(stamp: Stamp): number;
  nowUtcUs(): number;
  /** How long this run has been there, µs. */
  upUs(): number;
  indexOf(path: string): Pick<RecordingIndex, "spans"> | undefined;
  /** UTC, ms. */
  onGap(path: string, gap: { readonly from: number; readonly to: number; readonly cause: "restart" | "cam" }): void;
}

/** Footage of a path that was still recorded ends that near to the stop. */
const NEAR_US = 15e6;
/** A camera that is back later than that after the start was away by itself. */
const RETURN_US = 60e6;
const MIN_GAP_US = 1e6;

export class RestartGaps {
  readonly #options: RestartGapsOptions;
  readonly #known = new Set<string>();

  constructor(options: RestartGapsOptions) {
    this.#options = options;
  }

  /** Resolves when what there is to tell was told. Never rejects. */
  async onRecorder(path: string, state: RecorderPhase): Promise<void> {
    const { stopped, utcUs, nowUtcUs, upUs, indexOf, onGap } = this.#options;
    if (state !== "recording" || stopped === undefined || this.#known.has(path)) return;
    this.#known.add(path);
    const [toUtcUs, upNowUs] = [nowUtcUs(), upUs()];
    const stoppedUtcUs = utcUs(stopped);
    const query = { fromUtcUs: stoppedUtcUs - NEAR_US, toUtcUs: stoppedUtcUs };
    const spans =
      (await indexOf(path)
        ?.spans(path, query)
        .catch(() => [])) ?? [];
    const ends = spans.filter(({ open }) => !open).map(({ startUtcUs, durationUs }) => startUtcUs + durationUs);
    const lastUtcUs = Math.max(...ends);
    if (ends.length === 0 || toUtcUs - lastUtcUs < MIN_GAP_US) return;
    const cause = upNowUs > RETURN_US ? "cam" : "restart";
    onGap(path, { from: Math.round(lastUtcUs / 1000), to: Math.round(toUtcUs / 1000), cause });
  }
}
