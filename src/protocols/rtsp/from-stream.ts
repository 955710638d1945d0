// From the relay to one RTSP client: its packets through the gate, and sender reports with the stream's absolute time (RFC 3550 §6.4.1).
import type { Clock } from "#base/clock.ts";
import { Gate } from "#relay/gated-reader.ts";
import type { EndReason, Reader } from "#relay/reader.ts";
import type { Stream } from "#relay/stream.ts";
import type { Track } from "#relay/track.ts";
import type { Face, Unit } from "#relay/unit.ts";
import { FRAMING_BYTES, RTP_HEADER_BYTES } from "#rtp/burst.ts";
import { parseRtcp, writeBye, writeReceiverReport, writeSenderReport } from "#rtp/rtcp.ts";
import type { MediaWriter } from "./media-writer.ts";
import { ReplayGate } from "./replay-gate.ts";

/** A client's idea of the source's clock is corrected when it would be wrong by this much. */
const CLOCK_TOLERANCE_US = 500;
/** While that clock is only held, it is as sure as the arrival of frames. */
const HELD_CLOCK_TOLERANCE_US = 20_000;

export interface RtspReaderOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly writeTimeoutMs: number;
  onEnd(reason: EndReason): void;
}

/** A recording that a reader may let wait, and the clock that its times count on. */
export interface ReplayPace {
  readonly clock: Clock;
  pause(): void;
  play(): void;
}

/** Asked before each write. */
type Admission = Pick<Gate, "admits" | "wrote" | "endBacklog" | "discarded">;

/** What was sent of one track, for its sender reports. */
interface Sent {
  packets: number;
  octets: number;
  /** The stream's session at the newest report that came behind a packet: the times of another one have to be told anew. */
  reportedSession: number | undefined;
  /** UTC less stream time, µs, as the newest report told it; undefined when that carried our own clock. */
  clockUs: number | undefined;
}

/** Set up track by track, then given its writer, then attached. */
export class RtspReader implements Reader {
  readonly name: string;
  /** Of RTP packets; those of RTCP are counted apart. */
  outboundBytes = 0;
  outboundRtcpBytes = 0;
  inboundRtcpBytes = 0;
  outboundPackets = 0;
  outboundPacketsDiscarded = 0;
  outboundRtcpPackets = 0;
  inboundRtcpPackets = 0;
  inboundRtcpInError = 0;
  /** Sum over the tracks of what the client's newest reports call lost. */
  readonly #reportedLost = new Map<number, number>();
  readonly #options: RtspReaderOptions;
  readonly #sent = new Map<number, Sent>();
  #stream: Stream | undefined;
  #writer: MediaWriter | undefined;
  #gate: Admission | undefined;
  #replayGate: ReplayGate | undefined;
  /** What the times of units count on. */
  #clock: Clock;
  /** The units of the backlog are drawn together in time: no report may be made of them. */
  #inBacklog = false;

  constructor(options: RtspReaderOptions) {
    this.name = options.name;
    this.#options = options;
    this.#clock = options.clock;
  }

  get reportedLost(): number {
    let sum = 0;
    for (const lost of this.#reportedLost.values()) sum += lost;
    return sum;
  }

  /** Where to send the tracks that were set up; then the reader may be attached to `stream`. A slow reader of a `replay` misses nothing of it. */
  prepare(stream: Stream, trackIndexes: readonly number[], writer: MediaWriter, replay?: ReplayPace): void {
    const { clock } = this.#options;
    const writeTimeoutUs = this.#options.writeTimeoutMs * 1000;
    const onStuck = (): void => this.#options.onEnd("too-slow");
    const tracks = stream.tracks.filter((track) => trackIndexes.includes(track.index));
    this.#stream = stream;
    this.#writer = writer;
    this.#sent.clear();
    for (const track of tracks) this.#sent.set(track.index, { packets: 0, octets: 0, reportedSession: undefined, clockUs: undefined });
    this.#clock = replay?.clock ?? clock;
    this.#replayGate = replay && new ReplayGate({ writer, writeTimeoutUs, source: replay, onStuck });
    this.#gate =
      this.#replayGate ??
      new Gate({ tracks, pendingBytes: () => writer.pendingBytes(), writeTimeoutUs, nowUs: () => clock.nowUs(), onStuck });
    this.#inBacklog = true;
    writer.beginBacklog();
  }

  wants(track: Track): Face | undefined {
    return this.#sent.has(track.index) ? "packets" : undefined;
  }

  onUnit(unit: Unit): void {
    const burst = unit.packets!;
    const gate = this.#gate!;
    const discarded = gate.discarded;
    if (!gate.admits(unit)) {
      if (gate.discarded > discarded) this.outboundPacketsDiscarded += burst.count;
      return;
    }
    const sent = this.#sent.get(unit.track.index)!;
    const bytes = burst.bytes.length;
    if (!this.#inBacklog && this.#timesChanged(unit, sent)) this.#report(unit.track.index, sent);
    this.#writer!.writeBurst(unit.track.index, burst);
    gate.wrote(bytes);
    this.outboundBytes += bytes - burst.count * FRAMING_BYTES;
    this.outboundPackets += burst.count;
    sent.packets += burst.count;
    sent.octets += bytes - burst.count * (FRAMING_BYTES + RTP_HEADER_BYTES);
  }

  onBacklogEnd(): void {
    this.#inBacklog = false;
    this.#writer?.endBacklog();
    this.#gate?.endBacklog();
  }

  onEnd(reason: EndReason): void {
    this.#options.onEnd(reason);
  }

  /** Sender reports for every track that has sent something; due every ten seconds. */
  sendReports(): void {
    for (const [index, sent] of this.#sent) if (sent.packets > 0) this.#report(index, sent);
  }

  /** Due about once a second while it is attached. */
  tick(nowUs: number): void {
    this.#replayGate?.tick(nowUs);
  }

  /** Nothing more comes: tells the client so for each track. */
  sayBye(): void {
    for (const [index, sent] of this.#sent) {
      const { ssrc } = this.#stream!.output(index);
      this.#writeRtcp(index, Buffer.concat([this.#reportOf(index, sent) ?? writeReceiverReport(ssrc, undefined), writeBye(ssrc)]));
    }
  }

  /** RTCP of the client: its receiver reports say what it lost, a PLI that it wants a keyframe. */
  onRtcp(bytes: Buffer, start: number, end: number): void {
    const packets = parseRtcp(bytes, start, end);
    this.inboundRtcpBytes += end - start;
    if (packets.length === 0) this.inboundRtcpInError++;
    else this.inboundRtcpPackets++;
    for (const packet of packets) {
      if (packet.kind === "keyframe-request") this.#stream?.requestKeyframe();
      if (packet.kind !== "sender-report" && packet.kind !== "receiver-report") continue;
      for (const { ssrc, cumulativeLost } of packet.reports) {
        const index = this.#stream?.tracks.findIndex((track) => this.#stream!.output(track.index).ssrc === ssrc) ?? -1;
        if (index >= 0) this.#reportedLost.set(index, Math.max(0, cumulativeLost));
      }
    }
  }

  /** The client would compute another time for this unit, from the newest report, than we would. */
  #timesChanged({ track, senderUtcUs }: Unit, sent: Sent): boolean {
    const stream = this.#stream!;
    if (sent.reportedSession !== stream.session) return true;
    const clockUs = stream.sourceClockUs(track.index);
    if (clockUs === undefined) return false;
    if (sent.clockUs === undefined) return true;
    return Math.abs(clockUs - sent.clockUs) >= (senderUtcUs === undefined ? HELD_CLOCK_TOLERANCE_US : CLOCK_TOLERANCE_US);
  }

  #report(index: number, sent: Sent): void {
    const stream = this.#stream!;
    const report = this.#reportOf(index, sent);
    if (report === undefined) return;
    this.#writeRtcp(index, report);
    // gortsplib learns the SSRC from the first packet and ignores a report that comes before it.
    if (sent.packets > 0) sent.reportedSession = stream.session;
    sent.clockUs = stream.sourceClockUs(index);
  }

  #writeRtcp(index: number, bytes: Buffer): void {
    this.#writer!.writeRtcp(index, bytes);
    this.outboundRtcpPackets++;
    this.outboundRtcpBytes += bytes.length;
  }

  /** undefined before the track's first unit. */
  #reportOf(index: number, sent: Sent): Buffer | undefined {
    const stream = this.#stream!;
    const report = stream.reportAt(index, this.#clock.nowUs());
    return report && writeSenderReport({ ssrc: stream.output(index).ssrc, ...report, packets: sent.packets, octets: sent.octets });
  }
}
