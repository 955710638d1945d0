// Reads an Ogg stream page by page, as it comes, RFC 3533.

const CAPTURE = "OggS";
/** §6: up to and with the number of segments. */
const HEADER_BYTES = 27;
const CHECKSUM_AT = 22;
/** Packets that go on over pages; more is not taken for one. */
const MAX_PACKET_BYTES = 1 << 17;

const CONTINUED = 1;
const FIRST = 2;
const LAST = 4;

export interface OggPage {
  readonly serial: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** Of the last packet that ends here, in the codec's units; undefined where none does. */
  readonly granule: number | undefined;
  /** Those that end here and are whole; may be views of what was pushed. */
  readonly packets: readonly Buffer[];
}

/** Keeps less than one page and one packet, whatever comes; damaged pages are left out. */
export class OggReader {
  #rest: Buffer = Buffer.alloc(0);
  /** The beginning of a packet that the last page left open, and whose it is. */
  #open: { readonly serial: number; readonly bytes: Buffer } | undefined;

  push(chunk: Buffer): readonly OggPage[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const pages: OggPage[] = [];
    let at = 0;
    for (;;) {
      const found = bytes.indexOf(CAPTURE, at, "latin1");
      if (found < 0) {
        at = Math.max(at, bytes.length - CAPTURE.length + 1);
        break;
      }
      at = found;
      const isOtherVersion = at + 4 < bytes.length && bytes[at + 4] !== 0;
      const end = isOtherVersion ? at : pageEnd(bytes, at);
      if (end === undefined) break;
      const page = bytes.subarray(at, end);
      if (isOtherVersion || checksumOf(page) !== page.readUInt32LE(CHECKSUM_AT)) {
        at += CAPTURE.length;
        continue;
      }
      pages.push(this.#page(page));
      at = end;
    }
    this.#rest = Buffer.from(bytes.subarray(at));
    return pages;
  }

  #page(page: Buffer): OggPage {
    const flags = page[5]!;
    const serial = page.readUInt32LE(14);
    const low = page.readUInt32LE(6);
    const high = page.readInt32LE(10);
    return {
      serial,
      isFirst: (flags & FIRST) !== 0,
      isLast: (flags & LAST) !== 0,
      granule: low === 0xffff_ffff && high === -1 ? undefined : high * 2 ** 32 + low,
      packets: this.#packets(page, serial, (flags & CONTINUED) !== 0),
    };
  }

  #packets(page: Buffer, serial: number, isContinued: boolean): readonly Buffer[] {
    const segments = page[HEADER_BYTES - 1]!;
    const packets: Buffer[] = [];
    let begun = isContinued && this.#open?.serial === serial ? this.#open.bytes : undefined;
    /** The rest of a packet whose beginning is missing. */
    let isOrphan = isContinued && begun === undefined;
    let start = HEADER_BYTES + segments;
    let end = start;
    for (let i = 0; i < segments; i++) {
      const size = page[HEADER_BYTES + i]!;
      end += size;
      if (size === 255) continue;
      const part = page.subarray(start, end);
      if (!isOrphan) packets.push(begun === undefined ? part : Buffer.concat([begun, part]));
      begun = undefined;
      isOrphan = false;
      start = end;
    }
    const isOpen = segments > 0 && page[HEADER_BYTES + segments - 1] === 255 && !isOrphan;
    const sizeBytes = (begun?.length ?? 0) + end - start;
    this.#open =
      isOpen && sizeBytes <= MAX_PACKET_BYTES
        ? { serial, bytes: Buffer.concat([begun ?? Buffer.alloc(0), page.subarray(start, end)]) }
        : undefined;
    return packets;
  }
}

/** Where the page at `at` ends; undefined: it is not whole. */
function pageEnd(bytes: Buffer, at: number): number | undefined {
  if (at + HEADER_BYTES > bytes.length) return undefined;
  const bodyAt = at + HEADER_BYTES + bytes[at + HEADER_BYTES - 1]!;
  if (bodyAt > bytes.length) return undefined;
  let end = bodyAt;
  for (let i = at + HEADER_BYTES; i < bodyAt; i++) end += bytes[i]!;
  return end > bytes.length ? undefined : end;
}

/** §6: polynomial 0x04c11db7, most significant bit first, begun with 0. */
const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c1_1db7 : crc << 1;
  return crc;
});

/** Over a page with its checksum as 0. */
export function checksumOf(page: Buffer): number {
  let crc = 0;
  for (let i = 0; i < page.length; i++) {
    const byte = i >= CHECKSUM_AT && i < CHECKSUM_AT + 4 ? 0 : page[i]!;
    crc = (crc << 8) ^ CRC_TABLE[(crc >>> 24) ^ byte]!;
  }
  return crc >>> 0;
}
