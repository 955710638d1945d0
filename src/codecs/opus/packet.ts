// The first byte of an Opus packet (TOC), RFC 6716 §3.1: how long the packet plays.

/** Opus counts in 48 kHz samples whatever it codes (RFC 7587 §4.1). */
export const OPUS_CLOCK_RATE_HZ = 48_000;
/** 120 ms, RFC 6716 §3.2.5 R5. */
const MAX_PACKET_SAMPLES = 5760;

/** Samples of one frame by the TOC's configuration number, table 2. */
function frameSamples(configuration: number): number {
  if (configuration >= 16) return 120 << (configuration & 3); // CELT: 2.5, 5, 10, 20 ms
  if (configuration >= 12) return 480 << (configuration & 1); // hybrid: 10, 20 ms
  return [480, 960, 1920, 2880][configuration & 3]!; // SILK: 10, 20, 40, 60 ms
}

/** How many 48 kHz samples a packet holds; undefined when the packet is none. */
export function opusSamples(packet: Buffer): number | undefined {
  if (packet.length === 0) return undefined;
  const toc = packet[0]!;
  let frames = 2;
  if ((toc & 3) === 0) frames = 1;
  else if ((toc & 3) === 3) {
    if (packet.length < 2) return undefined;
    frames = packet[1]! & 0x3f;
  }
  const samples = frames * frameSamples(toc >> 3);
  return samples > 0 && samples <= MAX_PACKET_SAMPLES ? samples : undefined;
}
