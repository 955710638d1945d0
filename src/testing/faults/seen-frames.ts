// What a reader saw of a stamped stream, frame by frame, and what is missing in it.
import type { Track } from "#relay/track.ts";
import type { Unit } from "#relay/unit.ts";
import { payloadFormatOf } from "#rtp/payload/formats.ts";
import { isIntact, stampOf } from "../clip-media.ts";
import type { InterleavedPacket } from "../raw-rtsp-client.ts";
import { burstOf, splitFrames } from "../rtp-capture.ts";

export interface SeenFrame {
  /** The camera's; undefined for media without stamps. */
  readonly number: number | undefined;
  /** By the stamp; without one the time of arrival. */
  readonly captureUs: number;
  readonly arrivedUs: number;
  /** Something of it is missing, and it shows: by its flag, or by a gap in the sequence numbers. */
  readonly damaged: boolean;
  /** As the camera sent it; undefined for media without stamps. */
  readonly intact: boolean | undefined;
}

/** A time without media. */
export interface SeenGap {
  readonly fromUs: number;
  readonly toUs: number;
}

/** The frames in the packets of one interleaved channel that carries `track`. */
export function framesOfPackets(packets: readonly InterleavedPacket[], channel: number, track: Track): SeenFrame[] {
  const ofTrack = packets.filter((packet) => packet.channel === channel);
  const arrivals = new Map(ofTrack.map(({ bytes, arrivedUs }) => [bytes, arrivedUs]));
  const groups = splitFrames([...arrivals.keys()]);
  const damagedGroups = new Set<number>();
  let before: Buffer | undefined;
  for (const [i, group] of groups.entries()) {
    for (const packet of group) {
      const isNext = before === undefined || packet.readUInt16BE(2) === ((before.readUInt16BE(2) + 1) & 0xffff);
      if (!isNext) damagedGroups.add(i);
      if (!isNext && packet === group[0] && before![1]! >> 7 === 0) damagedGroups.add(i - 1); // its end, the marker, is missing
      before = packet;
    }
  }
  return groups.map((group, i) => {
    const damaged = damagedGroups.has(i);
    const nals = payloadFormatOf(track.codec).depacketize(burstOf(group), track.parameters) ?? [];
    return seenFrame(nals, arrivals.get(group.at(-1)!)!, undefined, damaged);
  });
}

export function frameOfUnit({ frame = [], captureUs, damaged }: Unit, arrivedUs: number): SeenFrame {
  return seenFrame(frame, arrivedUs, captureUs, damaged);
}

function seenFrame(nals: readonly Buffer[], arrivedUs: number, captureUs: number | undefined, damaged: boolean): SeenFrame {
  const stamp = stampOf(nals);
  return {
    number: stamp?.number,
    captureUs: stamp?.captureUs ?? captureUs ?? arrivedUs,
    arrivedUs,
    damaged,
    intact: stamp && isIntact(nals, stamp),
  };
}

/** Times between startUs and endUs longer than `leastUs` without media. */
export function gapsIn(frames: readonly SeenFrame[], startUs: number, endUs: number, leastUs: number): SeenGap[] {
  const gaps: SeenGap[] = [];
  let fromUs = startUs;
  for (const { captureUs } of [...frames, { captureUs: endUs }]) {
    if (captureUs - fromUs > leastUs) gaps.push({ fromUs, toUs: captureUs });
    fromUs = Math.max(fromUs, captureUs);
  }
  return gaps;
}

/** Frames that are missing between others that are not `leastUs` apart. */
export function missingIn(frames: readonly SeenFrame[], leastUs: number): number {
  const stamped = frames.filter(({ number }) => number !== undefined);
  let missing = 0;
  for (let i = 1; i < stamped.length; i++) {
    const [before, after] = [stamped[i - 1]!, stamped[i]!];
    if (after.captureUs - before.captureUs <= leastUs) missing += after.number! - before.number! - 1;
  }
  return missing;
}
