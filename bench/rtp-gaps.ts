// Packets of one RTP stream that never came, by the gaps between sequence numbers (RFC 3550 §5.1).

/** A step beyond this is a packet out of order, not a gap: half of the 16 bits. */
const HALF = 0x8000;

export class RtpGaps {
  /** Packets missing so far. One that comes late is taken off again. */
  lost = 0;
  #last = -1;

  push(rtp: Buffer): void {
    const sequence = rtp.readUInt16BE(2);
    const missing = this.#last < 0 ? 0 : (sequence - this.#last - 1) & 0xffff;
    if (missing >= HALF) {
      this.lost = Math.max(0, this.lost - 1);
      return;
    }
    this.lost += missing;
    this.#last = sequence;
  }
}
