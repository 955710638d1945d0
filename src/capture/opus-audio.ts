// The Opus of one audio track, as a stream that its readers share: an encoder runs while one of them is there, and is started again when it dies.
import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import type { Log } from "#base/log.ts";
import type { Schedule } from "#base/schedule.ts";
import { OPUS_CLOCK_RATE_HZ } from "#codecs/opus/packet.ts";
import type { EndReason, Reader } from "#relay/reader.ts";
import type { Stream } from "#relay/stream.ts";
import type { Track } from "#relay/track.ts";
import type { Face, Unit } from "#relay/unit.ts";
import type { OpusEncoder, OpusEncoderOptions } from "./opus-encoder.ts";

const RETRY_FIRST_MS = 1000;
const RETRY_CAP_MS = 30_000;
/** An encoder that has run for so long was well. */
const SETTLED_US = 30_000_000;
/** A source whose times jump more often than this gets another encoder only after a wait. */
const RENEWED_US = 5_000_000;

/** A reader's share: the encoder ends with the last one. */
export interface OpusLease {
  /** Of one track. */
  readonly stream: Stream;
  /** Why nothing comes at present, in words. */
  readonly fault: string | undefined;
  /** Idempotent. */
  close(): void;
}

export interface OpusAudioOptions {
  readonly source: Stream;
  readonly track: Track;
  readonly clock: Clock;
  readonly schedule: Schedule;
  /** Of the path. */
  readonly log: Log;
  makeStream(track: Track): Stream;
  startEncoder(options: Pick<OpusEncoderOptions, "track" | "channelCount" | "onPacket">): OpusEncoder;
  /** Nobody has a lease any more. */
  onClose(audio: OpusAudio): void;
}

export class OpusAudio implements Reader {
  readonly name = "Opus encoder";
  readonly liveOnly = true;
  readonly source: Stream;
  readonly trackIndex: number;
  readonly #options: OpusAudioOptions;
  readonly #opus: Track;
  readonly #channelCount: 1 | 2;
  readonly #stream: Stream;
  readonly #backoff = new Backoff({ baseMs: RETRY_FIRST_MS, capMs: RETRY_CAP_MS });
  #leases = 0;
  #encoder: OpusEncoder | undefined;
  #startedUs = 0;
  #cancelWait: (() => void) | undefined;
  #fault: string | undefined;
  #isClosed = false;

  constructor(options: OpusAudioOptions) {
    this.#options = options;
    this.source = options.source;
    this.trackIndex = options.track.index;
    const { parameters } = options.track;
    this.#channelCount = "channelCount" in parameters && parameters.channelCount === 1 ? 1 : 2;
    this.#opus = {
      index: 0,
      kind: "audio",
      codec: "opus",
      clockRateHz: OPUS_CLOCK_RATE_HZ,
      parameters: { codec: "opus", channelCount: this.#channelCount },
      reorderFrames: 0,
    };
    this.#stream = options.makeStream(this.#opus);
  }

  /** Attaches to the source with the first lease. */
  lease(): OpusLease {
    if (this.#leases++ === 0) {
      this.#options.log.info(`audio is transcoded to Opus, from ${this.#options.track.codec.toUpperCase()}`);
      this.source.addReader(this);
    }
    let isOpen = true;
    const fault = (): string | undefined => this.#fault;
    return {
      stream: this.#stream,
      get fault() {
        return fault();
      },
      close: () => {
        if (isOpen && --this.#leases === 0) this.#close();
        isOpen = false;
      },
    };
  }

  wants(track: Track): Face | undefined {
    return track.index === this.trackIndex ? "frame" : undefined;
  }

  onUnit(unit: Unit): void {
    if (this.#encoder?.continues(unit) === false) this.#renew();
    if (this.#cancelWait !== undefined || this.#isClosed) return;
    this.#encoder ??= this.#start(unit.track);
    this.#encoder.feed(unit);
  }

  onRestart(): void {
    if (this.#encoder !== undefined) this.#renew();
  }

  /** Its readers are those of the source, and are told themselves. */
  onEnd(_reason: EndReason): void {
    this.stop();
  }

  /** For good; leases are good for nothing any more. Idempotent. */
  stop(): void {
    this.#isClosed = true;
    this.#cancelWait?.();
    this.#encoder?.close();
    this.#encoder = undefined;
  }

  #start(track: Track): OpusEncoder {
    const publish = this.#stream.begin([this.#opus], "frame");
    this.#startedUs = this.#options.clock.nowUs();
    const encoder = this.#options.startEncoder({
      track,
      channelCount: this.#channelCount,
      onPacket: ({ bytes, startSamples, ...captured }) => {
        if (this.#encoder !== encoder) return;
        if (this.#fault !== undefined) this.#onMended();
        publish({ track: this.#opus, ptsTicks: startSamples, keyframe: true, damaged: false, frame: [bytes], ...captured });
      },
    });
    void encoder.ended.then((reason) => {
      if (this.#encoder === encoder) this.#onDied(reason);
    });
    return encoder;
  }

  #renew(): void {
    this.#encoder?.close();
    this.#encoder = undefined;
    if (this.#options.clock.nowUs() - this.#startedUs < RENEWED_US) this.#wait();
  }

  #onDied(reason: string): void {
    this.#encoder = undefined;
    if (this.#fault === undefined) this.#options.log.warn(`audio is not transcoded: ${reason}; it is tried again`);
    this.#fault = reason;
    if (this.#options.clock.nowUs() - this.#startedUs >= SETTLED_US) this.#backoff.reset();
    this.#wait();
  }

  #onMended(): void {
    this.#fault = undefined;
    this.#options.log.info("audio is transcoded again");
  }

  #wait(): void {
    this.#cancelWait = this.#options.schedule(() => {
      this.#cancelWait = undefined;
    }, this.#backoff.nextMs());
  }

  #close(): void {
    this.#options.log.info("audio is not transcoded any more: nobody wants it");
    this.source.removeReader(this);
    this.stop();
    this.#stream.end("closed");
    this.#options.onClose(this);
  }
}
