// What the audio payloads without a header of their own share: each packet is a frame.
import type { PacketBurst } from "#rtp/burst.ts";
import { PayloadCursor } from "./payload-cursor.ts";
import { PacketHas } from "./payload-format.ts";

/** `PayloadFormat.inspect`: any payload is a frame, and decoding can start at any. */
export function inspectWhole(_bytes: Buffer, start: number, end: number): number {
  return end > start ? PacketHas.slice | PacketHas.keyframe : 0;
}

/** Each packet's payload as a view. */
export function depacketizeWhole(burst: PacketBurst): readonly Buffer[] | undefined {
  const frames: Buffer[] = [];
  for (const cursor = new PayloadCursor(burst); cursor.next(); ) frames.push(cursor.bytes.subarray(cursor.start, cursor.end));
  return frames.length > 0 ? frames : undefined;
}
