// ring.json: which ring this is and how it is cut. Written once, when the ring is made.
import { crc32 } from "node:zlib";
import { FORMAT_VERSION, MAX_CHUNK_BYTES, MAX_CHUNKS, MIN_CHUNK_BYTES } from "./layout.ts";

export interface RingIdentity {
  /** 32 hexadecimal digits. */
  readonly ringId: string;
  readonly chunkBytes: number;
  /** As many as there will be; their files are made as they are needed. */
  readonly chunks: number;
  /** Milliseconds since 1970 by the clock of the day it was made, which may have been wrong. */
  readonly createdMs: number;
}

/** What a ring.json may be. */
export const MAX_RING_JSON_BYTES = 4096;
/** Chunks begin where erase blocks of SD cards do, where their size is a multiple of this. */
const ALIGN_BYTES = 4_194_304;

export function writeRingJson(ring: RingIdentity): Buffer {
  const fields = fieldsOf(ring);
  return Buffer.from(`${JSON.stringify({ ...fields, crc: crc32(JSON.stringify(fields)) }, undefined, 2)}\n`);
}

/** Undefined: not a ring.json, damaged, or of a later format. */
export function parseRingJson(bytes: Buffer): RingIdentity | undefined {
  if (bytes.length > MAX_RING_JSON_BYTES) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { fmt, ring_uuid, chunk_bytes, chunks, created, crc } = value as Record<string, unknown>;
  if (fmt !== FORMAT_VERSION || typeof ring_uuid !== "string" || !/^[0-9a-f]{32}$/.test(ring_uuid)) return undefined;
  if (!isCount(chunk_bytes, MIN_CHUNK_BYTES, MAX_CHUNK_BYTES) || !isCount(chunks, 1, MAX_CHUNKS)) return undefined;
  if (!isCount(created, 0, Number.MAX_SAFE_INTEGER)) return undefined;
  const ring: RingIdentity = { ringId: ring_uuid, chunkBytes: chunk_bytes, chunks, createdMs: created };
  return crc === crc32(JSON.stringify(fieldsOf(ring))) ? ring : undefined;
}

/** In this order: the CRC is that of their JSON text without spaces. */
function fieldsOf({ ringId, chunkBytes, chunks, createdMs }: RingIdentity): object {
  return { fmt: FORMAT_VERSION, ring_uuid: ringId, chunk_bytes: chunkBytes, chunks, created: createdMs, align: ALIGN_BYTES };
}

function isCount(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}
