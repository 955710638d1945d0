// The fan-out of one path: takes units from one source, makes the missing face once if a reader wants it, hands each unit to every reader.
import type { Clock } from "#base/clock.ts";
import { BurstBuilder, RTP_HEADER_BYTES, sequenceOf } from "#rtp/burst.ts";
import { describeFormat, payloadFormatOf, sameForReaders } from "#rtp/payload/formats.ts";
import type { PayloadFormat } from "#rtp/payload/payload-format.ts";
import { makeBacklog } from "./backlog.ts";
import { GopCache, type GopMemory } from "./gop-cache.ts";
import type { EndReason, Reader } from "./reader.ts";
import { largestPacket, SmallPackets } from "./small-packets.ts";
import { TrackTimeline } from "./timeline.ts";
import type { Track } from "./track.ts";
import { TrackOutput } from "./track-output.ts";
import { TrackTally } from "./track-tally.ts";
import { type Face, mediaBytes, type Unit } from "./unit.ts";

type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** RFC 3551 §3: dynamic payload types. */
const FIRST_DYNAMIC_TYPE = 96;

interface TrackState {
  track: Track;
  readonly format: PayloadFormat;
  readonly output: TrackOutput;
  readonly timeline: TrackTimeline;
  readonly tally: TrackTally;
  /** `yes` from the first packet on that did not fit a datagram: all packets of the track are then made here. `cannot`: nobody knows the format. */
  repacketize: "no" | "yes" | "cannot";
  /** Copy-on-write: a reader may leave while a unit is handed round. */
  packetReaders: readonly Reader[];
  frameReaders: readonly Reader[];
  smallReaders: readonly Reader[];
  /** Undefined before the first reader of small packets. */
  small: SmallPackets | undefined;
}

export interface StreamOptions {
  readonly clock: Clock;
  /** Largest RTP packet that fits a datagram, header included. */
  readonly udpMaxPayloadBytes: number;
  readonly gopMemory: GopMemory;
  /** Times that leave are the source's own, where it has an accepted clock, instead of ours. */
  readonly absoluteTime?: boolean;
}

export class Stream {
  inboundBytes = 0;
  framesInError = 0;
  /** Asks the source for a keyframe, where it can; at most once a second. */
  onKeyframeWanted: (() => void) | undefined;
  readonly absoluteTime: boolean;
  readonly #clock: Clock;
  readonly #udpMaxPayloadBytes: number;
  readonly #states: readonly TrackState[];
  readonly #readers = new Set<Reader>();
  #gop: GopCache | undefined;
  readonly #videoIndex: number;
  readonly #gopMemory: GopMemory;
  #native: Face;
  /** Where live frames are made of packets, each over the one before. As large as the largest so far. */
  #frameMemory = Buffer.alloc(0);
  #epochUs: number | undefined;
  #session = 0;
  #outboundBytesOfGone = 0;
  #keyframeAskedUs = -Infinity;
  /** The backlog as the last reader got it: readers that join between two units share it. */
  #shared: { readonly face: Face; readonly isSmall: boolean; readonly units: readonly Unit[] } | undefined;

  constructor(tracks: readonly Track[], native: Face, options: StreamOptions) {
    this.#clock = options.clock;
    this.#udpMaxPayloadBytes = options.udpMaxPayloadBytes;
    this.#native = native;
    this.absoluteTime = options.absoluteTime ?? false;
    this.#states = tracks.map((track) => ({
      track,
      format: payloadFormatOf(track.codec),
      output: new TrackOutput(describeFormat(track.parameters).payloadType ?? FIRST_DYNAMIC_TYPE + track.index),
      timeline: new TrackTimeline(track.clockRateHz),
      tally: new TrackTally(),
      repacketize: track.codec === "generic" ? "cannot" : "no",
      packetReaders: [],
      frameReaders: [],
      smallReaders: [],
      small: undefined,
    }));
    this.#videoIndex = tracks.findIndex((track) => track.kind === "video");
    this.#gopMemory = options.gopMemory;
  }

  /** As they stand now; the same objects until a track's parameters change. */
  get tracks(): readonly Track[] {
    return this.#states.map((state) => state.track);
  }

  /** Track that decides where a reader may start; -1 in a stream without video. */
  get videoIndex(): number {
    return this.#videoIndex;
  }

  get readers(): ReadonlySet<Reader> {
    return this.#readers;
  }

  get outboundBytes(): number {
    let sum = this.#outboundBytesOfGone;
    for (const reader of this.#readers) sum += reader.outboundBytes ?? 0;
    return sum;
  }

  /** The RTP identity of a track: what SDP, RTP-Info and sender reports say of it. */
  output(trackIndex: number): TrackOutput {
    return this.#states[trackIndex]!.output;
  }

  /** What came of each track since the stream is there. */
  get tallies(): readonly TrackTally[] {
    return this.#states.map((state) => state.tally);
  }

  /** Another number whenever a source begins to deliver, or is gone. */
  get session(): number {
    return this.#session;
  }

  /** True when readers of this stream can go on with `tracks`. */
  accepts(tracks: readonly Track[]): boolean {
    return (
      tracks.length === this.#states.length &&
      tracks.every((track, i) => {
        const now = this.#states[i]!.track;
        return track.kind === now.kind && track.clockRateHz === now.clockRateHz && sameForReaders(now.parameters, track.parameters);
      })
    );
  }

  /** A source begins to deliver; whatever an earlier one still sends is ignored from now on. Returns its publish function. */
  begin(tracks: readonly Track[], native: Face): (unit: Unit) => void {
    const session = ++this.#session;
    this.#native = native;
    this.#gop?.clear();
    for (const [i, track] of tracks.entries()) {
      const state = this.#states[i]!;
      state.track = track;
      state.timeline.restart();
      state.output.renumber();
    }
    for (const reader of this.#readers) reader.onRestart?.();
    return (unit) => {
      if (session === this.#session) this.#publish(unit);
    };
  }

  /** The source is gone: nothing more comes until the next `begin`. */
  pause(): void {
    this.#session++;
    this.#gop?.clear();
  }

  /** Keeps the open GOP for new readers, or not. */
  cacheGop(enabled: boolean): void {
    if (!enabled) this.#gop?.clear();
    if (!enabled || this.#videoIndex < 0) this.#gop = undefined;
    else this.#gop ??= new GopCache(this.#gopMemory);
  }

  /** Attaches a reader and hands it the open GOP, if it wants the video track that is cached. */
  addReader(reader: Reader): void {
    this.#readers.add(reader);
    let videoFace: Face | undefined;
    for (const state of this.#states) {
      const face = reader.wants(state.track);
      if (face === "packets" && reader.smallPackets === true) {
        if (state.smallReaders.length === 0) smallPacketsOf(state).resume();
        state.smallReaders = [...state.smallReaders, reader];
      } else if (face === "packets") state.packetReaders = [...state.packetReaders, reader];
      else if (face === "frame") state.frameReaders = [...state.frameReaders, reader];
      if (state.track.index === this.#videoIndex) videoFace = face;
    }
    const backlog = videoFace === undefined || reader.liveOnly === true ? [] : this.#backlog(videoFace, reader.smallPackets);
    for (const unit of backlog) reader.onUnit(unit);
    reader.onBacklogEnd?.();
    if (videoFace !== undefined && backlog.length === 0) this.requestKeyframe();
  }

  /** The keyframe that the open GOP begins with, as a frame whose bytes are the caller's own; undefined: none is kept. */
  lastKeyframe(): (Unit & { readonly frame: readonly Buffer[] }) | undefined {
    const unit = this.#gop?.units[0];
    if (unit === undefined) return undefined;
    const { format } = this.#states[this.#videoIndex]!;
    const frame = unit.frame ?? (unit.packets && format.depacketize(unit.packets, unit.track.parameters));
    return frame && { ...unit, frame: frame.map((part) => Buffer.from(part)) };
  }

  removeReader(reader: Reader): void {
    if (!this.#readers.delete(reader)) return;
    this.#outboundBytesOfGone += reader.outboundBytes ?? 0;
    for (const state of this.#states) {
      state.packetReaders = state.packetReaders.filter((other) => other !== reader);
      state.frameReaders = state.frameReaders.filter((other) => other !== reader);
      state.smallReaders = state.smallReaders.filter((other) => other !== reader);
    }
  }

  /** Ends every reader. */
  end(reason: EndReason): void {
    this.pause();
    this.onKeyframeWanted = undefined;
    for (const reader of [...this.#readers]) {
      this.removeReader(reader);
      reader.onEnd(reason);
    }
  }

  /**
   * For RTP-Info: the sequence number that a reader of packets attached now will get first of each track, and the RTP timestamp of
   * one instant common to all: that of its first picture.
   */
  startOfPlay(): readonly { readonly sequence: number; readonly timestamp: number }[] {
    const first = this.#backlog("packets")[0];
    const startS =
      first === undefined ? (this.#clock.nowUs() - (this.#epochUs ?? this.#clock.nowUs())) / 1e6 : first.ptsTicks / first.track.clockRateHz;
    return this.#states.map(({ output, track }) => {
      const ofTrack = track === first?.track ? first.packets : undefined;
      return {
        sequence: ofTrack === undefined ? output.nextSequence : sequenceOf(ofTrack, 0),
        timestamp: output.rtpTimestamp(Math.round(startS * track.clockRateHz)),
      };
    });
  }

  /**
   * UTC less stream time at a track's newest unit, µs, by the source's own clock. It is held where units come without one: over a reconnect,
   * until the first report is accepted. undefined where our clock counts: no absolute time, or nothing known of the source's yet.
   */
  sourceClockUs(trackIndex: number): number | undefined {
    const { output, track } = this.#states[trackIndex]!;
    if (!this.absoluteTime || output.senderUtcUs === undefined) return undefined;
    const utcUs = output.senderUtcUs + (output.lastCaptureUs - output.senderCaptureUs);
    return utcUs - (output.lastPtsTicks / track.clockRateHz) * 1e6;
  }

  /** For sender reports: an RTP timestamp of a track, and the UTC time, µs, that belongs to it. undefined before the track's first unit. */
  reportAt(trackIndex: number, nowUs: number): { readonly timestamp: number; readonly utcUs: number } | undefined {
    const { output, track } = this.#states[trackIndex]!;
    if (output.lastCaptureUs < 0) return undefined;
    const clockUs = this.sourceClockUs(trackIndex);
    const ptsTicks = output.ptsTicksAt(nowUs, track.clockRateHz);
    // Of that tick and not of now: ffmpeg computes each time from the newest report, and would see a part of a tick as a step.
    const stampUs = output.lastCaptureUs + ((ptsTicks - output.lastPtsTicks) / track.clockRateHz) * 1e6;
    return {
      timestamp: output.rtpTimestamp(ptsTicks),
      utcUs: clockUs === undefined ? this.#clock.utcOf(stampUs).utcUs : clockUs + (ptsTicks / track.clockRateHz) * 1e6,
    };
  }

  requestKeyframe(): void {
    const nowUs = this.#clock.nowUs();
    if (this.onKeyframeWanted === undefined || nowUs - this.#keyframeAskedUs < 1e6) return;
    this.#keyframeAskedUs = nowUs;
    this.onKeyframeWanted();
  }

  #publish(unit: Draft<Unit>): void {
    const state = this.#states[unit.track.index]!;
    const { output } = state;
    const cached = this.#gop !== undefined && unit.track.index === this.#videoIndex;
    if (unit.track !== state.track) {
      state.track = unit.track;
      state.tally.parameterChanges++;
    }
    this.#epochUs ??= unit.captureUs;
    const sinceEpochUs = unit.captureUs - this.#epochUs;
    unit.ptsTicks = state.timeline.place(unit.ptsTicks, sinceEpochUs);
    const reference = this.#states[Math.max(0, this.#videoIndex)]!.timeline;
    state.timeline.align(reference, unit.ptsTicks, unit.senderUtcUs, sinceEpochUs);
    const sizeBytes = mediaBytes(unit);
    this.inboundBytes += sizeBytes;
    state.tally.note(unit, sizeBytes);
    if (unit.damaged) this.framesInError++;
    if (unit.packets !== undefined && this.#native === "packets") this.#takePackets(state, unit);
    else if (state.packetReaders.length > 0) this.#makePackets(state, unit);
    if (unit.frame === undefined && state.frameReaders.length > 0) this.#makeFrame(state, unit, true);
    output.lastPtsTicks = unit.ptsTicks;
    output.lastCaptureUs = unit.captureUs;
    if (unit.senderUtcUs !== undefined) {
      output.senderUtcUs = unit.senderUtcUs;
      output.senderCaptureUs = unit.captureUs;
    }
    if (cached) {
      this.#gop!.push(unit);
      this.#shared = undefined;
    }
    if (unit.packets !== undefined) for (const reader of state.packetReaders) reader.onUnit(unit);
    if (unit.frame !== undefined) for (const reader of state.frameReaders) reader.onUnit(unit);
    if (state.smallReaders.length === 0) return;
    const small = smallPacketsOf(state).of(unit);
    if (small !== undefined) for (const reader of state.smallReaders) reader.onUnit(small);
  }

  #takePackets(state: TrackState, unit: Draft<Unit>): void {
    const burst = unit.packets!;
    if (state.repacketize === "no" && largestPacket(burst) > this.#udpMaxPayloadBytes) state.repacketize = "yes";
    if (state.repacketize === "yes") {
      this.#makeFrame(state, unit, true);
      if (this.#makePackets(state, unit)) return;
      if (unit.damaged) {
        delete unit.packets; // nothing whole is left of it
        delete unit.frame;
        state.output.skip();
        return;
      }
      state.output.renumber(); // goes out as it came, between frames that were made here
    }
    state.output.stampCopied(burst, unit.ptsTicks);
  }

  #makeFrame(state: TrackState, unit: Draft<Unit>, isLive: boolean): void {
    if (unit.packets === undefined) return;
    const { length } = unit.packets.bytes;
    if (isLive && this.#frameMemory.length < length) this.#frameMemory = Buffer.allocUnsafeSlow(length);
    const frame = state.format.depacketize(unit.packets, unit.track.parameters, isLive ? this.#frameMemory : undefined);
    if (frame !== undefined) unit.frame = frame;
  }

  #makePackets(state: TrackState, unit: Draft<Unit>): boolean {
    if (unit.frame === undefined) return false;
    let sizeBytes = 0;
    for (const part of unit.frame) sizeBytes += part.length;
    const builder = new BurstBuilder(unit.track.index * 2, sizeBytes + (sizeBytes >> 4) + 256);
    state.format.packetize(unit.frame, unit.track.parameters, this.#udpMaxPayloadBytes - RTP_HEADER_BYTES, builder);
    if (builder.count === 0) return false;
    unit.packets = builder.finish();
    state.output.stampMade(unit.packets, unit.ptsTicks, unit.damaged);
    return true;
  }

  #backlog(face: Face, isSmall = false): readonly Unit[] {
    const units = this.#gop?.units ?? [];
    if (units.length === 0) return [];
    if (this.#shared?.face === face && this.#shared.isSmall === isSmall) return this.#shared.units;
    const state = this.#states[this.#videoIndex]!;
    if (isSmall) {
      this.#shared = { face, isSmall, units: smallPacketsOf(state).backlogOf(units) };
      return this.#shared.units;
    }
    const { nextSequence } = state.output;
    if (face === "frame") this.#gop!.lend(); // frames are views of the packets; packets are copied below
    for (const unit of units) {
      if (unit[face] !== undefined) continue;
      if (face === "frame") this.#makeFrame(state, unit, false);
      else this.#makePackets(state, unit);
    }
    state.output.nextSequence = nextSequence; // packets made only for the backlog get their numbers there
    const backlog = makeBacklog(units, face, state.output);
    this.#shared = { face, isSmall, units: backlog };
    return backlog;
  }
}

function smallPacketsOf(state: TrackState): SmallPackets {
  state.small ??= new SmallPackets(state.format, state.output, state.track.parameters);
  return state.small;
}
