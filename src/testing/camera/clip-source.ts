// A camera's media without a camera: the demo clip as a Source, in a loop without a seam, paced by the clock.
import type { Clock } from "#base/clock.ts";
import type { Source, SourceSink } from "#relay/source.ts";
import type { Track } from "#relay/track.ts";
import type { Clip } from "../clip/clip.ts";

const VIDEO_CLOCK_HZ = 90_000; // RFC 6184 §8.2.1

export interface ClipSourceOptions {
  readonly clip: Clip;
  readonly clock: Clock;
  /** Where in the clip to begin; the first frame sent is the keyframe at or before it. Default: the first. */
  readonly startFrame?: number;
}

/**
 * Each frame is sent with the sound that belongs to it. Frame n is due n frame times after the start, so late timers do not add up.
 * Timestamps count on over the end of the clip. A process that was held up goes on at the last keyframe that is due.
 */
export class ClipSource implements Source {
  readonly #clip: Clip;
  readonly #clock: Clock;
  readonly #video: Track;
  readonly #audio: Track;
  readonly #frameUs: number;
  readonly #audioFrameBytes: number;
  readonly #startFrame: number;

  constructor({ clip, clock, startFrame = 0 }: ClipSourceOptions) {
    const { sps, pps, audioSampleRateHz } = clip;
    this.#clip = clip;
    this.#clock = clock;
    this.#frameUs = 1e6 / clip.fps;
    this.#audioFrameBytes = audioSampleRateHz / clip.fps; // A-law: a byte a sample
    this.#startFrame = lastKeyframe(clip, startFrame);
    this.#video = {
      index: 0,
      kind: "video",
      codec: "h264",
      clockRateHz: VIDEO_CLOCK_HZ,
      parameters: { codec: "h264", sps: [sps], pps: [pps] },
      reorderFrames: 0,
    };
    this.#audio = {
      index: 1,
      kind: "audio",
      codec: "g711",
      clockRateHz: audioSampleRateHz,
      parameters: { codec: "g711", muLaw: false, sampleRateHz: audioSampleRateHz, channelCount: 1 },
      reorderFrames: 0,
    };
  }

  /** Plays until aborted. */
  run(sink: SourceSink, signal: AbortSignal): Promise<void> {
    const publish = sink.ready([this.#video, this.#audio], "frame");
    sink.state?.("live");
    const startUs = this.#clock.nowUs();
    let sent = 0;
    return new Promise((resolve) => {
      const sendDue = (): void => {
        const due = Math.floor((this.#clock.nowUs() - startUs) / this.#frameUs);
        if (due - sent > this.#clip.fps) sent = Math.max(sent, lastKeyframe(this.#clip, this.#startFrame + due) - this.#startFrame);
        for (; sent <= due; sent++) this.#send(publish, sent, startUs);
        const waitUs = startUs + sent * this.#frameUs - this.#clock.nowUs();
        timer = setTimeout(sendDue, Math.max(0, Math.ceil(waitUs / 1000)));
      };
      let timer: NodeJS.Timeout | undefined;
      const stop = (): void => {
        clearTimeout(timer);
        resolve();
      };
      if (signal.aborted) return stop();
      signal.addEventListener("abort", stop, { once: true });
      sendDue();
    });
  }

  #send(publish: ReturnType<SourceSink["ready"]>, count: number, startUs: number): void {
    const { frames, fps, audio, audioSampleRateHz } = this.#clip;
    const index = (this.#startFrame + count) % frames.length;
    const { nals, keyframe } = frames[index]!;
    const captureUs = Math.round(startUs + count * this.#frameUs);
    publish({ track: this.#video, ptsTicks: (count * VIDEO_CLOCK_HZ) / fps, captureUs, keyframe, damaged: false, frame: nals });
    const sound = audio.subarray(index * this.#audioFrameBytes, (index + 1) * this.#audioFrameBytes);
    publish({ track: this.#audio, ptsTicks: (count * audioSampleRateHz) / fps, captureUs, keyframe: true, damaged: false, frame: [sound] });
  }
}

/** The last keyframe up to `frame`, which may count on over the end of the clip. */
function lastKeyframe({ frames }: Clip, frame: number): number {
  while (!frames[frame % frames.length]!.keyframe) frame--;
  return frame;
}
