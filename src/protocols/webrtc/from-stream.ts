// From the relay to one WebRTC client: packets through the gate, repeated where they were lost, and sender reports with the stream's absolute time.
import type { Clock } from "#base/clock.ts";
import { Gate } from "#relay/gated-reader.ts";
import type { ReadLease } from "#relay/path.ts";
import type { EndReason, Reader } from "#relay/reader.ts";
import type { Stream } from "#relay/stream.ts";
import type { Track } from "#relay/track.ts";
import type { Face, Unit } from "#relay/unit.ts";
import { FRAMING_BYTES, type PacketBurst, RTP_HEADER_BYTES, sequenceOf } from "#rtp/burst.ts";
import { parseRtcp, type ReportBlock, writeSenderReport } from "#rtp/rtcp.ts";
import type { SenderStream } from "#rtp/srtp/srtp-sender.ts";
import { BFrameWatch } from "./b-frame-watch.ts";
import { PacedSender } from "./paced-sender.ts";
import { type FoundPacket, findPacket, type PacketHistory } from "./packet-history.ts";
import { B_FRAMES } from "./read-negotiation.ts";
import type { SecureTransport } from "./secure-transport.ts";
import type { OpusInstead } from "./server-context.ts";
import type { SessionMedia } from "./session.ts";
import { historyOf } from "./stream-history.ts";

/** A client's idea of the source's clock is corrected when it would be wrong by this much. */
const CLOCK_TOLERANCE_US = 20_000;
/** The packets of the open GOP may be missed for so long. */
const BACKLOG_US = 1_500_000;
/** RFC 3711 §3.3.1: a first number below 2^15 keeps a receiver that misses it from guessing the wrong cycle. */
const FIRST_SEQUENCES = 2 ** 14;
/** The audio that stands in for the path's own goes by this index, and by this alone through the gate. */
const INSTEAD = -1;
const INSTEAD_UNIT = { track: { index: INSTEAD }, keyframe: false };
/** Packets that are repeated in a second: more would make bad worse. */
const MAX_REPEATED_PER_SECOND = 1000;

/** A track that was negotiated. */
export interface ReadTrack {
  readonly trackIndex: number;
  readonly ssrc: number;
  readonly payloadType: number;
}

export interface WebRtcReaderOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly writeTimeoutMs: number;
  readonly random: () => number;
  onEnd(reason: EndReason): void;
  /** The stream turned out to be one that cannot be sent. */
  onFault(message: string): void;
}

/** Audio of another stream, in the place of the path's own. Belongs to the reader. */
export interface ReadInstead extends Pick<ReadTrack, "ssrc" | "payloadType"> {
  readonly source: OpusInstead;
}

/** What is sent of one track. */
interface Sent extends ReadTrack {
  /** Whose track it is. */
  readonly stream: Stream;
  /** Undefined before the first packet. */
  numbering: SenderStream | undefined;
  readonly history: PacketHistory;
  packets: number;
  octets: number;
  /** The stream's session at the newest report: the times of another one have to be told anew. */
  reportedSession: number | undefined;
  /** UTC less stream time, µs, as the newest report told it; undefined when that carried our own clock. */
  clockUs: number | undefined;
}

/** Given what to send and where, then attached. */
export class WebRtcReader implements Reader, SessionMedia {
  readonly name: string;
  readonly smallPackets = true;
  outboundBytes = 0;
  #packets = 0;
  #rtcpPackets = 0;
  #rtcpReceived = 0;
  /** Of each track, as the client's newest report has it; by SSRC. */
  readonly #reportedLost = new Map<number, number>();
  readonly #options: WebRtcReaderOptions;
  /** By index of the track in the path's stream, or `INSTEAD`. */
  readonly #sent = new Map<number, Sent>();
  readonly #pacer: PacedSender;
  readonly #bFrames = new BFrameWatch();
  #stream: Stream | undefined;
  #lease: ReadLease | undefined;
  #instead: { readonly source: OpusInstead; readonly reader: Reader } | undefined;
  #gate: Gate | undefined;
  #transport: SecureTransport | undefined;
  /** The packets of the open GOP, which this reader got alone; undefined once nobody can miss them any more. */
  #backlog: PacketBurst[] | undefined = [];
  /** Its units are drawn together in time: no report may be made of them. */
  #inBacklog = true;
  #attachedUs = 0;
  #repeatedInSecond = 0;

  constructor(options: WebRtcReaderOptions) {
    this.#options = options;
    this.name = options.name;
    this.#pacer = new PacedSender((trackIndex, burst, first, end) => this.#send(this.#sent.get(trackIndex)!, burst, first, end));
  }

  /** What was negotiated; `lease` is the reader's own. */
  prepare(lease: ReadLease, tracks: readonly ReadTrack[], instead?: ReadInstead): void {
    const { clock, writeTimeoutMs, onEnd } = this.#options;
    const { stream } = lease;
    this.#lease = lease;
    this.#stream = stream;
    for (const track of tracks) this.#addTrack(track.trackIndex, track, stream);
    if (instead !== undefined) {
      const { source } = instead;
      this.#addTrack(INSTEAD, { ...instead, trackIndex: 0 }, source.stream);
      this.#instead = { source, reader: this.#readerOfInstead() };
    }
    this.#gate = new Gate({
      tracks: stream.tracks.filter(({ index }) => this.#sent.has(index)),
      pendingBytes: () => this.#pendingBytes(),
      writeTimeoutUs: writeTimeoutMs * 1000,
      nowUs: () => clock.nowUs(),
      onStuck: () => onEnd("too-slow"),
    });
  }

  begin(transport: SecureTransport): void {
    this.#transport = transport;
    this.#attachedUs = this.#options.clock.nowUs();
    this.#lease?.start();
    // The open GOP may have been too much for it.
    if (this.#instead !== undefined && this.#transport !== undefined) this.#instead.source.stream.addReader(this.#instead.reader);
  }

  counters(): Readonly<Record<string, number>> {
    return {
      inboundRTCPPackets: this.#rtcpReceived,
      outboundBytes: this.outboundBytes,
      outboundRTPPackets: this.#packets,
      outboundRTPPacketsReportedLost: [...this.#reportedLost.values()].reduce((sum, lost) => sum + lost, 0),
      outboundRTCPPackets: this.#rtcpPackets,
      outboundFramesDiscarded: this.#gate?.discarded ?? 0,
    };
  }

  wants(track: Track): Face | undefined {
    return this.#sent.has(track.index) ? "packets" : undefined;
  }

  onUnit(unit: Unit): void {
    if (this.#bFrames.sees(unit)) {
      this.#options.onFault(B_FRAMES);
      return;
    }
    const burst = unit.packets!;
    const sent = this.#sent.get(unit.track.index)!;
    const nowUs = this.#options.clock.nowUs();
    if (this.#inBacklog) this.#backlog!.push(burst);
    else sent.history.note(burst, nowUs);
    if (!this.#gate!.admits(unit)) return;
    this.#push(unit.track.index, sent, burst);
  }

  onBacklogEnd(): void {
    this.#inBacklog = false;
    this.#gate!.endBacklog();
  }

  onEnd(reason: EndReason): void {
    this.#options.onEnd(reason);
  }

  tick(nowUs: number): void {
    this.#repeatedInSecond = 0;
    if (nowUs - this.#attachedUs > BACKLOG_US) this.#backlog = undefined;
    if (this.#inBacklog) return;
    for (const sent of this.#sent.values()) if (sent.packets > 0) this.#report(sent);
  }

  /** A reader sends nothing but reports. */
  onRtp(): void {}

  onRtcp(compound: Buffer): void {
    this.#rtcpReceived++;
    for (const packet of parseRtcp(compound, 0, compound.length)) {
      if (packet.kind === "keyframe-request") this.#stream?.requestKeyframe();
      else if (packet.kind === "lost") this.#repeat(packet.ssrc, packet.sequences);
      else if (packet.kind === "receiver-report" || packet.kind === "sender-report") this.#takeReports(packet.reports);
    }
  }

  close(): void {
    this.#pacer.close();
    this.#transport = undefined;
    if (this.#instead !== undefined) {
      const { source, reader } = this.#instead;
      source.stream.removeReader(reader);
      source.close();
    }
    this.#lease?.close();
  }

  /** Datagrams are never pending: they leave, or are part of a frame that is paced. */
  #pendingBytes(): number {
    const path = this.#transport?.path;
    return path?.protocol === "tcp" ? path.pendingBytes() + this.#pacer.pendingBytes : 0;
  }

  #addTrack(key: number, { trackIndex, ssrc, payloadType }: ReadTrack, stream: Stream): void {
    const history = historyOf(stream, trackIndex);
    const counts = { numbering: undefined, packets: 0, octets: 0, reportedSession: undefined, clockUs: undefined };
    this.#sent.set(key, { trackIndex, ssrc, payloadType, stream, history, ...counts });
  }

  /** It ends with the path's stream, of which this reader is told anyway. */
  #readerOfInstead(): Reader {
    return {
      name: this.name,
      smallPackets: true,
      wants: () => "packets",
      onUnit: ({ packets }) => {
        const sent = this.#sent.get(INSTEAD)!;
        sent.history.note(packets!, this.#options.clock.nowUs());
        if (this.#gate!.admits(INSTEAD_UNIT)) this.#push(INSTEAD, sent, packets!);
      },
      onEnd: () => {},
    };
  }

  #push(key: number, sent: Sent, burst: PacketBurst): void {
    if (!this.#inBacklog && this.#timesChanged(sent)) this.#report(sent);
    this.#pacer.push(key, burst);
    this.#gate!.wrote(burst.bytes.length);
  }

  #send(sent: Sent, burst: PacketBurst, first: number, end: number): void {
    const transport = this.#transport;
    if (transport === undefined) return;
    sent.numbering ??= transport.stream({
      ssrc: sent.ssrc,
      payloadType: sent.payloadType,
      sequenceOffset: (Math.floor(this.#options.random() * FIRST_SEQUENCES) - sequenceOf(burst, first)) & 0xffff,
      timestampOffset: 0,
    });
    this.outboundBytes += transport.sendBurst(burst, sent.numbering, first, end);
    this.#packets += end - first;
    sent.packets += end - first;
    sent.octets += burst.offsets[end]! - burst.offsets[first]! - (end - first) * (FRAMING_BYTES + RTP_HEADER_BYTES);
  }

  #takeReports(reports: readonly ReportBlock[]): void {
    for (const { ssrc, cumulativeLost } of reports) {
      const isOurs = [...this.#sent.values()].some((sent) => sent.ssrc === ssrc);
      if (isOurs) this.#reportedLost.set(ssrc, Math.max(0, cumulativeLost)); // negative: some came twice
    }
  }

  #repeat(ssrc: number, sequences: readonly number[]): void {
    const transport = this.#transport;
    for (const sent of this.#sent.values()) {
      const { numbering } = sent;
      if (sent.ssrc !== ssrc || numbering === undefined || transport === undefined) continue;
      for (const sequence of sequences) {
        if (this.#repeatedInSecond >= MAX_REPEATED_PER_SECOND) return;
        const own = (sequence - numbering.numbering.sequenceOffset) & 0xffff;
        const found = this.#findInBacklog(own) ?? sent.history.find(own, this.#attachedUs);
        if (found === undefined) continue;
        this.#repeatedInSecond++;
        this.outboundBytes += transport.sendAgain(found.burst, numbering, found.index);
      }
    }
  }

  #findInBacklog(sequence: number): FoundPacket | undefined {
    for (const burst of this.#backlog ?? []) {
      const found = findPacket(burst, sequence);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The client would compute another time from the newest report than we would. */
  #timesChanged(sent: Sent): boolean {
    const { stream } = sent;
    if (sent.reportedSession !== stream.session) return true;
    const clockUs = stream.sourceClockUs(sent.trackIndex);
    return clockUs !== undefined && (sent.clockUs === undefined || Math.abs(clockUs - sent.clockUs) >= CLOCK_TOLERANCE_US);
  }

  #report(sent: Sent): void {
    const { stream } = sent;
    const report = stream.reportAt(sent.trackIndex, this.#options.clock.nowUs());
    if (report === undefined || this.#transport === undefined) return;
    this.#transport.sendRtcp(writeSenderReport({ ssrc: sent.ssrc, ...report, packets: sent.packets, octets: sent.octets }));
    sent.reportedSession = stream.session;
    sent.clockUs = stream.sourceClockUs(sent.trackIndex);
    this.#rtcpPackets++;
  }
}
