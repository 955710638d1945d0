// How much footage of each path is missing, by cause: what a recorder tells of gap by gap, added up for counters.
import type { Gap } from "#record/recorder-state.ts";
import type { GapCause } from "#record/store.ts";

export interface GapTotal {
  readonly path: string;
  readonly cause: GapCause;
  readonly count: number;
  readonly seconds: number;
}

/** Names of paths may come from strangers: beyond so many that had gaps, the one that was noted first is forgotten. */
const MAX_PATHS = 1024;

export class GapTotals {
  readonly #paths = new Map<string, Map<GapCause, { count: number; us: number }>>();

  /** A gap of the path has ended. */
  readonly note = (path: string, { fromUs, toUs, cause }: Gap): void => {
    let causes = this.#paths.get(path);
    if (causes === undefined) {
      if (this.#paths.size >= MAX_PATHS) this.#paths.delete(this.#paths.keys().next().value!);
      causes = new Map();
      this.#paths.set(path, causes);
    }
    const { count, us } = causes.get(cause) ?? { count: 0, us: 0 };
    causes.set(cause, { count: count + 1, us: us + (toUs - fromUs) });
  };

  /** Since the start. */
  list(): readonly GapTotal[] {
    return [...this.#paths].flatMap(([path, causes]) =>
      [...causes].map(([cause, { count, us }]) => ({ path, cause, count, seconds: us / 1e6 })),
    );
  }
}
