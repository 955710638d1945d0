// How the media's time leaves the monotonic clock in a file that is being written: few points, however long the file gets.
import { type DriftPoint, MAX_DRIFT_POINTS } from "#containers/fmp4/stamp-box.ts";

/** What frames may be off by; while the table thins out it grows. */
const FIRST_STEP_US = 20_000;
/** The first frames were not captured as late as they came: for so long that is being found out, and holds for all since the start. */
const SETTLING_US = 60e6;

export class DriftTable {
  #points: readonly DriftPoint[] = [];
  #stepUs = FIRST_STEP_US;

  get points(): readonly DriftPoint[] {
    return this.#points;
  }

  /** `driftUs`: by how much the clock is ahead of the file's time at `atUs` of the file, as compared to its stamp. True: the table is another one. */
  note(atUs: number, driftUs: number): boolean {
    const last = this.#points.at(-1) ?? { atMs: 0, driftUs: 0 };
    if (Math.abs(driftUs - last.driftUs) < this.#stepUs) return false;
    const isEarlier = driftUs < last.driftUs && atUs < SETTLING_US;
    const atMs = isEarlier ? 0 : Math.floor(atUs / 1000);
    const before = isEarlier ? [] : this.#points;
    if (!isEarlier && atMs <= last.atMs) return false;
    this.#points = [...this.#thinned(before), { atMs, driftUs: Math.round(driftUs) }];
    return true;
  }

  /** Room for one more. */
  #thinned(points: readonly DriftPoint[]): readonly DriftPoint[] {
    if (points.length < MAX_DRIFT_POINTS) return points;
    this.#stepUs *= 2;
    return points.filter(({ atMs }, i) => i % 2 === 1 || atMs === 0);
  }
}
