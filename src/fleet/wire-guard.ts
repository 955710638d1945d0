// Watches the bytes of a broker before its packets are believed: how large they say they are, how many come, how fast. MQTT 5 §2.1, 3.1.1 §2.

export interface WireLimits {
  /** Of one packet. */
  readonly packetBytes: number;
  /** Packets that may come at once, and per second in the long run; acknowledgements that are due are not counted. */
  readonly burstPackets: number;
  readonly packetsPerSecond: number;
  /** The same of bytes. */
  readonly burstBytes: number;
  readonly bytesPerSecond: number;
}

export const WIRE_LIMITS: WireLimits = {
  packetBytes: 256 * 1024,
  burstPackets: 2000,
  packetsPerSecond: 200,
  burstBytes: 8 << 20,
  bytesPerSecond: 1 << 20,
};

const PUBLISH = 3;
const PUBACK = 4;

export class WireGuard {
  readonly #limits: WireLimits;
  #packets: number;
  #bytes: number;
  #atMs: number;
  /** Of the packet that is read: bytes of its body that are still to come; undefined while its head is read. */
  #bodyBytes: number | undefined;
  #type: number | undefined;
  #lengthBytes = 0;
  #length = 0;
  /** Acknowledgements that the broker owes us. */
  #due = 0;

  constructor(limits: WireLimits, nowMs: number) {
    this.#limits = limits;
    this.#packets = limits.burstPackets;
    this.#bytes = limits.burstBytes;
    this.#atMs = nowMs;
  }

  /** A message went out that the broker has to acknowledge. */
  expectAck(): void {
    this.#due++;
  }

  /** What is wrong with what came, for people; undefined: nothing. After a fault the connection has to end. `nowMs` is monotonic. */
  push(chunk: Buffer, nowMs: number): string | undefined {
    const { burstPackets, burstBytes, packetsPerSecond, bytesPerSecond } = this.#limits;
    const passedMs = Math.max(0, nowMs - this.#atMs);
    this.#atMs = nowMs;
    this.#packets = Math.min(burstPackets, this.#packets + (passedMs * packetsPerSecond) / 1000);
    this.#bytes = Math.min(burstBytes, this.#bytes + (passedMs * bytesPerSecond) / 1000) - chunk.length;
    let at = 0;
    while (at < chunk.length) {
      if (this.#bodyBytes !== undefined) {
        const some = Math.min(this.#bodyBytes, chunk.length - at);
        at += some;
        this.#bodyBytes -= some;
      } else {
        const fault = this.#readHead(chunk[at++]!);
        if (fault !== undefined) return fault;
      }
      if (this.#bodyBytes === 0) this.#bodyBytes = undefined;
    }
    return this.#packets < 0 || this.#bytes < 0 ? "it sends more than any NOC has to say" : undefined;
  }

  /** §2.1.1 type and flags, then §2.1.4 the length of the rest, 7 bits a byte, the lowest first. */
  #readHead(byte: number): string | undefined {
    if (this.#type === undefined) {
      this.#type = byte >> 4;
      this.#lengthBytes = 0;
      this.#length = 0;
      return this.#type === PUBLISH && (byte & 0b110) > 0b010 ? "a message has a QoS that was not asked for" : undefined;
    }
    this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes++;
    if ((byte & 0x80) !== 0) return this.#lengthBytes < 4 ? undefined : "the length of a packet has no end";
    if (this.#length > this.#limits.packetBytes) return `a packet of ${this.#length} bytes is larger than ${this.#limits.packetBytes}`;
    if (this.#type === PUBACK && this.#due > 0) this.#due--;
    else this.#packets--;
    this.#type = undefined;
    this.#bodyBytes = this.#length;
    return undefined;
  }
}
