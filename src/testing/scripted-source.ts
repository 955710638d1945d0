// A pulled source that does what a test tells it, and the path setting that opens it.
import { PeerFault, type PeerFaultCode } from "#base/errors.ts";
import type { OnDemandOptions, PathSource } from "#relay/path-options.ts";
import type { Source, SourceSink } from "#relay/source.ts";
import type { Track } from "#relay/track.ts";
import type { Unit } from "#relay/unit.ts";
import { SyntheticVideo, syntheticTrack } from "./synthetic-track.ts";
import { packetUnit } from "./unit-tap.ts";

/** One attempt: it runs until the path aborts it or the test ends it. */
export class SourceAttempt implements Source {
  readonly url: string;
  readonly video = new SyntheticVideo();
  track: Track | undefined;
  aborted = false;
  #sink: SourceSink | undefined;
  #publish: ((unit: Unit) => void) | undefined;
  #reject: ((fault: PeerFault) => void) | undefined;

  constructor(url: string) {
    this.url = url;
  }

  get sink(): SourceSink {
    return this.#sink!;
  }

  run(sink: SourceSink, signal: AbortSignal): Promise<void> {
    this.#sink = sink;
    return new Promise((_resolve, reject) => {
      this.#reject = reject;
      signal.addEventListener("abort", () => {
        this.aborted = true;
        reject(new PeerFault("aborted", "closed"));
      });
    });
  }

  /** Default: one synthetic H.264 track. */
  ready(tracks: readonly Track[] = [syntheticTrack()]): void {
    this.track = tracks[0]!;
    this.#publish = this.sink.ready(tracks, "packets");
  }

  /** The next frame of the first track. */
  frame(captureUs: number): void {
    this.#publish!(packetUnit(this.video, this.track!, captureUs));
  }

  fail(code: PeerFaultCode = "ended"): void {
    this.#reject!(new PeerFault(code, `it is over: ${code}`));
  }
}

export interface ScriptedSource {
  readonly source: PathSource;
  readonly attempts: readonly SourceAttempt[];
  /** The newest attempt. */
  readonly last: SourceAttempt;
}

export function scriptedSource(options: { readonly onDemand?: OnDemandOptions; readonly url?: string } = {}): ScriptedSource {
  const attempts: SourceAttempt[] = [];
  return {
    source: {
      kind: "pull",
      type: "rtspSource",
      url: options.url ?? "rtsp://camera/stream",
      open: (url) => {
        const attempt = new SourceAttempt(url);
        attempts.push(attempt);
        return attempt;
      },
      onDemand: options.onDemand,
    },
    attempts,
    get last() {
      return attempts.at(-1)!;
    },
  };
}
