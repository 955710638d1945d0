// The newest keyframe of a path: the one that is kept for new readers, or the next that comes.
import { CallerFault } from "#base/errors.ts";
import type { Path } from "./path.ts";
import type { EndReason, Reader } from "./reader.ts";
import type { Stream } from "./stream.ts";
import type { Track } from "./track.ts";
import type { Unit } from "./unit.ts";

/** A whole picture; its bytes are the caller's own. */
export type Keyframe = Unit & { readonly frame: readonly Buffer[] };

/**
 * Of the first video track. Starts a source on demand, which then stays as if somebody had looked. Rejects with a CallerFault: no stream, no picture in it,
 * or none in time.
 */
export async function keyframeOf(path: Path, timeoutMs: number, signal: AbortSignal): Promise<Keyframe> {
  const description = await path.describe("");
  if ("redirect" in description) throw new CallerFault("no-stream", `path '${path.name}' sends its readers to ${description.redirect}`);
  const { stream } = description;
  if (stream.videoIndex < 0) throw new CallerFault("no-stream", `path '${path.name}' has no picture, only sound`);
  const kept = stream.lastKeyframe();
  return kept === undefined || kept.damaged ? nextKeyframe(path.name, stream, timeoutMs, signal) : kept;
}

function nextKeyframe(name: string, stream: Stream, timeoutMs: number, signal: AbortSignal): Promise<Keyframe> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      stream.removeReader(reader);
      settle();
    };
    const reader = new KeyframeReader(stream.videoIndex, {
      onKeyframe: (keyframe) => end(() => resolve(keyframe)),
      onEnd: () => end(() => reject(new CallerFault("no-stream", `the stream of path '${name}' ended`))),
    });
    const onAbort = (): void => end(() => reject(new CallerFault("timed-out", "not wanted any more")));
    const timer = setTimeout(
      () => end(() => reject(new CallerFault("timed-out", `no keyframe on path '${name}' within ${timeoutMs / 1000} s`))),
      timeoutMs,
    );
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    else stream.addReader(reader);
  });
}

/** Nobody's client: it counts as no reader. */
class KeyframeReader implements Reader {
  readonly name = "still picture";
  readonly liveOnly = true;
  readonly #videoIndex: number;
  readonly #on: { onKeyframe(keyframe: Keyframe): void; onEnd(reason: EndReason): void };

  constructor(videoIndex: number, on: { onKeyframe(keyframe: Keyframe): void; onEnd(reason: EndReason): void }) {
    this.#videoIndex = videoIndex;
    this.#on = on;
  }

  wants(track: Track): "frame" | undefined {
    return track.index === this.#videoIndex ? "frame" : undefined;
  }

  onUnit(unit: Unit): void {
    if (!unit.keyframe || unit.damaged || unit.frame === undefined) return;
    this.#on.onKeyframe({ ...unit, frame: unit.frame.map((part) => Buffer.from(part)) });
  }

  onEnd(reason: EndReason): void {
    this.#on.onEnd(reason);
  }
}
