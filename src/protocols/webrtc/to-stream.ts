// From one WebRTC peer that sends to the relay: its packets in order, those that are lost asked for, keyframes wanted, and reports of what came.
import type { Clock } from "#base/clock.ts";
import { errorText } from "#base/errors.ts";
import { RtpIngest } from "#relay/rtp-ingest.ts";
import type { Track } from "#relay/track.ts";
import type { Face, Unit } from "#relay/unit.ts";
import type { ReorderLimits } from "#rtp/reorder.ts";
import { writeBitrateEstimate, writeLost, writePictureLoss, writeReceiverReport } from "#rtp/rtcp.ts";
import type { SenderClockMemory } from "#rtp/sender-clock.ts";
import { BitrateEstimate } from "./bitrate-estimate.ts";
import { LossWatch } from "./loss-watch.ts";
import type { OfferedTrack } from "./publish-negotiation.ts";
import type { SecureTransport } from "./secure-transport.ts";
import type { SessionMedia } from "./session.ts";

/** Long enough for a packet to be asked for twice and come. */
const REORDER: ReorderLimits = { packets: 128, waitUs: 200_000 };
/** Encoders of WebRTC make a keyframe only when asked; recordings and joining readers live on them. MediaMTX asks as often. */
const KEYFRAME_PERIOD_US = 2_000_000;
/** Damage is mended by a keyframe, but not by several at once. */
const MIN_KEYFRAME_US = 500_000;
const LOSS_TIMER_MS = 20;
/** Packets that are kept until it is known which tracks come. */
const MAX_EARLY_PACKETS = 1024;

/** Where the media goes, once it is known what it is. */
export interface Publication {
  take(unit: Unit): void;
  close(): void;
}

export interface InboundMediaOptions {
  /** Several of one media are its formats: the first that comes is the one. */
  readonly tracks: readonly OfferedTrack[];
  /** SSRC of ours in reports. */
  readonly ssrc: number;
  readonly gatherTimeoutMs: number;
  /** A source that we chose: its timestamps are checked and mended. What a publisher sends is taken as it is. */
  readonly repairTime: boolean;
  /** What is known of the sender's clock on each track, from its earlier sessions. */
  readonly senderClocks: (trackIndex: number) => SenderClockMemory;
  readonly clock: Clock;
  /** What can be decoded has come; may throw why it cannot be published. */
  publish(tracks: readonly Track[], native: Face, askForKeyframe: () => void): Publication;
  /** Nothing comes, or it cannot be published: it is over, and why. */
  onEnd(reason: string): void;
}

/** One offered track. */
interface Incoming {
  readonly offered: OfferedTrack;
  readonly payloadType: number;
  readonly losses: LossWatch;
  /** Undefined before its first packet. */
  ssrc: number | undefined;
  /** Among those that came; undefined until that is known, and for one that did not come. */
  index: number | undefined;
}

export class InboundMedia implements SessionMedia {
  readonly #options: InboundMediaOptions;
  readonly #incoming: readonly Incoming[];
  readonly #estimate = new BitrateEstimate();
  #transport: SecureTransport | undefined;
  #ingest: RtpIngest | undefined;
  #publication: Publication | undefined;
  #early: { readonly incoming: Incoming; readonly bytes: Buffer }[] = [];
  #gatherTimer: NodeJS.Timeout | undefined;
  #lossTimer: NodeJS.Timeout | undefined;
  #keyframeAskedUs = Number.NEGATIVE_INFINITY;
  #rtcpSent = 0;
  #rtcpReceived = 0;
  #closed = false;

  constructor(options: InboundMediaOptions) {
    this.#options = options;
    this.#incoming = options.tracks.map((offered) => ({
      offered,
      payloadType: offered.format.payloadType,
      losses: new LossWatch(),
      ssrc: undefined,
      index: undefined,
    }));
  }

  /** Monotonic time of the newest packet; undefined before the tracks are known. */
  get lastPacketUs(): number | undefined {
    return this.#ingest?.lastPacketUs;
  }

  begin(transport: SecureTransport): void {
    this.#transport = transport;
    this.#gatherTimer = setTimeout(() => this.#gathered(), this.#options.gatherTimeoutMs);
  }

  onRtp(datagram: Buffer, end: number): void {
    const payloadType = datagram[1]! & 0x7f;
    const incoming = this.#incoming.find((one) => one.payloadType === payloadType);
    if (incoming === undefined) return;
    incoming.ssrc ??= datagram.readUInt32BE(8);
    if (incoming.losses.came(datagram.readUInt16BE(2))) this.#askForLost();
    if (this.#ingest !== undefined) {
      if (incoming.index !== undefined) this.#ingest.onPacket(incoming.index, false, datagram, 0, end);
      return;
    }
    if (this.#early.length < MAX_EARLY_PACKETS) this.#early.push({ incoming, bytes: datagram.subarray(0, end) });
    if (this.#allCame()) this.#gathered();
  }

  onRtcp(compound: Buffer): void {
    this.#rtcpReceived++;
    const sender = compound.readUInt32BE(4);
    const index = this.#incoming.find(({ ssrc }) => ssrc === sender)?.index;
    if (index !== undefined) this.#ingest?.onPacket(index, true, compound, 0, compound.length);
  }

  tick(nowUs: number): void {
    const receivers = this.#ingest?.receivers ?? [];
    const { ssrc } = this.#options;
    let expected = 0;
    let lost = 0;
    for (const receiver of receivers) {
      this.#send(receiver.writeReport(ssrc, nowUs));
      expected += receiver.counters.packets + receiver.lost;
      lost += receiver.lost;
    }
    if (receivers.length === 0) return;
    const senders = this.#incoming.flatMap((one) => (one.ssrc === undefined ? [] : [one.ssrc]));
    this.#sendFeedback(writeBitrateEstimate(ssrc, senders, this.#estimate.next(expected, lost)));
    if (nowUs - this.#keyframeAskedUs >= KEYFRAME_PERIOD_US) this.#askForKeyframe();
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#ingest?.counters(), inboundRTCPPackets: this.#rtcpReceived, outboundRTCPPackets: this.#rtcpSent };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#gatherTimer);
    clearTimeout(this.#lossTimer);
    this.#transport = undefined;
    this.#early = [];
    this.#ingest?.stop();
    this.#publication?.close();
  }

  /** One of the formats of each media. */
  #allCame(): boolean {
    return this.#incoming.every(({ offered: { mediaIndex } }) =>
      this.#incoming.some(({ offered, ssrc }) => offered.mediaIndex === mediaIndex && ssrc !== undefined),
    );
  }

  /** Every track came, or has had its time: those that came are published. */
  #gathered(): void {
    clearTimeout(this.#gatherTimer);
    const { clock, gatherTimeoutMs, repairTime, senderClocks, onEnd } = this.#options;
    const medias = new Set<number>();
    const came = this.#incoming.filter(({ ssrc, offered: { mediaIndex } }) => {
      if (ssrc === undefined || medias.has(mediaIndex)) return false;
      medias.add(mediaIndex);
      return true;
    });
    if (came.length === 0) {
      onEnd(`no media came within ${gatherTimeoutMs / 1000} s`);
      return;
    }
    const tracks = came.map(({ offered }, index): Track => ({ ...offered.track, index }));
    for (const [index, incoming] of came.entries()) incoming.index = index;
    const ingest = new RtpIngest({
      tracks,
      sink: { ready: (known, native) => this.#publish(known, native) },
      reorder: REORDER,
      repairTime,
      senderClocks,
      nowUs: () => clock.nowUs(),
    });
    this.#ingest = ingest;
    ingest.start();
    const early = this.#early;
    this.#early = [];
    for (const { incoming, bytes } of early) {
      if (incoming.index !== undefined) ingest.onPacket(incoming.index, false, bytes, 0, bytes.length);
    }
  }

  #publish(tracks: readonly Track[], native: Face): (unit: Unit) => void {
    try {
      const publication = this.#options.publish(tracks, native, () => this.#askForKeyframe());
      this.#publication = publication;
      return (unit) => {
        if (unit.damaged && unit.track.kind === "video") this.#askForKeyframe();
        publication.take(unit);
      };
    } catch (error) {
      queueMicrotask(() => this.#options.onEnd(errorText(error)));
      return () => {};
    }
  }

  #askForKeyframe(): void {
    const nowUs = this.#options.clock.nowUs();
    if (nowUs - this.#keyframeAskedUs < MIN_KEYFRAME_US) return;
    this.#keyframeAskedUs = nowUs;
    for (const { offered, ssrc } of this.#incoming) {
      if (offered.track.kind === "video" && ssrc !== undefined) this.#sendFeedback(writePictureLoss(this.#options.ssrc, ssrc));
    }
  }

  #askForLost(): void {
    const nowUs = this.#options.clock.nowUs();
    for (const { losses, ssrc } of this.#incoming) {
      const sequences = losses.due(nowUs);
      if (sequences.length > 0 && ssrc !== undefined) this.#sendFeedback(writeLost(this.#options.ssrc, ssrc, sequences));
    }
    if (this.#lossTimer !== undefined || !this.#incoming.some(({ losses }) => losses.pending)) return;
    this.#lossTimer = setTimeout(() => {
      this.#lossTimer = undefined;
      this.#askForLost();
    }, LOSS_TIMER_MS);
  }

  /** Behind a report, which every client understands (RFC 3550 §6.1). */
  #sendFeedback(packet: Buffer): void {
    this.#send(Buffer.concat([writeReceiverReport(this.#options.ssrc, undefined), packet]));
  }

  #send(packet: Buffer): void {
    if (this.#transport === undefined) return;
    this.#transport.sendRtcp(packet);
    this.#rtcpSent++;
  }
}
