// A clip as bytes of which any part can be asked for.
import { createHash } from "node:crypto";
import type { ClipMap } from "./clip-map.ts";

export interface ClipBody {
  readonly sizeBytes: number;
  /** Of the content; a strong entity tag with its quotes, RFC 9110 §8.8.3. */
  readonly etag: string;
  /** Memory it takes, about. */
  readonly heldBytes: number;
  /** Reads as it is asked. Rejects with FootageChanged when what was there is not any more. */
  bytes(start: number, end: number, signal: AbortSignal): AsyncGenerator<Buffer, undefined>;
}

/** Equal for clips of the same frames at the same times, in the same container. */
export function etagOf(map: ClipMap, head: Buffer, sizes: readonly (Uint32Array | Float64Array)[]): string {
  const hash = createHash("sha1").update(head);
  for (const { placement } of map.placements)
    hash.update(`${placement.runId} ${placement.fromSeconds} ${placement.originTicks.join(" ")}\n`);
  for (const trackIndex of map.trackIndexes) hash.update(bytesOf(map.dtsTicksOf(trackIndex)));
  for (const numbers of sizes) hash.update(bytesOf(numbers));
  return `"${hash.digest("base64url")}"`;
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array | Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** What of `bytes`, which stand at `offset` of a file, lies in a part of it. */
export function within(bytes: Buffer, offset: number, start: number, end: number): Buffer {
  return bytes.subarray(Math.max(0, start - offset), Math.max(0, end - offset));
}
