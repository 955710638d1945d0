// Frames that packets carry in pieces without a header that counts them: the payloads one after the other up to the marker bit.
import { MAX_FRAME_BYTES } from "#codecs/limits.ts";
import type { BurstBuilder, PacketBurst } from "#rtp/burst.ts";
import { PayloadCursor } from "./payload-cursor.ts";

/** The payloads of a burst as one buffer, a view when there is one packet; undefined when a packet is missing or the marker is not on the last. */
export function joinPayloads(burst: PacketBurst): Buffer | undefined {
  const cursor = new PayloadCursor(burst);
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  let marker = false;
  while (cursor.next()) {
    if (!cursor.continuous) return undefined;
    parts.push(cursor.bytes.subarray(cursor.start, cursor.end));
    sizeBytes += cursor.end - cursor.start;
    marker = cursor.marker;
  }
  if (!marker || sizeBytes > MAX_FRAME_BYTES) return undefined;
  return parts.length === 1 ? parts[0] : Buffer.concat(parts, sizeBytes);
}

/** Cut wherever a packet is full; the marker is on the last one. */
export function addPieces(whole: Buffer, maxPayloadBytes: number, ticks: number, out: BurstBuilder): void {
  if (maxPayloadBytes < 1) return;
  for (let at = 0; at < whole.length; ) {
    const size = Math.min(maxPayloadBytes, whole.length - at);
    const to = out.add(size, at + size === whole.length, ticks);
    at += whole.copy(out.bytes, to, at, at + size);
  }
}
