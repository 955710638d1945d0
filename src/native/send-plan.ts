// The packets of one slab as messages for sendmmsg(2), made once and sent to any number of destinations.
import type { Libc } from "./libc.ts";
import { Memory } from "./memory.ts";
import { IoVectors, MessageHeaders, SegmentSizes } from "./message-headers.ts";
import { SOCKET_ADDRESS_BYTES } from "./socket-address.ts";

/** Packets in one buffer: packet i is offsets[i] + headBytes … offsets[i + 1]. Neither changes once it was handed over. */
export interface PacketSlab {
  readonly bytes: Buffer;
  readonly offsets: Int32Array;
  readonly count: number;
}

/** What one send with UDP_SEGMENT may carry: UDP_MAX_SEGMENTS of Linux before 6.9, and the payload of the longest datagram. */
const MAX_SEGMENTS = 64;
const MAX_RUN_BYTES = 65_507;

/** A run starts at packet `first` and ends before the returned one: packets of equal size, the last of which may be shorter. */
export function runEnd({ offsets, count }: PacketSlab, headBytes: number, first: number): number {
  const sizeOf = (index: number): number => offsets[index + 1]! - offsets[index]! - headBytes;
  const segmentBytes = sizeOf(first);
  if (segmentBytes <= 0) return first + 1; // §UDP_SEGMENT: a size of 0 means none
  const last = Math.min(count, first + MAX_SEGMENTS, first + Math.floor(MAX_RUN_BYTES / segmentBytes));
  let end = first + 1;
  while (end < last && sizeOf(end) === segmentBytes) end++;
  if (end < last && sizeOf(end) < segmentBytes && sizeOf(end) > 0) end++;
  return end;
}

/** The messages of the slab that was prepared last: a run each with `segmented`, else a packet each. */
export class SendPlan {
  messageCount = 0;
  readonly #libc: Libc;
  readonly #segmented: boolean;
  readonly #name: Memory;
  /** Held while the vectors point into its bytes. */
  #slab: PacketSlab | undefined;
  #headBytes = 0;
  #capacity = 0;
  #firstPackets = new Int32Array(1);
  #vectors: IoVectors | undefined;
  #headers: MessageHeaders | undefined;
  #segmentSizes: SegmentSizes | undefined;

  constructor(libc: Libc, segmented: boolean) {
    this.#libc = libc;
    this.#segmented = segmented;
    this.#name = new Memory(libc, SOCKET_ADDRESS_BYTES);
  }

  prepare(slab: PacketSlab, headBytes: number): void {
    if (slab === this.#slab && headBytes === this.#headBytes) return;
    this.#slab = slab;
    this.#headBytes = headBytes;
    if (slab.count > this.#capacity) this.#reserve(Math.max(slab.count, this.#capacity * 2, 64));
    this.#fill(slab, headBytes);
  }

  /** Every message goes there. */
  address(socketAddress: Buffer): void {
    socketAddress.copy(this.#name.bytes);
  }

  /** The first packet of a message; of the message behind the last: the number of packets. */
  firstPacket(message: number): number {
    return this.#firstPackets[message]!;
  }

  /** The message that starts with a packet. */
  messageStartingWith(packet: number): number {
    return this.#segmented ? this.#firstPackets.subarray(0, this.messageCount).indexOf(packet) : packet;
  }

  addressOfMessage(message: number): number {
    return this.#headers!.addressOf(message);
  }

  #fill(slab: PacketSlab, headBytes: number): void {
    const { offsets, count } = slab;
    const vectors = this.#vectors!;
    const headers = this.#headers!;
    const slabAddress = this.#libc.address(slab.bytes);
    let message = 0;
    for (let first = 0; first < count; message++) {
      const end = this.#segmented ? runEnd(slab, headBytes, first) : first + 1;
      // Packets that stand one behind the other are one piece to the kernel.
      const step = headBytes === 0 ? end - first : 1;
      for (let i = first; i < end; i += step) {
        const start = offsets[i]! + headBytes;
        vectors.set(i, slabAddress + start, offsets[i + step]! - start);
      }
      headers.setVectors(message, vectors.addressOf(first), (end - first) / step);
      if (this.#segmented) this.#setSegments(message, end - first, offsets[first + 1]! - offsets[first]! - headBytes);
      this.#firstPackets[message] = first;
      first = end;
    }
    this.#firstPackets[message] = count;
    this.messageCount = message;
  }

  #setSegments(message: number, segments: number, segmentBytes: number): void {
    const sizes = this.#segmentSizes!;
    sizes.set(message, segmentBytes);
    this.#headers!.setControl(message, sizes.addressOf(message), segments > 1 ? sizes.strideBytes : 0);
  }

  #reserve(capacity: number): void {
    for (const memory of [this.#vectors, this.#headers, this.#segmentSizes]) memory?.release();
    this.#capacity = capacity;
    this.#firstPackets = new Int32Array(capacity + 1);
    this.#vectors = new IoVectors(this.#libc, capacity);
    this.#headers = new MessageHeaders(this.#libc, capacity);
    if (this.#segmented) this.#segmentSizes = new SegmentSizes(this.#libc, capacity);
    for (let i = 0; i < capacity; i++) this.#headers.setName(i, this.#name.address, SOCKET_ADDRESS_BYTES);
  }
}
