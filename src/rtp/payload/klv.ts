// RTP payload for key-length-value metadata (SMPTE 336M), RFC 6597: a KLV unit in one packet or several, the marker on the last.
import type { KlvParameters, Parameters } from "#codecs/codec.ts";
import type { BurstBuilder } from "#rtp/burst.ts";
import { inspectWhole } from "./audio-packets.ts";
import type { FormatDescription, PayloadFormat } from "./payload-format.ts";
import { addPieces, joinPayloads } from "./whole-frame.ts";

function packetize(frame: readonly Buffer[], _parameters: Parameters, maxPayloadBytes: number, out: BurstBuilder): void {
  if (frame[0] !== undefined) addPieces(frame[0], maxPayloadBytes, 0, out);
}

export const klvPayload: PayloadFormat = {
  codec: "klv",
  frameEnd: "marker",
  inspect: inspectWhole,
  depacketize(burst) {
    const unit = joinPayloads(burst);
    return unit && [unit];
  },
  packetize,
};

/** §6.1 */
export function describeKlv(): FormatDescription {
  return { payloadType: undefined, rtpmap: "SMPTE336M/90000", fmtp: undefined };
}

export function klvFromSdp(): KlvParameters {
  return { codec: "klv" };
}
