// From received RTP to the relay: each track's packets become units; readiness waits until every video track's parameter sets are known.
import { reorderFramesOf } from "#codecs/reorder.ts";
import { payloadFormatOf } from "#rtp/payload/formats.ts";
import type { ReorderLimits } from "#rtp/reorder.ts";
import type { SenderClockMemory } from "#rtp/sender-clock.ts";
import { type ReceivedFrame, TrackReceiver } from "#rtp/track-receiver.ts";
import { TrackTiming } from "#rtp/track-timing.ts";
import type { SourceSink } from "./source.ts";
import type { Track } from "./track.ts";
import type { Unit } from "./unit.ts";

/** How often what is held back or unfinished is looked at, while there is something. */
const EXPIRE_MS = 50;
/** A stream whose parameter sets do not come is served without them. */
const PARAMETERS_TIMEOUT_US = 10_000_000;
/** Longer than the usual distance of keyframes. */
const RARE_KEYFRAMES_US = 5_000_000;

export interface IngestOptions {
  readonly tracks: readonly Track[];
  readonly sink: SourceSink;
  readonly reorder: ReorderLimits;
  /** A camera: its timestamps are checked and mended. What a publisher sends is taken as it is. */
  readonly repairTime: boolean;
  /** What is known of the sender's clock on each track, from its earlier sessions. */
  readonly senderClocks: (trackIndex: number) => SenderClockMemory;
  nowUs(): number;
  /** The sink was told that the stream is ready. */
  onReady?(): void;
}

/** The receiving end of one session that carries RTP: of a camera, or of a publisher. */
export class RtpIngest {
  readonly receivers: readonly TrackReceiver[];
  readonly #options: IngestOptions;
  readonly #tracks: Track[];
  readonly #timings: readonly TrackTiming[];
  /** By track; arrival. */
  readonly #lastKeyframeUs: (number | undefined)[] = [];
  #publish: ((unit: Unit) => void) | undefined;
  #startedUs: number | undefined;
  /** Monotonic time of the newest packet that is RTP; undefined before the first. */
  lastPacketUs: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: IngestOptions) {
    this.#options = options;
    this.#tracks = [...options.tracks];
    this.#timings = options.tracks.map(
      ({ index, clockRateHz }) => new TrackTiming({ clockRateHz, repair: options.repairTime, memory: options.senderClocks(index) }),
    );
    this.receivers = options.tracks.map(
      (track) =>
        new TrackReceiver({
          format: payloadFormatOf(track.codec),
          channel: track.index * 2,
          clockRateHz: track.clockRateHz,
          reorder: options.reorder,
          onFrame: (frame) => this.#onFrame(track.index, frame),
          onSenderReport: ({ ntpSeconds, ntpFraction, arrivalUs }, ticks) =>
            this.#timings[track.index]!.sender.report(ntpSeconds, ntpFraction, ticks, arrivalUs),
        }),
    );
  }

  /** By the names of the API's fields. */
  counters(): Readonly<Record<string, number>> {
    const { receivers } = this;
    const sum = (pick: (receiver: TrackReceiver) => number): number => receivers.reduce((total, one) => total + pick(one), 0);
    return {
      inboundBytes: sum((one) => one.counters.bytes + one.counters.rtcpBytes),
      inboundRTPPackets: sum((one) => one.counters.packets),
      inboundRTPPacketsLost: sum((one) => one.lost),
      inboundRTPPacketsLate: sum((one) => one.late),
      inboundRTPPacketsDuplicated: sum((one) => one.duplicates),
      inboundRTPPacketsInError: sum((one) => one.counters.inError),
      inboundRTPPacketsJitter: receivers.length === 0 ? 0 : sum((one) => one.jitter) / receivers.length,
      inboundRTCPPackets: sum((one) => one.counters.rtcpPackets),
      inboundRTCPPacketsInError: sum((one) => one.counters.rtcpInError),
    };
  }

  /** The session plays, for the first time or again: known parameter sets make the stream ready at once. */
  start(): void {
    this.#startedUs = this.#options.nowUs();
    if (this.#tracks.every((one) => this.#isDescribed(one))) this.#becomeReady();
  }

  /** RTP and RTCP of track `index`; the bytes are only borrowed. */
  onPacket(index: number, isRtcp: boolean, bytes: Buffer, start: number, end: number): void {
    const receiver = this.receivers[index];
    if (receiver === undefined) return;
    const nowUs = this.#options.nowUs();
    if (isRtcp) {
      receiver.onRtcp(bytes, start, end, nowUs);
      return;
    }
    const packetsBefore = receiver.counters.packets;
    receiver.onRtp(bytes, start, end, nowUs);
    if (receiver.counters.packets > packetsBefore) this.lastPacketUs = nowUs;
    if (receiver.pending) this.#timer ??= setTimeout(() => this.#expire(), EXPIRE_MS);
  }

  /** The session is over or pauses: what is unfinished is closed as damaged, what still comes goes nowhere. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#startedUs = undefined;
    const nowUs = this.#options.nowUs();
    for (const receiver of this.receivers) receiver.flush(nowUs);
    this.#publish = undefined;
  }

  #expire(): void {
    const nowUs = this.#options.nowUs();
    for (const receiver of this.receivers) receiver.expire(nowUs);
    this.#timer = this.receivers.some((receiver) => receiver.pending) ? setTimeout(() => this.#expire(), EXPIRE_MS) : undefined;
  }

  #onFrame(index: number, received: ReceivedFrame): void {
    let track = this.#tracks[index]!;
    let frame: readonly Buffer[] | undefined;
    const format = payloadFormatOf(track.codec);
    let parameters = received.damaged ? undefined : format.readBurst?.(received.burst, track.parameters);
    if (received.hasParameters) {
      frame = format.depacketize(received.burst, track.parameters);
      parameters = frame && format.readParameters?.(frame, track.parameters);
    }
    if (parameters !== undefined) {
      track = { ...track, parameters, reorderFrames: reorderFramesOf(parameters) };
      this.#tracks[index] = track;
    }
    const keyframe = received.keyframe || this.#isRefresh(index, received);
    if (keyframe && !received.damaged) this.#lastKeyframeUs[index] = received.arrivalUs;
    if (this.#publish === undefined) {
      const waitedUs = received.arrivalUs - (this.#startedUs ?? received.arrivalUs);
      if (this.#startedUs === undefined || !(this.#tracks.every((one) => this.#isDescribed(one)) || waitedUs > PARAMETERS_TIMEOUT_US))
        return;
      this.#becomeReady();
    }
    const { ptsTicks, captureUs, senderUtcUs } = this.#timings[index]!.next(received.ticks, received.arrivalUs, track.reorderFrames > 0);
    this.#publish?.({
      track,
      ptsTicks,
      captureUs,
      ...(senderUtcUs !== undefined && { senderUtcUs }),
      keyframe,
      damaged: received.damaged,
      packets: received.burst,
      ...(frame && { frame }),
    });
  }

  #becomeReady(): void {
    this.#publish = this.#options.sink.ready([...this.#tracks], "packets");
    this.#options.onReady?.();
  }

  /**
   * Decoding can start at a recovery point as well (H.264 §D.2.8, H.265 §D.3.8): the only start there is where IDR pictures are rare or never
   * come. Some cameras mark every frame so, and none of them may make a picture of its own.
   */
  #isRefresh(index: number, { recoveryPoint, arrivalUs }: ReceivedFrame): boolean {
    const last = this.#lastKeyframeUs[index];
    return recoveryPoint && (last === undefined || arrivalUs - last >= RARE_KEYFRAMES_US);
  }

  /** Everything a decoder needs beforehand is known, of the codecs whose readers are told it in SDP as a rule; the others are served at once. */
  #isDescribed({ index, parameters }: Track): boolean {
    switch (parameters.codec) {
      case "h264":
        return parameters.sps.length > 0 && parameters.pps.length > 0;
      case "h265": {
        // A stream that comes to a keyframe without a VPS has none.
        const hasVps = parameters.vps.length > 0 || this.#lastKeyframeUs[index] !== undefined;
        return hasVps && parameters.sps.length > 0 && parameters.pps.length > 0;
      }
      default:
        return true;
    }
  }
}
