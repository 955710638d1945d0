// Takes the protection off RTP packets that came, and keeps out what is forged or comes twice (RFC 3711 §3.3).
import { payloadStart, RTP_HEADER_BYTES } from "../burst.ts";
import { type MakePacketCipher, type PacketCipher, plainCipher } from "./packet-cipher.ts";
import { nearestIndex, ReplayWindow } from "./packet-index.ts";
import { PacketNonce } from "./packet-nonce.ts";
import { deriveSessionKeys, type SessionKeys, type SrtpMasterKeys } from "./session-keys.ts";

/** SSRCs that one peer may use; each costs memory. */
const MAX_STREAMS = 64;

/** `undefined`: a key has not the length that its profile wants. */
export function openSrtpReceiver(master: SrtpMasterKeys, makeCipher: MakePacketCipher = plainCipher): SrtpReceiver | undefined {
  const keys = deriveSessionKeys(master, "rtp");
  return keys && new SrtpReceiver(keys, makeCipher);
}

/** One direction of one session. */
export class SrtpReceiver {
  /** Packets that were no RTP, not authentic, or of one SSRC too many. */
  rejected = 0;
  /** Packets that came again, or too late to know. */
  replayed = 0;
  readonly #cipher: PacketCipher;
  readonly #nonce: PacketNonce;
  readonly #tagBytes: number;
  readonly #streams = new Map<number, ReplayWindow>();
  /** Of streams that began before us, by SSRC. */
  readonly #rollovers = new Map<number, number>();

  constructor(keys: SessionKeys, makeCipher: MakePacketCipher) {
    this.#tagBytes = keys.profile.tagBytes;
    this.#nonce = new PacketNonce(keys.profile, keys.salt);
    this.#cipher = makeCipher(keys, this.#nonce.bytes);
  }

  /** The first packet of `ssrc` has an index with these upper 32 bits; 0 where nothing is said. */
  expectRollover(ssrc: number, rollover: number): void {
    if (this.#rollovers.size < MAX_STREAMS) this.#rollovers.set(ssrc, rollover);
  }

  /** Decrypts bytes[start … end) in place and returns where the RTP packet ends. `undefined`: drop it; its payload may be garbage. */
  unprotect(bytes: Buffer, start: number, end: number): number | undefined {
    const packetEnd = end - this.#tagBytes;
    if (packetEnd - start < RTP_HEADER_BYTES || bytes[start]! >> 6 !== 2) return this.#reject();
    const ssrc = bytes.readUInt32BE(start + 8);
    const known = this.#streams.get(ssrc);
    const sequence = (bytes[start + 2]! << 8) | bytes[start + 3]!;
    const index = known === undefined ? (this.#rollovers.get(ssrc) ?? 0) * 0x10000 + sequence : nearestIndex(known.highest, sequence);
    if (index < 0 || known?.isFresh(index) === false) {
      this.replayed++;
      return undefined;
    }
    const headerBytes = payloadStart(bytes, start, packetEnd) - start;
    const rollover = Math.floor(index / 0x10000);
    this.#nonce.setRtp(bytes, start, rollover);
    if (!this.#cipher.open(bytes, start, end, headerBytes, rollover)) return this.#reject();
    const stream = known ?? this.#addStream(ssrc);
    if (stream === undefined) return this.#reject();
    stream.add(index);
    return packetEnd;
  }

  close(): void {
    this.#cipher.close();
  }

  #addStream(ssrc: number): ReplayWindow | undefined {
    if (this.#streams.size >= MAX_STREAMS) return undefined;
    const stream = new ReplayWindow();
    this.#streams.set(ssrc, stream);
    return stream;
  }

  #reject(): undefined {
    this.rejected++;
  }
}
