// The packets that went out a moment ago, for peers that missed some (RFC 4585 §6.2.1).
import { type PacketBurst, sequenceOf } from "#rtp/burst.ts";

/** What a peer can still use when it comes: longer than any jitter buffer. */
const MAX_AGE_US = 1_500_000;
const MAX_BYTES = 4 << 20;

export interface FoundPacket {
  readonly burst: PacketBurst;
  readonly index: number;
}

interface Entry {
  readonly burst: PacketBurst;
  readonly atUs: number;
}

/** Of one track, in the order they went. Bursts are shared, not copied. */
export class PacketHistory {
  #entries: Entry[] = [];
  #bytes = 0;

  /** The same burst again, told by another of its readers, is not kept twice. */
  note(burst: PacketBurst, nowUs: number): void {
    if (this.#entries.at(-1)?.burst === burst) return;
    this.#entries.push({ burst, atUs: nowUs });
    this.#bytes += burst.bytes.length;
    let old = 0;
    while (old < this.#entries.length - 1 && (this.#bytes > MAX_BYTES || nowUs - this.#entries[old]!.atUs > MAX_AGE_US)) {
      this.#bytes -= this.#entries[old++]!.burst.bytes.length;
    }
    if (old > 0) this.#entries.splice(0, old);
  }

  /** By its sequence number in the burst. */
  find(sequence: number): FoundPacket | undefined {
    for (let i = this.#entries.length - 1; i >= 0; i--) {
      const { burst } = this.#entries[i]!;
      const ahead = (sequence - sequenceOf(burst, 0)) & 0xffff;
      const last = (sequenceOf(burst, burst.count - 1) - sequenceOf(burst, 0)) & 0xffff;
      if (ahead > last) continue;
      for (let index = 0; index < burst.count; index++) if (sequenceOf(burst, index) === sequence) return { burst, index };
      return undefined;
    }
    return undefined;
  }
}
