// A reader that keeps what it gets, and units to give it.
import type { EndReason, Reader } from "#relay/reader.ts";
import type { Track } from "#relay/track.ts";
import type { Face, Unit } from "#relay/unit.ts";
import { FRAMING_BYTES, type PacketBurst, sequenceOf } from "#rtp/burst.ts";
import { frameNumberOf, frameNumberOfPacket, type SyntheticFrame, type SyntheticVideo } from "./synthetic-track.ts";

export interface UnitTapOptions {
  readonly name?: string;
  /** Default: the packets of every track. */
  readonly wants?: (track: Track) => Face | undefined;
  readonly onUnit?: (unit: Unit, tap: UnitTap) => void;
  readonly onEnd?: (reason: EndReason) => void;
}

export class UnitTap implements Reader {
  readonly name: string;
  readonly units: Unit[] = [];
  readonly ends: EndReason[] = [];
  /** How many units came before `onBacklogEnd`; undefined until it was called. */
  backlogCount: number | undefined;
  outboundBytes = 0;
  readonly #options: UnitTapOptions;

  constructor(options: UnitTapOptions = {}) {
    this.#options = options;
    this.name = options.name ?? "tap";
  }

  wants(track: Track): Face | undefined {
    return this.#options.wants === undefined ? "packets" : this.#options.wants(track);
  }

  /** A frame that is made of packets lies in memory that the next one takes: it is copied, as whoever keeps one has to. */
  onUnit(unit: Unit): void {
    const { frame, packets } = unit;
    this.units.push(frame === undefined || packets === undefined ? unit : { ...unit, frame: frame.map((part) => Buffer.from(part)) });
    this.#options.onUnit?.(unit, this);
  }

  onBacklogEnd(): void {
    this.backlogCount = this.units.length;
  }

  onEnd(reason: EndReason): void {
    this.ends.push(reason);
    this.#options.onEnd?.(reason);
  }

  /** RTP packets so far. */
  get packets(): Buffer[] {
    return this.units.flatMap((unit) => (unit.packets === undefined ? [] : rtpOf(unit.packets)));
  }

  /** Synthetic frame numbers so far, by whichever face the units have. */
  get numbers(): (number | undefined)[] {
    return this.units.map(frameNumberOfUnit);
  }
}

export function frameNumberOfUnit({ packets, frame }: Unit): number | undefined {
  const numbers = packets === undefined ? (frame ?? []).map(frameNumberOf) : rtpOf(packets).map(frameNumberOfPacket);
  return numbers.find((number) => number !== undefined);
}

/** RTP packets of a burst, as views, or copies where its numbers are not those of its bytes. */
export function rtpOf(burst: PacketBurst): Buffer[] {
  const { bytes, offsets, count, shift } = burst;
  return Array.from({ length: count }, (_, i) => {
    const packet = bytes.subarray(offsets[i]! + FRAMING_BYTES, offsets[i + 1]!);
    if (shift === undefined) return packet;
    const copy = Buffer.from(packet);
    copy.writeUInt16BE(sequenceOf(burst, i), 2);
    copy.writeUInt32BE((copy.readUInt32BE(4) + shift.timestamp) >>> 0, 4);
    return copy;
  });
}

export function sequencesOf(burst: PacketBurst): number[] {
  return Array.from({ length: burst.count }, (_, i) => sequenceOf(burst, i));
}

/** A unit as an RTSP source makes it: with packets. */
export function packetUnit(video: SyntheticVideo, track: Track, captureUs: number, frame: SyntheticFrame = video.next()): Unit {
  const { ptsTicks, keyframe } = frame;
  return { track, ptsTicks, captureUs, keyframe, damaged: false, packets: video.burstOf(frame) };
}

/** A unit as every other source makes it: with a frame. */
export function frameUnit(video: SyntheticVideo, track: Track, captureUs: number): Unit {
  const { ptsTicks, keyframe, frame } = video.next();
  return { track, ptsTicks, captureUs, keyframe, damaged: false, frame };
}
