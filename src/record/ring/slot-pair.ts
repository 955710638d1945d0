// A small file kept twice: each new version overwrites the older of two slots in place, so that one whole version is there whatever happens.
import { crc32 } from "node:zlib";
import type { FsPort } from "#base/fs-port.ts";

/** Magic, u32 version, u32 payload bytes, u32 CRC-32 of all that precedes it and of the payload; padded. */
const SLOT_HEADER_BYTES = 64;
const CRC_OFFSET = 12;
const MAGIC = Buffer.from("GWRS");
const MAX_PAYLOAD_BYTES = 256 * 1024 * 1024;

export interface Slot {
  /** Counts up with each save; the higher one of a pair is valid. */
  readonly version: number;
  readonly payload: Buffer;
}

/** Header and payload, to be written one after the other. */
export function writeSlot({ version, payload }: Slot): [Buffer, Buffer] {
  const header = Buffer.alloc(SLOT_HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(version, 4);
  header.writeUInt32LE(payload.length, 8);
  header.writeUInt32LE(crc32(payload, crc32(header.subarray(0, CRC_OFFSET))), CRC_OFFSET);
  return [header, payload];
}

/** Undefined: never written, torn, or damaged. What stands behind the payload is of older versions. */
export function parseSlot(bytes: Buffer): Slot | undefined {
  const payloadBytes = payloadBytesOf(bytes);
  if (payloadBytes === undefined || SLOT_HEADER_BYTES + payloadBytes > bytes.length) return undefined;
  const payload = bytes.subarray(SLOT_HEADER_BYTES, SLOT_HEADER_BYTES + payloadBytes);
  if (bytes.readUInt32LE(CRC_OFFSET) !== crc32(payload, crc32(bytes.subarray(0, CRC_OFFSET)))) return undefined;
  return { version: bytes.readUInt32LE(4), payload };
}

function payloadBytesOf(bytes: Buffer): number | undefined {
  if (bytes.length < SLOT_HEADER_BYTES || MAGIC.compare(bytes, 0, MAGIC.length) !== 0) return undefined;
  const payloadBytes = bytes.readUInt32LE(8);
  return payloadBytes <= MAX_PAYLOAD_BYTES ? payloadBytes : undefined;
}

/** Files `path.0` and `path.1`. Calls come one after the other; they reject with what the file system rejects with. */
export class SlotPair {
  readonly #fs: FsPort;
  readonly #path: string;
  #version = 0;
  #newer: 0 | 1 = 1;

  constructor(fs: FsPort, path: string) {
    this.#fs = fs;
    this.#path = path;
  }

  /** Makes the two files, so that later saves of up to `payloadBytes` need no space. What they hold stays. */
  async create(payloadBytes: number): Promise<void> {
    for (const slot of [0, 1] as const) await this.#fs.allocate(this.#pathOf(slot), SLOT_HEADER_BYTES + payloadBytes);
  }

  /** The newest whole version; undefined: neither is. A slot that cannot be read counts as none. */
  async load(): Promise<Slot | undefined> {
    const [first, second] = [await this.#loadSlot(0), await this.#loadSlot(1)];
    this.#newer = (second?.version ?? 0) > (first?.version ?? 0) ? 1 : first === undefined ? 1 : 0;
    const newest = this.#newer === 1 ? second : first;
    this.#version = newest?.version ?? 0;
    return newest;
  }

  /** The next version is above this one. */
  passVersion(version: number): void {
    this.#version = Math.max(this.#version, version);
  }

  /** Durable when it resolves. Returns the new version. */
  async save(payload: Buffer): Promise<number> {
    const slot = this.#newer === 0 ? 1 : 0;
    const version = this.#version + 1;
    const file = await this.#fs.open(this.#pathOf(slot), "update");
    try {
      await file.write(writeSlot({ version, payload }), 0);
      await file.sync();
    } finally {
      await file.close();
    }
    this.#newer = slot;
    this.#version = version;
    return version;
  }

  async #loadSlot(slot: 0 | 1): Promise<Slot | undefined> {
    try {
      const file = await this.#fs.open(this.#pathOf(slot), "read");
      try {
        const header = Buffer.alloc(SLOT_HEADER_BYTES);
        const payloadBytes = (await file.read(header, 0)) === header.length ? payloadBytesOf(header) : undefined;
        if (payloadBytes === undefined || SLOT_HEADER_BYTES + payloadBytes > (await file.size())) return undefined;
        const bytes = Buffer.alloc(SLOT_HEADER_BYTES + payloadBytes);
        return (await file.read(bytes, 0)) === bytes.length ? parseSlot(bytes) : undefined;
      } finally {
        await file.close();
      }
    } catch {
      return undefined;
    }
  }

  #pathOf(slot: 0 | 1): string {
    return `${this.#path}.${slot}`;
  }
}
