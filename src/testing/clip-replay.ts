// Recordings made of the demo clip, and their replay: by a test's hand, at normal speed, or as fast as it is taken.
import { setImmediate } from "node:timers/promises";
import { CallerFault } from "#base/errors.ts";
import type { OpenReplay, Replay, ReplayRequest } from "#protocols/rtsp/replay.ts";
import type { Source, SourceSink } from "#relay/source.ts";
import type { Track } from "#relay/track.ts";
import type { Unit } from "#relay/unit.ts";
import { type Clip, loadClip } from "./clip/clip.ts";

export const CLIP_FRAME_US = 40_000;

/** Frames of the clip, from a keyframe on, as they were recorded without a break. */
export interface ClipSpan {
  readonly startUtcUs: number;
  /** Of the clip: a multiple of its 50 frames a GOP. */
  readonly firstFrame: number;
  readonly frameCount: number;
}

export interface ClipRecordingOptions {
  readonly spans: readonly ClipSpan[];
  /** `byHand`: the first frame at once, then what a test asks for. `normal` speed. `unbraked`: each frame as soon as the one before is taken. */
  readonly pace: "byHand" | "normal" | "unbraked";
  /** The clip's sound, as a second track. */
  readonly audio?: boolean;
  /** Still being recorded. */
  readonly openEnd?: boolean;
}

let loaded: Clip | undefined;

function clip(): Clip {
  loaded ??= loadClip();
  return loaded;
}

export function clipTracks(audio: boolean): readonly Track[] {
  const { sps, pps, audioSampleRateHz } = clip();
  const video: Track = {
    index: 0,
    kind: "video",
    codec: "h264",
    clockRateHz: 90_000,
    parameters: { codec: "h264", sps: [sps], pps: [pps] },
    reorderFrames: 0,
  };
  const sound: Track = {
    index: 1,
    kind: "audio",
    codec: "g711",
    clockRateHz: audioSampleRateHz,
    parameters: { codec: "g711", muLaw: false, sampleRateHz: audioSampleRateHz, channelCount: 1 },
    reorderFrames: 0,
  };
  return audio ? [video, sound] : [video];
}

/** What was recorded of one path, `gate`. */
export class ClipRecording {
  /** Every replay that was opened, oldest first. */
  readonly replays: ClipReplay[] = [];
  readonly requests: ReplayRequest[] = [];
  readonly #options: ClipRecordingOptions;

  constructor(options: ClipRecordingOptions) {
    this.#options = options;
  }

  readonly open: OpenReplay = (request) => {
    this.requests.push(request);
    const { spans } = this.#options;
    const { startUtcUs: lastUtcUs, frameCount } = spans.at(-1)!;
    if (request.path !== "gate" || request.fromUtcUs >= lastUtcUs + frameCount * CLIP_FRAME_US)
      return Promise.reject(new CallerFault("no-stream", "nothing was recorded"));
    const replay = new ClipReplay(this.#options, request.fromUtcUs);
    this.replays.push(replay);
    return Promise.resolve(replay);
  };

  /** The newest. */
  get replay(): ClipReplay {
    return this.replays.at(-1)!;
  }
}

/** Where a replay stands. */
interface Place {
  readonly span: number;
  /** Of the span. */
  readonly frame: number;
}

/** Of 90 kHz, between two frames that were recorded before the start. */
const EARLY_TICKS = 4;

export class ClipReplay implements Replay, Source {
  readonly endUtcUs: number | undefined;
  isPaused = false;
  isAborted = false;
  /** Frames of video that were delivered, those before the start included. */
  frameCount = 0;
  readonly #fromUtcUs: number;
  #earlyCount = 0;
  readonly #options: ClipRecordingOptions;
  #place: Place;
  #sink: SourceSink | undefined;
  #publish: (unit: Unit) => void = () => {};
  #publishedSpan = -1;
  #wake: () => void = () => {};

  constructor(options: ClipRecordingOptions, fromUtcUs: number) {
    this.#options = options;
    this.#fromUtcUs = fromUtcUs;
    this.#place = placeOf(options.spans, fromUtcUs);
    const last = options.spans.at(-1)!;
    this.endUtcUs = options.openEnd === true ? undefined : last.startUtcUs + last.frameCount * CLIP_FRAME_US;
  }

  get source(): Source {
    return this;
  }

  pause(): void {
    this.isPaused = true;
    this.#wake();
  }

  resume(): void {
    this.isPaused = false;
    this.#wake();
  }

  async run(sink: SourceSink, signal: AbortSignal): Promise<void> {
    const { pace } = this.#options;
    this.#sink = sink;
    signal.addEventListener("abort", () => {
      this.isAborted = true;
      this.#wake();
    });
    this.#frame();
    while (!this.isAborted && !this.isOver) {
      if (!this.isPaused && this.#isEarly) this.#frame();
      else if (this.isPaused || pace === "byHand") await new Promise<void>((resolve) => (this.#wake = resolve));
      else if (pace === "unbraked") await setImmediate();
      else await this.#passFrame();
      if (!this.isAborted && !this.isPaused && !this.#isEarly && pace !== "byHand") this.frames(1);
    }
  }

  get isOver(): boolean {
    return this.#place.span >= this.#options.spans.length;
  }

  /** The next frame was recorded before the start. */
  get #isEarly(): boolean {
    return !this.isOver && this.#recordedUtcUs < this.#fromUtcUs;
  }

  /** Of the next frame. */
  get #recordedUtcUs(): number {
    const { span, frame } = this.#place;
    return this.#options.spans[span]!.startUtcUs + frame * CLIP_FRAME_US;
  }

  /** Delivers the next frames, with the sound that belongs to them. */
  frames(count: number): void {
    for (let i = 0; i < count && !this.isOver; i++) this.#frame();
    if (this.isOver) this.#wake();
  }

  #passFrame(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, CLIP_FRAME_US / 1000);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #frame(): void {
    const { span, frame } = this.#place;
    const { startUtcUs, firstFrame, frameCount } = this.#options.spans[span]!;
    const tracks = clipTracks(this.#options.audio === true);
    if (this.#publishedSpan !== span) this.#publish = this.#sink!.ready(tracks, "frame");
    this.#publishedSpan = span;
    this.frameCount++;
    const { frames, audio, audioSampleRateHz, fps } = clip();
    const { nals, keyframe } = frames[(firstFrame + frame) % frames.length]!;
    const isEarly = this.#isEarly;
    const [video, sound] = tracks;
    const startTicks = Math.round((this.#fromUtcUs - startUtcUs) * 0.09);
    const earlyTicks = startTicks + EARLY_TICKS * this.#earlyCount;
    if (isEarly) this.#earlyCount++;
    const ptsTicks = isEarly ? earlyTicks : Math.max(frame * (90_000 / fps), this.#earlyCount > 0 ? earlyTicks : 0);
    const common = { captureUs: 0, damaged: false };
    this.#place = frame + 1 < frameCount ? { span, frame: frame + 1 } : { span: span + 1, frame: 0 };
    this.#publish({ ...common, track: video!, ptsTicks, senderUtcUs: startUtcUs + ptsTicks / 0.09, keyframe, frame: nals });
    if (sound === undefined || isEarly) return;
    const samples = audioSampleRateHz / fps;
    const at = ((firstFrame + frame) % frames.length) * samples;
    const senderUtcUs = startUtcUs + frame * CLIP_FRAME_US;
    this.#publish({
      ...common,
      track: sound,
      ptsTicks: frame * samples,
      senderUtcUs,
      keyframe: true,
      frame: [audio.subarray(at, at + samples)],
    });
  }
}

/** The last keyframe at or before the instant, or the first frame after it. */
function placeOf(spans: readonly ClipSpan[], fromUtcUs: number): Place {
  const span = spans.findIndex(({ startUtcUs, frameCount }) => fromUtcUs < startUtcUs + frameCount * CLIP_FRAME_US);
  const { startUtcUs, firstFrame } = spans[span]!;
  let frame = Math.max(0, Math.floor((fromUtcUs - startUtcUs) / CLIP_FRAME_US));
  const { frames } = clip();
  while (frame > 0 && !frames[(firstFrame + frame) % frames.length]!.keyframe) frame--;
  return { span, frame };
}
