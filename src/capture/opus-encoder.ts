// One ffmpeg that makes Opus of an audio track: MPEG-TS into it, Ogg out of it, over pipes. What comes out has the capture times of what went in.
import type { Log } from "#base/log.ts";
import { GroupProcess } from "#base/process/group-process.ts";
import type { ProcessGroups } from "#base/process/process-groups.ts";
import type { Schedule } from "#base/schedule.ts";
import { frameTicks } from "#codecs/frame-ticks.ts";
import { OPUS_CLOCK_RATE_HZ } from "#codecs/opus/packet.ts";
import { TsWriter } from "#containers/mpegts/ts-writer.ts";
import { OggOpusReader } from "#containers/ogg/ogg-opus-reader.ts";
import type { Track } from "#relay/track.ts";
import type { Unit } from "#relay/unit.ts";
import { type Captured, FedTimes } from "./fed-times.ts";
import { QUIET, TS_INPUT } from "./ffmpeg-words.ts";
import { LastWords } from "./last-words.ts";

/** A step of the times beyond this is no lost frame: ffmpeg would take it for another beginning. */
const MAX_STEP_US = 1_000_000;
/** Given for so long without anything coming back, ffmpeg stands. */
const MAX_BEHIND_US = 10_000_000;
/**
 * What was waiting while ffmpeg started comes out in one go. It is left out: a receiver would play it all, and be behind by that much for many seconds. A slow
 * machine is late for good: after this much audio everything counts.
 */
const START_US = 3_000_000;
const MAX_LATE_US = 200_000;
/** What may wait in front of it; more than it is given in that time. */
const MAX_WAITING_BYTES = 1 << 20;

export interface EncodedPacket extends Captured {
  readonly bytes: Buffer;
  /** At 48 kHz, by the first sample that was encoded. */
  readonly startSamples: number;
}

export interface OpusEncoderOptions {
  /** One that MPEG-TS carries. */
  readonly track: Track;
  /** What comes out. */
  readonly channelCount: 1 | 2;
  readonly program: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly groups: ProcessGroups;
  readonly schedule: Schedule;
  readonly log: Log;
  onPacket(packet: EncodedPacket): void;
}

export class OpusEncoder {
  /** Why there is nothing more, in words. Never rejects. */
  readonly ended: Promise<string>;
  /** Nothing of it runs any more. Never rejects. */
  readonly gone: Promise<void>;
  readonly #options: OpusEncoderOptions;
  readonly #process: GroupProcess;
  readonly #writer: TsWriter;
  readonly #reader = new OggOpusReader();
  readonly #times = new FedTimes();
  readonly #lastWords = new LastWords();
  #track: Track;
  #firstTicks: number | undefined;
  /** Of the newest unit, since the first one. */
  #fedUs = -1;
  #fedEndUs = 0;
  /** Of the newest packet. */
  #madeUs = 0;
  /** It has come up with what it is given, or never will. */
  #isInTime = false;
  /** Why it was closed from here. */
  #fault: string | undefined;

  constructor(options: OpusEncoderOptions) {
    const { track, channelCount, program, environment, groups, schedule, log } = options;
    this.#options = options;
    this.#track = track;
    this.#writer = new TsWriter([track]);
    this.#process = new GroupProcess({
      words: [program, ...encoderArguments(channelCount)],
      environment,
      groups,
      schedule,
      line: (text) => {
        this.#lastWords.line(text);
        log.debug(text);
      },
      output: (bytes) => this.#take(bytes),
    });
    this.gone = this.#process.gone;
    this.ended = this.#process.ended.then(async ({ text }) => {
      await this.gone; // what it printed tells more than its exit code, and may come later
      const words = this.#lastWords.text;
      return this.#fault ?? `ffmpeg ${text}${words === "" ? "" : `: ${words}`}`;
    });
  }

  /** False: this unit does not continue what came before, and takes another encoder. */
  continues({ track, ptsTicks }: Unit): boolean {
    if (track !== this.#track) {
      if (track.clockRateHz !== this.#track.clockRateHz || !this.#writer.setParameters(0, track.parameters)) return false;
      this.#track = track;
    }
    if (this.#firstTicks === undefined) return true;
    return Math.abs(this.#sinceFirstUs(ptsTicks) - this.#fedEndUs) <= MAX_STEP_US;
  }

  /** A unit that continues. */
  feed(unit: Unit): void {
    const { input } = this.#process;
    if (unit.frame === undefined || input === undefined || this.#fault !== undefined) return;
    this.#firstTicks ??= unit.ptsTicks;
    const timeUs = this.#sinceFirstUs(unit.ptsTicks);
    if (timeUs <= this.#fedUs) return;
    if (timeUs - this.#madeUs > MAX_BEHIND_US || input.writableLength > MAX_WAITING_BYTES) {
      this.#fail(`ffmpeg made nothing of ${MAX_BEHIND_US / 1e6} s of audio`);
      return;
    }
    const dtsTicks = unit.ptsTicks - this.#firstTicks;
    const bytes = this.#writer.write(0, { dtsTicks, ptsOffsetTicks: 0, durationTicks: 0, keyframe: true, frame: unit.frame });
    if (bytes.length === 0) return;
    const durationUs = this.#durationUs(unit.frame);
    this.#fedUs = timeUs;
    this.#fedEndUs = timeUs + durationUs;
    this.#times.note(timeUs, durationUs, unit);
    input.write(bytes);
  }

  /** Idempotent. */
  close(): void {
    this.#process.input?.end();
    this.#process.interrupt();
  }

  #sinceFirstUs(ptsTicks: number): number {
    return ((ptsTicks - this.#firstTicks!) / this.#track.clockRateHz) * 1e6;
  }

  #durationUs(frames: readonly Buffer[]): number {
    const { parameters, clockRateHz } = this.#track;
    return (frames.reduce((sum, frame) => sum + frameTicks(parameters, frame), 0) / clockRateHz) * 1e6;
  }

  #take(bytes: Buffer): void {
    if (this.#fault !== undefined) return;
    for (const packet of this.#reader.push(bytes)) {
      this.#madeUs = (packet.startSamples / OPUS_CLOCK_RATE_HZ) * 1e6;
      const captured = this.#times.at(this.#madeUs);
      if (captured === undefined) {
        this.#fail("what ffmpeg makes has other times than what it is given");
        return;
      }
      this.#isInTime ||= this.#fedEndUs - this.#madeUs <= MAX_LATE_US || this.#madeUs >= START_US;
      if (!this.#isInTime) continue;
      this.#options.onPacket({ bytes: packet.bytes, startSamples: packet.startSamples, ...captured });
    }
  }

  #fail(fault: string): void {
    this.#fault = fault;
    this.close();
  }
}

/**
 * Begins with the first frame and writes out each packet as it is made. Gaps become silence, and a clock that drifts is followed by up to 0.2 %, so that
 * samples that are counted tell times.
 */
function encoderArguments(channelCount: number): readonly string[] {
  const resample = ["-ac", String(channelCount), "-ar", String(OPUS_CLOCK_RATE_HZ), "-af", "aresample=async=100:first_pts=0"];
  const encoder = ["-c:a", "libopus", "-application", "lowdelay", "-frame_duration", "20"];
  const output = ["-f", "ogg", "-page_duration", "20000", "-flush_packets", "1", "pipe:1"];
  return [...QUIET, ...TS_INPUT, "-map", "0:a:0", ...resample, ...encoder, ...output];
}
