// RTP payloads of plain samples: G.711 (RFC 3551 §4.5.14) and linear PCM of 8, 16 and 24 bits (RFC 3551 §4.5.10 and §4.5.11, RFC 3190).
import type { G711Parameters, LpcmParameters, Parameters } from "#codecs/codec.ts";
import type { BurstBuilder } from "#rtp/burst.ts";
import { depacketizeWhole, inspectWhole } from "./audio-packets.ts";
import type { FormatDescription, PayloadFormat } from "./payload-format.ts";
import { parseRtpmap } from "./sdp-text.ts";

/** Static payload types, RFC 3551 table 4. */
const PCMU = 0;
const PCMA = 8;
const L16_STEREO = 10;
const L16_MONO = 11;

/** Bytes of one sample of all channels. */
function blockBytes(parameters: Parameters): number {
  if (parameters.codec === "g711") return parameters.channelCount;
  return parameters.codec === "lpcm" ? (parameters.bitDepth / 8) * parameters.channelCount : 0;
}

/** Cut between samples only, each packet with its own time. Incomplete samples at a frame's end are left out. */
function packetize(frame: readonly Buffer[], parameters: Parameters, maxPayloadBytes: number, out: BurstBuilder): void {
  const block = blockBytes(parameters);
  const largest = block > 0 ? maxPayloadBytes - (maxPayloadBytes % block) : 0;
  if (largest === 0) return;
  let ticks = 0;
  for (const samples of frame) {
    const wholeBytes = samples.length - (samples.length % block);
    for (let at = 0; at < wholeBytes; at += largest) {
      const size = Math.min(largest, wholeBytes - at);
      const to = out.add(size, false, ticks + at / block);
      samples.copy(out.bytes, to, at, at + size);
    }
    ticks += wholeBytes / block;
  }
}

const format = { frameEnd: "packet", inspect: inspectWhole, depacketize: depacketizeWhole, packetize } as const;

export const g711Payload: PayloadFormat = { codec: "g711", ...format };
export const lpcmPayload: PayloadFormat = { codec: "lpcm", ...format };

export function describeG711({ muLaw, sampleRateHz, channelCount }: G711Parameters): FormatDescription {
  const isStatic = sampleRateHz === 8000 && channelCount === 1;
  const rtpmap = `${muLaw ? "PCMU" : "PCMA"}/${sampleRateHz}${channelCount === 1 ? "" : `/${channelCount}`}`;
  return { payloadType: isStatic ? (muLaw ? PCMU : PCMA) : undefined, rtpmap, fmtp: undefined };
}

/** Payload types 0 and 8 need no rtpmap; one that names another rate or more channels counts all the same. */
export function g711FromSdp(description: FormatDescription): G711Parameters | undefined {
  const rtpmap = parseRtpmap(description.rtpmap);
  const muLaw = rtpmap === undefined ? description.payloadType === PCMU : rtpmap.name === "pcmu";
  return { codec: "g711", muLaw, sampleRateHz: rtpmap?.clockRateHz ?? 8000, channelCount: rtpmap?.channelCount ?? 1 };
}

export function describeLpcm({ bitDepth, sampleRateHz, channelCount }: LpcmParameters): FormatDescription {
  let payloadType: number | undefined;
  if (bitDepth === 16 && sampleRateHz === 44_100 && channelCount <= 2) payloadType = channelCount === 2 ? L16_STEREO : L16_MONO;
  return { payloadType, rtpmap: `L${bitDepth}/${sampleRateHz}/${channelCount}`, fmtp: undefined };
}

/** undefined when a dynamic type does not tell its rate. */
export function lpcmFromSdp(description: FormatDescription): LpcmParameters | undefined {
  const rtpmap = parseRtpmap(description.rtpmap);
  if (rtpmap === undefined) {
    return { codec: "lpcm", bitDepth: 16, sampleRateHz: 44_100, channelCount: description.payloadType === L16_STEREO ? 2 : 1 };
  }
  if (rtpmap.clockRateHz === undefined) return undefined;
  const bitDepth = rtpmap.name === "l8" ? 8 : rtpmap.name === "l24" ? 24 : 16;
  return { codec: "lpcm", bitDepth, sampleRateHz: rtpmap.clockRateHz, channelCount: rtpmap.channelCount ?? 1 };
}
