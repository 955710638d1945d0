// Where to begin reading in a file: some of its keyframes, so that nobody walks an hour of fragments to see its last minute.

/** Between two of them. Reading on from one to the keyframe wanted takes as many fragments. */
const SPACING_S = 10;

export class SeekPoints {
  /** Time in the file, s, and offset of the fragment, one behind the other, in the order of time. */
  readonly #points: number[] = [];

  /** A keyframe, and the fragment that holds it; in the order of time, and again if need be. */
  note(atS: number, offset: number): void {
    const lastS = this.#points[this.#points.length - 2];
    if (lastS === undefined || atS >= lastS + SPACING_S) this.#points.push(atS, offset);
  }

  /** The fragment of the last one at or before an instant; undefined: none is known. */
  before(atS: number): number | undefined {
    let low = 0;
    let high = this.#points.length / 2;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#points[2 * middle]! <= atS) low = middle + 1;
      else high = middle;
    }
    return this.#points[2 * low - 1];
  }
}
