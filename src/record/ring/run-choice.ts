// Whether a recording goes on with a run or begins the next, and how parameter sets are stored when they keep changing.
import type { Fragment } from "../store.ts";
import type { Recording } from "./camera-queue.ts";
import { formatWithOtherSets, type RunFormat, runFormatOf } from "./run-format.ts";
import { RunTimeline } from "./run-timeline.ts";

/** A camera that changes its sets more often than this many times a minute gets them in-band: each change would cost a chunk. */
const MAX_CHANGES = 3;
const MINUTE_US = 60e6;

/** A stretch of recording with one init segment and one timeline. */
export interface Run {
  /** Gen of its first chunk; undefined before that is begun. */
  id: number | undefined;
  format: RunFormat;
  readonly timeline: RunTimeline;
}

export class RunChoice {
  #changesUs: number[] = [];

  /**
   * Same init segment, or sets that may change in-band: `present` goes on, with `first` as its next fragment. Else a new run.
   * `present` is undefined when its chunk is closed.
   */
  next(present: Run | undefined, recording: Recording, first: Fragment, nowUs: number): Run {
    const { format, start } = recording;
    const going = present && formatToGoOnWith(present.format, format);
    if (present !== undefined && going !== undefined) {
      present.format = going;
      present.timeline.restart(start.captureUs, first);
      return present;
    }
    if (present !== undefined) this.#changesUs.push(nowUs);
    this.#changesUs = this.#changesUs.filter((atUs) => nowUs - atUs < MINUTE_US);
    const inBand = this.#changesUs.length > MAX_CHANGES ? runFormatOf(format.tracks, true) : undefined;
    const chosen = inBand ?? format;
    return { id: undefined, format: chosen, timeline: new RunTimeline(chosen, start.captureUs) };
  }
}

function formatToGoOnWith(present: RunFormat, next: RunFormat): RunFormat | undefined {
  if (present.inBand) return formatWithOtherSets(present, next.tracks);
  return present.init.equals(next.init) ? next : undefined;
}
