// Packets for tests of RTP payloads: captures in testdata folders (a 16-bit length before each packet, RFC 4571) and bursts of them.
import { readFileSync } from "node:fs";
import { BurstBuilder, FRAMING_BYTES, type PacketBurst } from "#rtp/burst.ts";

export function readRtpCapture(file: URL): Buffer[] {
  const bytes = readFileSync(file);
  const packets: Buffer[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const end = at + 2 + bytes.readUInt16BE(at);
    packets.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return packets;
}

/** One RTP packet without extension. */
export function rtpPacket(payload: Buffer, sequence: number, marker = false): Buffer {
  const packet = Buffer.alloc(12 + payload.length);
  packet[0] = 0x80;
  packet[1] = (marker ? 0x80 : 0) | 96;
  packet.writeUInt16BE(sequence & 0xffff, 2);
  payload.copy(packet, 12);
  return packet;
}

export function burstOf(packets: readonly Buffer[]): PacketBurst {
  const builder = new BurstBuilder(0, 1024);
  for (const packet of packets) builder.copy(packet, 0, packet.length);
  return builder.finish();
}

/** The packets of a burst; with `firstSequence`, numbered in their bytes as a stream numbers what was packetized. */
export function packetsOf(burst: PacketBurst, firstSequence?: number): Buffer[] {
  return Array.from({ length: burst.count }, (_, i) => {
    const packet = burst.bytes.subarray(burst.offsets[i]! + FRAMING_BYTES, burst.offsets[i + 1]!);
    if (firstSequence !== undefined) packet.writeUInt16BE((firstSequence + i) & 0xffff, 2);
    return packet;
  });
}

/** Packets of one frame each: a group ends behind a marker and where the timestamp changes. */
export function splitFrames(packets: readonly Buffer[]): Buffer[][] {
  const groups: Buffer[][] = [];
  let last: Buffer | undefined;
  for (const packet of packets) {
    const open = last !== undefined && last[1]! >> 7 === 0 && last.readUInt32BE(4) === packet.readUInt32BE(4);
    if (open) groups.at(-1)!.push(packet);
    else groups.push([packet]);
    last = packet;
  }
  return groups;
}
