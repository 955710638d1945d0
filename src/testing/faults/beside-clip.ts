// The clip with other tracks beside it, in whatever format a row wants: a session description of several medias, and what each sends with every frame.

import type { MediaPacket } from "../camera-media.ts";
import { ClipMedia } from "../clip-media.ts";
import type { ScriptedCameraOptions } from "../scripted-camera.ts";
import type { Setting } from "./fault.ts";

const FRAMES_PER_SECOND = 25;
const RTP_HEADER_BYTES = 12;
const OTHER_SSRC = 0x0a0b_0c0d;

/** A media; made anew for each connection. */
export interface OtherTrack {
  /** Its lines in the session description, without `a=control`. */
  readonly sdp: readonly string[];
  /** What it sends with frame `frame` of the clip, as track `track`. */
  next(frame: number, track: number): readonly MediaPacket[];
}

/** A camera that plays the clip as track 0, and `others` from track 1 on. `change` rewrites the session description. */
export function besideClip(others: () => readonly OtherTrack[], change: (sdp: string) => string = (sdp) => sdp) {
  return ({ clock }: Setting): ScriptedCameraOptions => ({
    media: () => {
      const clip = new ClipMedia({ clock });
      const tracks = others();
      return {
        sdp: change(clip.sdp) + sdpOf(tracks, 1),
        next: (frame) => [...clip.next(frame), ...tracks.flatMap((track, i) => track.next(frame, i + 1))],
      };
    },
  });
}

/** The lines of tracks from index `first` on. */
export function sdpOf(tracks: readonly OtherTrack[], first: number): string {
  return tracks
    .flatMap(({ sdp }, i) => [...sdp.filter((line) => line !== "" && !line.startsWith("a=control:")), `a=control:trackID=${first + i}`])
    .map((line) => `${line}\r\n`)
    .join("");
}

export interface RtpFields {
  readonly payloadType: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly marker?: boolean;
  readonly ssrc?: number;
}

/** A packet without extension, padding and CSRC (RFC 3550 §5.1). */
export function rtp({ payloadType, sequence, timestamp, marker = false, ssrc = OTHER_SSRC }: RtpFields, payload: Buffer): Buffer {
  const bytes = Buffer.alloc(RTP_HEADER_BYTES + payload.length);
  bytes[0] = 0x80;
  bytes[1] = (marker ? 0x80 : 0) | payloadType;
  bytes.writeUInt16BE(sequence & 0xffff, 2);
  bytes.writeUInt32BE(timestamp % 2 ** 32, 4);
  bytes.writeUInt32BE(ssrc, 8);
  payload.copy(bytes, RTP_HEADER_BYTES);
  return bytes;
}

export interface PacketPerFrameOptions {
  readonly payloadType: number;
  readonly ticksPerFrame: number;
  readonly marker?: boolean;
  payloadOf(frame: number): Buffer;
}

/** One packet with each frame of the clip. */
export function packetPerFrame({ payloadType, ticksPerFrame, marker = false, payloadOf }: PacketPerFrameOptions): OtherTrack["next"] {
  let sequence = 65_530;
  return (frame, track) => {
    const fields = { payloadType, marker, sequence: sequence++, timestamp: frame * ticksPerFrame };
    return [{ track, isRtcp: false, bytes: rtp(fields, payloadOf(frame)) }];
  };
}

export interface CodedSoundOptions {
  readonly payloadType: number;
  readonly sampleRateHz: number;
  /** Of one coded frame. Default: AAC's 1024. */
  readonly samplesPerFrame?: number;
  /** Coded frames that go together, in one packet or several of one timestamp. Default: 1. */
  readonly framesPerGroup?: number;
}

/** Coded frames as their time comes, over and over: `payloadsOf` gives the payloads of a group, the last one gets the marker. */
export function codedSound(
  frames: readonly Buffer[],
  { payloadType, sampleRateHz, samplesPerFrame = 1024, framesPerGroup = 1 }: CodedSoundOptions,
  payloadsOf: (group: readonly Buffer[]) => readonly Buffer[],
): OtherTrack["next"] {
  let sequence = 0;
  let next: number | undefined;
  return (frame, track) => {
    const dueSamples = ((frame + 1) * sampleRateHz) / FRAMES_PER_SECOND;
    const groupSamples = samplesPerFrame * framesPerGroup;
    next ??= Math.floor(dueSamples / groupSamples);
    const packets: MediaPacket[] = [];
    for (; (next + 1) * groupSamples <= dueSamples; next++) {
      const group = Array.from({ length: framesPerGroup }, (_, i) => frames[(next! * framesPerGroup + i) % frames.length]!);
      const payloads = payloadsOf(group);
      for (const [i, payload] of payloads.entries()) {
        const fields = { payloadType, sequence: sequence++, timestamp: next * groupSamples, marker: i === payloads.length - 1 };
        packets.push({ track, isRtcp: false, bytes: rtp(fields, payload) });
      }
    }
    return packets;
  };
}

/** AAC-hbr (RFC 3640 §3.3.6): a 13-bit size and a 3-bit index of each frame before all of them. */
export function aacHbr(frames: readonly Buffer[], options: CodedSoundOptions): OtherTrack["next"] {
  return codedSound(frames, options, (group) => [aacHbrPayload(group, group)]);
}

/** AU headers of `units`, and `parts` behind them. */
export function aacHbrPayload(units: readonly Buffer[], parts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(2 + 2 * units.length);
  head.writeUInt16BE(16 * units.length, 0);
  for (const [i, unit] of units.entries()) head.writeUInt16BE(unit.length << 3, 2 + 2 * i);
  return Buffer.concat([head, ...parts]);
}
