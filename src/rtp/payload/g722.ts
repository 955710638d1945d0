// RTP payload for ITU-T G.722, RFC 3551 §4.5.2: a byte holds two samples of 16 kHz, and the clock counts bytes: SDP says 8000 for ever.
import type { G722Parameters, Parameters } from "#codecs/codec.ts";
import { G722_CLOCK_RATE_HZ } from "#codecs/frame-ticks.ts";
import type { BurstBuilder } from "#rtp/burst.ts";
import { depacketizeWhole, inspectWhole } from "./audio-packets.ts";
import type { FormatDescription, PayloadFormat } from "./payload-format.ts";
import { parseRtpmap } from "./sdp-text.ts";

/** RFC 3551 table 4. */
const PAYLOAD_TYPE = 9;

/** Cut anywhere, each packet with its own time. */
function packetize(frame: readonly Buffer[], _parameters: Parameters, maxPayloadBytes: number, out: BurstBuilder): void {
  if (maxPayloadBytes < 1) return;
  let ticks = 0;
  for (const samples of frame) {
    for (let at = 0; at < samples.length; at += maxPayloadBytes) {
      const size = Math.min(maxPayloadBytes, samples.length - at);
      const to = out.add(size, false, ticks + at);
      samples.copy(out.bytes, to, at, at + size);
    }
    ticks += samples.length;
  }
}

export const g722Payload: PayloadFormat = {
  codec: "g722",
  frameEnd: "packet",
  inspect: inspectWhole,
  depacketize: depacketizeWhole,
  packetize,
};

export function describeG722(): FormatDescription {
  return { payloadType: PAYLOAD_TYPE, rtpmap: `G722/${G722_CLOCK_RATE_HZ}`, fmtp: undefined };
}

/** undefined for another clock and more than one channel. */
export function g722FromSdp(description: FormatDescription): G722Parameters | undefined {
  const { clockRateHz = G722_CLOCK_RATE_HZ, channelCount = 1 } = parseRtpmap(description.rtpmap) ?? {};
  return clockRateHz === G722_CLOCK_RATE_HZ && channelCount === 1 ? { codec: "g722" } : undefined;
}
