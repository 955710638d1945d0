// One RTSP session of a client of ours (RFC 2326 §3.4): what it set up, what it reads or publishes, what was counted.
import { randomUUID } from "node:crypto";
import type { Clock } from "#base/clock.ts";
import { formatAddress } from "#base/listen-address.ts";
import type { Log } from "#base/log.ts";
import type { Grant, RemoteAddress } from "#relay/access.ts";
import type { PublishLease, ReadLease } from "#relay/path.ts";
import type { PublishPermit } from "#relay/path-registry.ts";
import type { EndReason } from "#relay/reader.ts";
import { RtpIngest } from "#relay/rtp-ingest.ts";
import type { SessionEntry } from "#relay/session-registry.ts";
import type { ReorderLimits } from "#rtp/reorder.ts";
import type { Sdp } from "#rtp/sdp.ts";
import type { MikeyKey } from "#rtp/srtp/mikey.ts";
import type { RtspDoor } from "./door.ts";
import { RtspReader } from "./from-stream.ts";
import { keyOfAttributes } from "./key-mgmt.ts";
import type { MediaWriter } from "./media-writer.ts";
import type { ReplayPlayer } from "./replay-player.ts";
import { type MediaTrack, tracksOf } from "./sdp-tracks.ts";
import type { SessionMedia } from "./session-media.ts";

/** RFC 2326 has 60 s; clients are told a little less. */
export const SESSION_TIMEOUT_S = 60;
export const ADVERTISED_TIMEOUT_S = 55;
const REPORT_PERIOD_US = 10_000_000;

/** A track that was set up, and what to undo when the session ends. */
export interface SetupTrack {
  readonly trackIndex: number;
  /** Of the request: the client's name for the track. */
  readonly url: string;
  release(): void;
}

export interface ServerSessionOptions {
  readonly kind: "rtspSession" | "rtspsSession";
  readonly remote: RemoteAddress;
  readonly userAgent: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly registry: RtspDoor;
  readonly readTimeoutMs: number;
  readonly writeTimeoutMs: number;
  /** It is over; nothing of it may be used any more. `byClient`: the client asked for it, or is gone. */
  onClose(session: ServerSession, byClient: boolean): void;
}

/**
 * `initial` → SETUP → `ready` → PLAY or RECORD → `active` → PAUSE → `ready`. `mode` says which of the two kinds it is, from the first
 * SETUP or the ANNOUNCE on.
 */
export class ServerSession implements SessionEntry {
  readonly id = randomUUID();
  readonly kind: ServerSessionOptions["kind"];
  readonly created = new Date();
  readonly remote: RemoteAddress;
  readonly userAgent: string;
  readonly reader: RtspReader;
  mode: "none" | "read" | "publish" = "none";
  phase: "initial" | "ready" | "active" | "closed" = "initial";
  path = "";
  query = "";
  /** Of the read lease or the permit to publish. */
  grant: Grant | undefined;
  /** `TCP` or `UDP`, the same for all tracks. */
  transport: "TCP" | "UDP" | undefined;
  /** `SAVP` is SRTP. */
  profile: "AVP" | "SAVP" | undefined;
  readonly setups: SetupTrack[] = [];
  media: SessionMedia | undefined;
  /** The URL of the ANNOUNCE, which control attributes count from. */
  announceUrl = "";
  medias: readonly MediaTrack[] = [];
  readLease: ReadLease | undefined;
  /** What `readLease` reads, where it is no live stream. */
  replay: ReplayPlayer | undefined;
  ingest: RtpIngest | undefined;
  readonly #options: ServerSessionOptions;
  readonly #log: Log;
  #announced: Sdp | undefined;
  #writer: MediaWriter | undefined;
  #permit: PublishPermit | undefined;
  #publishLease: PublishLease | undefined;
  #aliveUs: number;
  #reportedUs = 0;
  #wasActive = false;
  #receivedBefore = 0;
  #receiverSsrc = 0;

  constructor(options: ServerSessionOptions) {
    this.#options = options;
    this.kind = options.kind;
    this.remote = options.remote;
    this.userAgent = options.userAgent;
    this.#aliveUs = options.clock.nowUs();
    this.#log = options.log.child(`session ${this.id.slice(0, 8)}`);
    this.reader = new RtspReader({
      name: `RTSP ${formatAddress(options.remote.address, options.remote.port)}`,
      clock: options.clock,
      writeTimeoutMs: options.writeTimeoutMs,
      onEnd: (reason) => this.#end(reason),
    });
  }

  get user(): string {
    return this.grant?.user ?? "";
  }

  get state(): SessionEntry["state"] {
    return this.phase === "active" && this.mode !== "none" ? this.mode : "idle";
  }

  counters(): Readonly<Record<string, number>> {
    const { reader } = this;
    const inbound = this.ingest?.counters() ?? {};
    return {
      ...inbound,
      inboundBytes: (inbound["inboundBytes"] ?? 0) + reader.inboundRtcpBytes,
      inboundRTCPPackets: (inbound["inboundRTCPPackets"] ?? 0) + reader.inboundRtcpPackets,
      inboundRTCPPacketsInError: (inbound["inboundRTCPPacketsInError"] ?? 0) + reader.inboundRtcpInError,
      outboundBytes: reader.outboundBytes + reader.outboundRtcpBytes,
      outboundRTPPackets: reader.outboundPackets,
      outboundRTPPacketsReportedLost: reader.reportedLost,
      outboundRTPPacketsDiscarded: reader.outboundPacketsDiscarded,
      outboundRTCPPackets: reader.outboundRtcpPackets,
    };
  }

  /** A request of the client came. */
  touch(): void {
    this.#aliveUs = this.#options.clock.nowUs();
  }

  /** ANNOUNCE was allowed; returns what of it cannot be used, in words. */
  announce(url: string, sdp: Sdp, permit: PublishPermit): readonly string[] {
    const { usable, skipped } = tracksOf(sdp);
    this.mode = "publish";
    this.#announced = sdp;
    this.announceUrl = url;
    this.medias = usable;
    this.path = permit.path;
    this.grant = permit.grant;
    this.#permit = permit;
    return skipped;
  }

  /** The key for SRTP that the ANNOUNCE told for a track. */
  announcedKey(trackIndex: number): MikeyKey | undefined {
    return keyOfAttributes(this.medias[trackIndex]?.media.attributes ?? []) ?? keyOfAttributes(this.#announced?.attributes ?? []);
  }

  /** The first track of a publisher is set up: its packets need somewhere to go. Delivery begins with RECORD. */
  openIngest(reorder: ReorderLimits): RtpIngest {
    this.ingest ??= new RtpIngest({
      tracks: this.medias.map((media) => media.track),
      sink: { ready: (tracks, native) => this.#publishLease!.sink.ready(tracks, native) },
      reorder,
      repairTime: false,
      senderClocks: () => ({ last: undefined }),
      nowUs: () => this.#options.clock.nowUs(),
    });
    return this.ingest;
  }

  /** Call after the answer to PLAY was written. */
  play(writer: MediaWriter): void {
    if (this.phase === "closed") return;
    const lease = this.readLease!;
    this.#writer?.close();
    this.#writer = writer;
    this.phase = "active";
    this.#wasActive = true;
    this.#reportedUs = this.#options.clock.nowUs();
    this.reader.prepare(
      lease.stream,
      this.setups.map((setup) => setup.trackIndex),
      writer,
      this.replay,
    );
    const tracks = `with ${this.transport}, ${this.setups.length} of ${lease.stream.tracks.length} tracks`;
    if (this.replay === undefined) this.#log.info(`is reading from path '${this.path}', ${tracks}`);
    else this.#log.info(`is replaying path '${this.path}' from ${new Date(this.replay.positionUtcUs / 1000).toISOString()} on, ${tracks}`);
    lease.start();
  }

  /** Throws a CallerFault when the path is taken or has changed. */
  record(sendReport: (trackIndex: number, bytes: Buffer) => void): void {
    this.#publishLease = this.#options.registry.openForPublish(this.#permit!, {
      type: this.kind,
      id: this.id,
      onEnd: (reason) => this.#end(reason),
    });
    this.phase = "active";
    this.#wasActive = true;
    this.#receiverSsrc = Number.parseInt(this.id.slice(0, 8), 16);
    this.#sendReceiverReport = sendReport;
    this.#reportedUs = this.#options.clock.nowUs();
    this.touch();
    this.ingest?.start();
    this.#log.info(`is publishing to path '${this.path}', with ${this.transport}, tracks: ${this.medias.length}`);
  }

  pause(): void {
    if (this.phase !== "active") return;
    this.phase = "ready";
    this.readLease?.pause();
    if (this.replay === undefined) this.#writer?.close();
    else this.#writer?.finish();
    this.ingest?.stop();
    this.#publishLease?.close();
    this.#publishLease = undefined;
  }

  /** A replay's footage is over: the client may move it and play on. */
  endReplay(fault: string | undefined): void {
    this.#log.info(fault === undefined ? "has seen the replay to its end" : `replay ended: ${fault}`);
    this.reader.sayBye();
    this.pause();
    this.touch();
  }

  /** Due about once a second: reports, and the end of a client that has gone silent. */
  tick(nowUs: number): void {
    if (this.phase === "active" && nowUs - this.#reportedUs >= REPORT_PERIOD_US) {
      this.#reportedUs = nowUs;
      if (this.mode === "read") this.reader.sendReports();
      else if (this.transport === "UDP") this.#reportReceived(nowUs);
    }
    if (this.phase === "active" && this.mode === "read") this.reader.tick(nowUs);
    const received = this.#receivedPackets();
    if (received !== this.#receivedBefore) {
      this.#receivedBefore = received;
      this.#aliveUs = nowUs;
    }
    const silentUs = nowUs - this.#aliveUs;
    if (this.phase === "active" && this.mode === "publish") {
      if (silentUs > this.#options.readTimeoutMs * 1000) this.#end("source-ended");
    } else if ((this.transport === "UDP" || this.phase !== "active") && silentUs > SESSION_TIMEOUT_S * 1e6) {
      this.#end("closed");
    }
  }

  /** TEARDOWN, or the client's connection is gone. */
  tearDown(): void {
    this.#end("closed", true);
  }

  close(): void {
    this.#end("closed");
  }

  #sendReceiverReport: (trackIndex: number, bytes: Buffer) => void = () => {};

  #reportReceived(nowUs: number): void {
    for (const [index, receiver] of (this.ingest?.receivers ?? []).entries()) {
      this.#sendReceiverReport(index, receiver.writeReport(this.#receiverSsrc, nowUs));
    }
  }

  #receivedPackets(): number {
    let sum = this.reader.inboundRtcpPackets;
    for (const { counters } of this.ingest?.receivers ?? []) sum += counters.packets + counters.rtcpPackets;
    return sum;
  }

  #end(reason: EndReason, byClient = false): void {
    if (this.phase === "closed") return;
    if (this.#wasActive) this.#log.info(byClient ? "is over" : `is over: ${reason}`);
    this.phase = "closed";
    this.ingest?.stop();
    this.#writer?.close();
    this.readLease?.close();
    this.#publishLease?.close();
    for (const setup of this.setups) setup.release();
    this.#options.onClose(this, byClient);
  }
}
