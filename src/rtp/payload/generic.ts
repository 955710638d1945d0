// Formats that pass through unread: their packets are relayed as they came, and have no frames.
import type { GenericParameters } from "#codecs/codec.ts";
import { inspectWhole } from "./audio-packets.ts";
import type { FormatDescription, PayloadFormat } from "./payload-format.ts";

export const genericPayload: PayloadFormat = {
  codec: "generic",
  frameEnd: "packet",
  inspect: inspectWhole,
  depacketize: () => undefined,
  packetize: () => {},
};

/** First of the dynamic payload types, RFC 3551 §3. */
const FIRST_DYNAMIC = 96;

export function describeGeneric({ rtpmap, fmtp, payloadType }: GenericParameters): FormatDescription {
  return { payloadType: payloadType < FIRST_DYNAMIC ? payloadType : undefined, rtpmap, fmtp };
}

export function genericFromSdp({ rtpmap, fmtp, payloadType }: FormatDescription): GenericParameters {
  return { codec: "generic", rtpmap, fmtp, payloadType: payloadType ?? FIRST_DYNAMIC };
}
