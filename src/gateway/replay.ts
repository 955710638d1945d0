// Recordings as RTSP replays: the composition root's end of the seam in protocols/rtsp/replay.ts.
import type { Clock } from "#base/clock.ts";
import { CallerFault } from "#base/errors.ts";
import type { OpenReplay } from "#protocols/rtsp/replay.ts";
import { PlaybackSource } from "#record/playback/playback-source.ts";
import type { RecordingIndex } from "#record/recording-index.ts";
import { afterDelay } from "#record/ring/schedule.ts";

/** Plays what `indexOf` has of a path; undefined there: no entry of the config is for it. */
export function replaysOf(indexOf: (path: string) => RecordingIndex | undefined, clock: Clock): OpenReplay {
  return async ({ path, fromUtcUs }) => {
    const index = indexOf(path);
    const last = (await index?.spans(path, { fromUtcUs }))?.at(-1);
    if (index === undefined || last === undefined)
      throw new CallerFault("no-stream", `nothing was recorded on path '${path}' from then on`);
    const source = new PlaybackSource({ index, path, fromUtcUs, clock, schedule: afterDelay });
    return {
      source,
      endUtcUs: last.open ? undefined : last.startUtcUs + last.durationUs,
      pause: () => source.hold(),
      resume: () => source.release(),
    };
  };
}
