// The RTP packets of one frame in one slab, already framed for RTSP's interleaved transport (RFC 2326 §10.12):
// one buffer that is written to every reader, no object per packet.

/** Bytes of an RTP header without CSRCs and extension (RFC 3550 §5.1). */
export const RTP_HEADER_BYTES = 12;
/** `$`, channel, 16-bit length. */
export const FRAMING_BYTES = 4;

export interface PacketBurst {
  /** Every packet as `$` channel length RTP, one after the other. */
  readonly bytes: Buffer;
  /** Where each `$` stands, and the end: RTP packet i is offsets[i] + 4 … offsets[i + 1]. */
  readonly offsets: Int32Array;
  readonly count: number;
  /** Others have the same bytes under other numbers: what these are here, less what stands in the bytes. */
  readonly shift?: NumberShift;
}

/** To be added modulo 2^16 and 2^32. */
export interface NumberShift {
  readonly sequence: number;
  readonly timestamp: number;
}

/** V8 keeps typed arrays of up to 64 bytes on its own heap, which is cheaper. */
const FIRST_OFFSETS = 16;

/** Builds one burst: `copy` for packets that came from a network, `add` for packets that are made here. */
export class BurstBuilder {
  bytes: Buffer;
  #used = 0;
  #offsets: Int32Array;
  #count = 0;
  readonly #channel: number;

  /** `estimateBytes`: the slab's first size; it doubles when that was too little. */
  constructor(channel: number, estimateBytes: number) {
    this.#channel = channel;
    this.bytes = Buffer.allocUnsafeSlow(Math.max(estimateBytes, 512));
    this.#offsets = new Int32Array(FIRST_OFFSETS);
  }

  get count(): number {
    return this.#count;
  }

  get sizeBytes(): number {
    return this.#used;
  }

  /** Copies one whole RTP packet, header included; returns where its RTP header stands in `bytes`. */
  copy(source: Buffer, start: number, end: number): number {
    const at = this.#open(end - start);
    source.copy(this.bytes, at, start, end);
    return at;
  }

  /**
   * Room for a packet of `payloadBytes`; returns where its payload goes in `bytes`. The header is written except for payload type,
   * sequence and SSRC, which the stream stamps; `ticksOffset` is what this packet's timestamp is later than its frame's.
   */
  add(payloadBytes: number, marker: boolean, ticksOffset = 0): number {
    const at = this.#open(RTP_HEADER_BYTES + payloadBytes);
    const bytes = this.bytes;
    bytes[at] = 0x80; // §5.1 version 2
    bytes[at + 1] = marker ? 0x80 : 0;
    bytes.writeUInt32BE(ticksOffset >>> 0, at + 4);
    return at + RTP_HEADER_BYTES;
  }

  /** The burst. A slab that is mostly empty is not kept: readers and the GOP cache may hold a burst for long. */
  finish(): PacketBurst {
    this.#offsets[this.#count] = this.#used;
    let bytes = this.bytes.subarray(0, this.#used);
    if (this.bytes.length > 2 * this.#used) {
      const exact = Buffer.allocUnsafeSlow(this.#used);
      bytes.copy(exact);
      bytes = exact;
    }
    return { bytes, offsets: this.#offsets, count: this.#count };
  }

  #open(packetBytes: number): number {
    const needed = this.#used + FRAMING_BYTES + packetBytes;
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
      this.bytes.copy(larger, 0, 0, this.#used);
      this.bytes = larger;
    }
    if (this.#count + 1 >= this.#offsets.length) {
      const larger = new Int32Array(this.#offsets.length * 2);
      larger.set(this.#offsets);
      this.#offsets = larger;
    }
    const bytes = this.bytes;
    const at = this.#used;
    this.#offsets[this.#count++] = at;
    bytes[at] = 0x24; // '$'
    bytes[at + 1] = this.#channel;
    bytes[at + 2] = packetBytes >>> 8;
    bytes[at + 3] = packetBytes & 0xff;
    this.#used = needed;
    return at + FRAMING_BYTES;
  }
}

/** Where the payload of the RTP packet at start … end begins; `end` when the packet holds none or is malformed. */
export function payloadStart(bytes: Buffer, start: number, end: number): number {
  const first = bytes[start]!;
  let at = start + RTP_HEADER_BYTES + (first & 0x0f) * 4; // CSRC count
  if ((first & 0x10) !== 0) {
    if (at + 4 > end) return end; // §5.3.1 extension: profile, length in words
    at += 4 + ((bytes[at + 2]! << 8) | bytes[at + 3]!) * 4;
  }
  return at > end ? end : at;
}

/** Where the payload ends: `end` less the padding. Not above `end`; may lie before the payload's start on malformed input. */
export function payloadEnd(bytes: Buffer, start: number, end: number): number {
  return (bytes[start]! & 0x20) === 0 ? end : end - bytes[end - 1]!;
}

/** The 16-bit sequence number of packet `index`. */
export function sequenceOf(burst: PacketBurst, index: number): number {
  const at = burst.offsets[index]! + FRAMING_BYTES;
  const written = (burst.bytes[at + 2]! << 8) | burst.bytes[at + 3]!;
  return burst.shift === undefined ? written : (written + burst.shift.sequence) & 0xffff;
}
