// Everything that happens to the RTP of one received track: check, reorder, assemble, measure, report back (RFC 3550 §6.4, A.3, A.8).
import { type AssembledFrame, FrameAssembler } from "./frame-assembler.ts";
import type { PayloadFormat } from "./payload/payload-format.ts";
import { ReorderBuffer, type ReorderLimits } from "./reorder.ts";
import { parseRtcp, writeReceiverReport } from "./rtcp.ts";
import { TimestampUnwrapper } from "./timestamp.ts";

/** 200 ms without a packet closes an open frame. */
const FRAME_TIMEOUT_US = 200_000;

/** In a row, without one of the track's own SSRC between them. */
const TAKEOVER_PACKETS = 3;

export interface ReceivedFrame extends AssembledFrame {
  /** Ticks since the track's first packet, unwrapped. */
  readonly ticks: number;
}

/** Plain counters of one track, read by API and metrics. */
export interface ReceiverCounters {
  packets: number;
  bytes: number;
  /** Packets that were no RTP, or none of this track. */
  inError: number;
  rtcpPackets: number;
  rtcpInError: number;
  rtcpBytes: number;
}

export interface SenderReportSeen {
  readonly ntpSeconds: number;
  readonly ntpFraction: number;
  /** RTP timestamp that the NTP time belongs to. */
  readonly timestamp: number;
  readonly arrivalUs: number;
}

/** Whether a packet may be RTP: version 2 (§5.1), and no RTCP on the wrong channel, whose types look like payload types 72 … 76 (RFC 5761 §4). */
export function isRtp(bytes: Buffer, start: number, end: number): boolean {
  const type = bytes[start + 1]! & 0x7f;
  return end - start >= 12 && bytes[start]! >> 6 === 2 && (type < 72 || type > 76);
}

export class TrackReceiver {
  readonly counters: ReceiverCounters = { packets: 0, bytes: 0, inError: 0, rtcpPackets: 0, rtcpInError: 0, rtcpBytes: 0 };
  /** Inter-arrival jitter, ticks (A.8). */
  jitter = 0;
  lastSenderReport: SenderReportSeen | undefined;
  /** The sender said goodbye. A hint only: silence decides. */
  byeSeen = false;
  readonly #reorder: ReorderBuffer;
  readonly #assembler: FrameAssembler;
  readonly #onSenderReport: ((report: SenderReportSeen, ticks: number) => void) | undefined;
  readonly #ticksPerUs: number;
  readonly #unwrapper = new TimestampUnwrapper();
  #ssrc = -1;
  /** Packets of an SSRC that is not the track's, in a row. */
  #other: { readonly ssrc: number; readonly sinceUs: number; readonly packets: Buffer[] } | undefined;
  /** Arrival of the newest frame. */
  #frameUs = 0;
  #transit = 0;
  #lostPrior = 0;
  #receivedPrior = 0;

  constructor(options: {
    readonly format: PayloadFormat;
    readonly channel: number;
    readonly clockRateHz: number;
    readonly reorder: ReorderLimits;
    onFrame(frame: ReceivedFrame): void;
    /** A report of the track's sender, once RTP has come. `ticks`: its RTP timestamp, unwrapped as those of the frames are. */
    onSenderReport?(report: SenderReportSeen, ticks: number): void;
  }) {
    const onFrame = options.onFrame;
    this.#onSenderReport = options.onSenderReport;
    this.#ticksPerUs = options.clockRateHz / 1e6;
    this.#assembler = new FrameAssembler(options.format, options.channel, (frame) => {
      this.#frameUs = frame.arrivalUs;
      onFrame({ ...frame, ticks: this.#unwrapper.unwrap(frame.timestamp) });
    });
    this.#reorder = new ReorderBuffer(options.reorder, (bytes, start, end, arrivalUs, lost) =>
      this.#assembler.push(bytes, start, end, arrivalUs, lost),
    );
  }

  get lost(): number {
    return this.#reorder.lost;
  }

  /** Packets that came when they were given up already. */
  get late(): number {
    return this.#reorder.late;
  }

  get duplicates(): number {
    return this.#reorder.duplicates;
  }

  /** SSRC of the sender, or -1 before its first packet. */
  get ssrc(): number {
    return this.#ssrc;
  }

  /** Something is held back or unfinished: call `expire` within a tenth of a second. */
  get pending(): boolean {
    return this.#assembler.open || this.#reorder.waiting;
  }

  /** One datagram or interleaved packet that should be RTP; the bytes are only borrowed. */
  onRtp(bytes: Buffer, start: number, end: number, arrivalUs: number): void {
    const counters = this.counters;
    if (!isRtp(bytes, start, end)) {
      counters.inError++;
      return;
    }
    const ssrc = bytes.readUInt32BE(start + 8);
    if (this.#ssrc < 0) this.#ssrc = ssrc;
    if (ssrc === this.#ssrc) {
      if (this.#other !== undefined) this.#forgetOther();
      this.#take(bytes, start, end, arrivalUs);
    } else this.#takeOther(ssrc, bytes.subarray(start, end), arrivalUs);
  }

  #take(bytes: Buffer, start: number, end: number, arrivalUs: number): void {
    const counters = this.counters;
    counters.packets++;
    counters.bytes += end - start;
    const transit = arrivalUs * this.#ticksPerUs - bytes.readUInt32BE(start + 4);
    if (counters.packets > 1) {
      const delta = Math.abs(transit - this.#transit);
      if (delta < 2 ** 31) this.jitter += (delta - this.jitter) / 16; // A.8; a wrap of the timestamp says nothing
    }
    this.#transit = transit;
    this.#reorder.push(bytes, start, end, arrivalUs);
  }

  /** The track is its first sender's; another one takes over with a few packets in a row, none of which is lost then. */
  #takeOther(ssrc: number, bytes: Buffer, arrivalUs: number): void {
    if (this.#other?.ssrc !== ssrc) {
      this.#forgetOther();
      this.#other = { ssrc, sinceUs: arrivalUs, packets: [] };
    }
    const { packets, sinceUs } = this.#other!;
    packets.push(Buffer.from(bytes));
    if (packets.length < TAKEOVER_PACKETS) return;
    this.#other = undefined;
    this.#ssrc = ssrc;
    this.#reorder.restart(arrivalUs);
    this.#assembler.cut();
    this.#unwrapper.renumber(Math.max(1, Math.round((sinceUs - this.#frameUs) * this.#ticksPerUs))); // §5.1: its timestamps begin anywhere
    for (const packet of packets) this.#take(packet, 0, packet.length, arrivalUs);
  }

  #forgetOther(): void {
    this.counters.inError += this.#other?.packets.length ?? 0;
    this.#other = undefined;
  }

  onRtcp(bytes: Buffer, start: number, end: number, arrivalUs: number): void {
    const packets = parseRtcp(bytes, start, end);
    this.counters.rtcpBytes += end - start;
    if (packets.length === 0) this.counters.rtcpInError++;
    else this.counters.rtcpPackets++;
    for (const packet of packets) {
      if (packet.kind === "bye") this.byeSeen = true;
      if (packet.kind !== "sender-report" || (this.#ssrc >= 0 && packet.ssrc !== this.#ssrc)) continue;
      const { ntpSeconds, ntpFraction, timestamp } = packet;
      this.lastSenderReport = { ntpSeconds, ntpFraction, timestamp, arrivalUs };
      const ticks = this.#unwrapper.ticksOf(timestamp);
      if (ticks !== undefined) this.#onSenderReport?.(this.lastSenderReport, ticks);
    }
  }

  /** Gives up on what has waited long enough. */
  expire(nowUs: number): void {
    this.#reorder.expire(nowUs);
    if (this.#assembler.open && nowUs - this.#assembler.arrivalUs >= FRAME_TIMEOUT_US) this.#assembler.cut();
  }

  /** The sender is gone: what is held is delivered or closed. */
  flush(nowUs: number): void {
    this.#reorder.flush(nowUs);
    this.#assembler.cut();
  }

  /** A receiver report from `ownSsrc` about what came so far. */
  writeReport(ownSsrc: number, nowUs: number): Buffer {
    if (this.#ssrc < 0) return writeReceiverReport(ownSsrc, undefined);
    const { lost } = this.#reorder;
    const lostInterval = lost - this.#lostPrior;
    const expectedInterval = this.counters.packets - this.#receivedPrior + lostInterval;
    this.#lostPrior = lost;
    this.#receivedPrior = this.counters.packets;
    const seen = this.lastSenderReport;
    return writeReceiverReport(ownSsrc, {
      ssrc: this.#ssrc,
      fractionLost: lostInterval <= 0 ? 0 : Math.min(255, Math.floor((lostInterval * 256) / expectedInterval)),
      cumulativeLost: lost,
      highestSequence: this.#reorder.highestExtended,
      jitter: this.jitter,
      // §6.4.1: the middle 32 bits of the NTP time, and how long ago it came
      lastSenderReport: seen === undefined ? 0 : (((seen.ntpSeconds & 0xffff) << 16) | (seen.ntpFraction >>> 16)) >>> 0,
      delaySinceLast: seen === undefined ? 0 : Math.min(2 ** 32 - 1, Math.round(((nowUs - seen.arrivalUs) * 65_536) / 1e6)),
    });
  }
}
