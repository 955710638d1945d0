// RTP payload for Opus, RFC 7587: one Opus packet in each RTP packet.
import type { OpusParameters, Parameters } from "#codecs/codec.ts";
import { opusSamples } from "#codecs/opus/packet.ts";
import type { BurstBuilder } from "#rtp/burst.ts";
import { depacketizeWhole, inspectWhole } from "./audio-packets.ts";
import type { FormatDescription, PayloadFormat } from "./payload-format.ts";
import { parseFmtp } from "./sdp-text.ts";

/** §4.2 forbids to split an Opus packet: one that is too large is left out. */
function packetize(frame: readonly Buffer[], _parameters: Parameters, maxPayloadBytes: number, out: BurstBuilder): void {
  let ticks = 0;
  for (const packet of frame) {
    if (packet.length > 0 && packet.length <= maxPayloadBytes) {
      const to = out.add(packet.length, false, ticks);
      packet.copy(out.bytes, to);
    }
    ticks += opusSamples(packet) ?? 0;
  }
}

export const opusPayload: PayloadFormat = {
  codec: "opus",
  frameEnd: "packet",
  inspect: inspectWhole,
  depacketize: depacketizeWhole,
  packetize,
};

/** §7: the rtpmap always says two channels; what is sent says sprop-stereo. */
export function describeOpus(parameters: OpusParameters): FormatDescription {
  return { payloadType: undefined, rtpmap: "opus/48000/2", fmtp: `sprop-stereo=${parameters.channelCount > 1 ? 1 : 0}` };
}

export function opusFromSdp(description: FormatDescription): OpusParameters {
  return { codec: "opus", channelCount: parseFmtp(description.fmtp).get("sprop-stereo") === "1" ? 2 : 1 };
}
