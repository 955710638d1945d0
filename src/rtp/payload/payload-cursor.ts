// Walks the payloads of a burst: past header, extension and padding, noticing missing sequence numbers.
import { FRAMING_BYTES, type PacketBurst, payloadEnd, payloadStart, RTP_HEADER_BYTES, sequenceOf } from "#rtp/burst.ts";

/** `next()` moves to the next packet that has a payload; `start … end` are its bytes in `bytes`. */
export class PayloadCursor {
  readonly bytes: Buffer;
  start = 0;
  end = 0;
  marker = false;
  /** No packet is missing between this one and the one `next()` gave before; true for the first. */
  continuous = true;
  readonly #burst: PacketBurst;
  #index = 0;
  #sequence = -1;

  constructor(burst: PacketBurst) {
    this.bytes = burst.bytes;
    this.#burst = burst;
  }

  next(): boolean {
    const { offsets, count } = this.#burst;
    this.continuous = true;
    while (this.#index < count) {
      const index = this.#index++;
      const header = offsets[index]! + FRAMING_BYTES;
      const packetEnd = offsets[index + 1]!;
      if (packetEnd - header < RTP_HEADER_BYTES) continue;
      const sequence = sequenceOf(this.#burst, index);
      if (this.#sequence >= 0 && sequence !== ((this.#sequence + 1) & 0xffff)) this.continuous = false;
      this.#sequence = sequence;
      this.start = payloadStart(this.bytes, header, packetEnd);
      this.end = payloadEnd(this.bytes, header, packetEnd);
      this.marker = (this.bytes[header + 1]! & 0x80) !== 0;
      if (this.end > this.start) return true;
    }
    return false;
  }
}
