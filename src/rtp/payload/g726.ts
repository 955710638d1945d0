// RTP payload for ITU-T G.726, RFC 3551 §4.5.4: samples of 2 to 5 bits, packed from the least significant bit or as in AAL2.
import type { G726Parameters, Parameters } from "#codecs/codec.ts";
import { g726SampleBits } from "#codecs/frame-ticks.ts";
import type { BurstBuilder } from "#rtp/burst.ts";
import { depacketizeWhole, inspectWhole } from "./audio-packets.ts";
import type { FormatDescription, PayloadFormat } from "./payload-format.ts";
import { parseRtpmap } from "./sdp-text.ts";

const CLOCK_RATE_HZ = 8000;
/** §4.5.4: eight samples always fill whole bytes. */
const SAMPLES_PER_BLOCK = 8;
const NAME = /^(aal2-)?g726-(16|24|32|40)$/;

/** Cut between blocks of eight samples, each packet with its own time; less than a block at a frame's end is left out. */
function packetize(frame: readonly Buffer[], parameters: Parameters, maxPayloadBytes: number, out: BurstBuilder): void {
  if (parameters.codec !== "g726") return;
  const block = g726SampleBits(parameters.bitRate); // of eight samples, in bytes
  const largest = maxPayloadBytes - (maxPayloadBytes % block);
  if (largest === 0) return;
  let ticks = 0;
  for (const samples of frame) {
    const wholeBytes = samples.length - (samples.length % block);
    for (let at = 0; at < wholeBytes; at += largest) {
      const size = Math.min(largest, wholeBytes - at);
      const to = out.add(size, false, ticks + (at / block) * SAMPLES_PER_BLOCK);
      samples.copy(out.bytes, to, at, at + size);
    }
    ticks += (wholeBytes / block) * SAMPLES_PER_BLOCK;
  }
}

export const g726Payload: PayloadFormat = {
  codec: "g726",
  frameEnd: "packet",
  inspect: inspectWhole,
  depacketize: depacketizeWhole,
  packetize,
};

export function describeG726({ bitRate, aal2 }: G726Parameters): FormatDescription {
  return { payloadType: undefined, rtpmap: `${aal2 ? "AAL2-" : ""}G726-${bitRate / 1000}/${CLOCK_RATE_HZ}`, fmtp: undefined };
}

/** undefined for another rate than 8 kHz and more than one channel. */
export function g726FromSdp(description: FormatDescription): G726Parameters | undefined {
  const { name = "", clockRateHz = CLOCK_RATE_HZ, channelCount = 1 } = parseRtpmap(description.rtpmap) ?? {};
  const [, aal2, kbps] = NAME.exec(name) ?? [];
  if (kbps === undefined || clockRateHz !== CLOCK_RATE_HZ || channelCount !== 1) return undefined;
  return { codec: "g726", bitRate: (Number(kbps) * 1000) as G726Parameters["bitRate"], aal2: aal2 !== undefined };
}
