// The picture of a path on its way into an encoder: MPEG-TS, from a keyframe on, and from the next one after each frame that is missing.
import type { Writable } from "node:stream";
import { DtsClock } from "#codecs/dts-clock.ts";
import { TsWriter } from "#containers/mpegts/ts-writer.ts";
import type { EndReason, Reader } from "#relay/reader.ts";
import type { Track } from "#relay/track.ts";
import type { Face, Unit } from "#relay/unit.ts";

/** What may wait in front of the encoder; a program that is behind by more is too slow for this picture. */
const MAX_WAITING_BYTES = 4 << 20;

export interface VideoFeedOptions {
  /** One that MPEG-TS carries. */
  readonly track: Track;
  /** Once: nothing is fed any more. */
  onEnd(reason: EndReason): void;
}

export class VideoFeed implements Reader {
  readonly name = "video encoder";
  readonly liveOnly = true;
  readonly #options: VideoFeedOptions;
  readonly #writer: TsWriter;
  readonly #dtsClock: DtsClock;
  #track: Track;
  #input: Writable | undefined;
  #firstTicks: number | undefined;
  #isWaiting = true;
  #isOver = false;

  constructor(options: VideoFeedOptions) {
    const { track } = options;
    this.#options = options;
    this.#track = track;
    this.#writer = new TsWriter([track]);
    this.#dtsClock = new DtsClock(track.parameters, track.clockRateHz);
  }

  /** Where it goes from now on; what comes before is left out. */
  begin(input: Writable): void {
    this.#input = input;
  }

  wants(track: Track): Face | undefined {
    return track.index === this.#track.index ? "frame" : undefined;
  }

  onUnit(unit: Unit): void {
    const { track, frame, keyframe, damaged, ptsTicks } = unit;
    const input = this.#input;
    if (this.#isOver || input === undefined) return;
    if (track !== this.#track && !this.#take(track)) {
      this.onEnd("tracks-changed");
      return;
    }
    if (damaged || frame === undefined) this.#isWaiting = true;
    else if (keyframe) this.#isWaiting = false;
    if (this.#isWaiting || frame === undefined) return;
    if (input.writableLength > MAX_WAITING_BYTES) {
      this.onEnd("too-slow");
      return;
    }
    this.#firstTicks ??= ptsTicks;
    const dtsTicks = this.#dtsClock.next(frame, ptsTicks);
    const times = { dtsTicks: dtsTicks - this.#firstTicks, ptsOffsetTicks: ptsTicks - dtsTicks };
    const bytes = this.#writer.write(0, { ...times, durationTicks: 0, keyframe, frame });
    if (bytes.length > 0) input.write(bytes);
  }

  /** The source is back: its frames follow no others. */
  onRestart(): void {
    this.#isWaiting = true;
  }

  onEnd(reason: EndReason): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#input?.end();
    this.#options.onEnd(reason);
  }

  /** False: what is fed so far cannot go on with these parameters. */
  #take(track: Track): boolean {
    if (track.clockRateHz !== this.#track.clockRateHz || !this.#writer.setParameters(0, track.parameters)) return false;
    this.#track = track;
    this.#dtsClock.setParameters(track.parameters);
    return true;
  }
}
