// What a client of RTSP takes for the time of each frame: the newest sender report (RFC 3550 §6.4.1) and the distance from its RTP timestamp.
import type { Track } from "#relay/track.ts";
import { payloadFormatOf } from "#rtp/payload/formats.ts";
import { ntpToUtcUs, parseRtcp } from "#rtp/rtcp.ts";
import { stampOf } from "../clip-media.ts";
import type { FrameStamp } from "../frame-stamp.ts";
import type { InterleavedPacket } from "../raw-rtsp-client.ts";
import { burstOf, splitFrames } from "../rtp-capture.ts";

export interface ReadTime {
  readonly stamp: FrameStamp;
  readonly utcUs: number;
}

/** Of every stamped frame of `track`, on channel 0, that has a report before it. */
export function readTimes(packets: readonly InterleavedPacket[], track: Track): readonly ReadTime[] {
  const reports = new Map<Buffer, { readonly utcUs: number; readonly timestamp: number }>();
  let report: { readonly utcUs: number; readonly timestamp: number } | undefined;
  for (const { channel, bytes } of packets) {
    if (channel === 0 && report !== undefined) reports.set(bytes, report);
    if (channel !== 1) continue;
    const [packet] = parseRtcp(bytes, 0, bytes.length);
    if (packet?.kind !== "sender-report") continue;
    report = { utcUs: ntpToUtcUs(packet.ntpSeconds, packet.ntpFraction), timestamp: packet.timestamp };
  }
  return splitFrames([...reports.keys()]).flatMap((group) => {
    const first = group[0]!;
    const { utcUs, timestamp } = reports.get(first)!;
    const stamp = stampOf(payloadFormatOf(track.codec).depacketize(burstOf(group), track.parameters) ?? []);
    const ticks = (first.readUInt32BE(4) - timestamp) | 0;
    return stamp === undefined ? [] : [{ stamp, utcUs: utcUs + (ticks * 1e6) / track.clockRateHz }];
  });
}
