// SRTCP through node:crypto: RFC 3711 §3.4, and with AES-GCM RFC 7714 §9. Reports are rare: a batch would gain nothing.
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { ReplayWindow } from "./packet-index.ts";
import { PacketNonce } from "./packet-nonce.ts";
import { deriveSessionKeys, type SessionKeys, type SrtpMasterKeys } from "./session-keys.ts";
import type { SrtpProfile } from "./srtp-profile.ts";

/** What stays in the clear: the header and SSRC of the first packet. */
const CLEAR_BYTES = 8;
/** The E flag and the index. */
const INDEX_BYTES = 4;
const ENCRYPTED = 0x8000_0000;
/** SSRCs that one peer may use; each costs memory. */
const MAX_SENDERS = 64;

/** `undefined`: a key has not the length that its profile wants. */
export function openSrtcpSender(master: SrtpMasterKeys): SrtcpSender | undefined {
  const keys = deriveSessionKeys(master, "rtcp");
  return keys && new SrtcpSender(keys);
}

/** `undefined`: a key has not the length that its profile wants. */
export function openSrtcpReceiver(master: SrtpMasterKeys): SrtcpReceiver | undefined {
  const keys = deriveSessionKeys(master, "rtcp");
  return keys && new SrtcpReceiver(keys);
}

/** As Node likes them: handed over as bytes each time, they cost several times what the rest costs. */
interface RtcpKeys {
  readonly profile: SrtpProfile;
  readonly cipherKey: KeyObject;
  readonly authKey: KeyObject;
}

function rtcpKeysOf({ profile, cipherKey, authKey }: SessionKeys): RtcpKeys {
  return { profile, cipherKey: createSecretKey(cipherKey), authKey: createSecretKey(authKey) };
}

/** One direction of one session, for all of its SSRCs. */
export class SrtcpSender {
  readonly #keys: RtcpKeys;
  readonly #nonce: PacketNonce;
  #index = 0;

  constructor(keys: SessionKeys) {
    this.#keys = rtcpKeysOf(keys);
    this.#nonce = new PacketNonce(keys.profile, keys.salt);
  }

  /** One compound of at least 8 bytes, as it goes out. `undefined`: too short, or the last index is used up. */
  protect(compound: Buffer): Buffer | undefined {
    if (compound.length < CLEAR_BYTES || this.#index >= ENCRYPTED) return undefined;
    const trailer = Buffer.alloc(INDEX_BYTES);
    trailer.writeUInt32BE(ENCRYPTED + this.#index);
    this.#nonce.setRtcp(compound, 0, this.#index++);
    const nonce = this.#nonce.bytes;
    const header = compound.subarray(0, CLEAR_BYTES);
    const payload = compound.subarray(CLEAR_BYTES);
    if (this.#keys.profile.aead) {
      const cipher = createCipheriv("aes-128-gcm", this.#keys.cipherKey, nonce);
      cipher.setAAD(Buffer.concat([header, trailer])); // §9.2
      const encrypted = cipher.update(payload);
      cipher.final();
      return Buffer.concat([header, encrypted, cipher.getAuthTag(), trailer]);
    }
    const encrypted = createCipheriv("aes-128-ctr", this.#keys.cipherKey, nonce).update(payload);
    const authentic = Buffer.concat([header, encrypted, trailer]);
    return Buffer.concat([authentic, authTag(this.#keys, authentic)]);
  }
}

/** One direction of one session. */
export class SrtcpReceiver {
  /** Compounds that were too short, not authentic, or of one sender too many. */
  rejected = 0;
  /** Compounds that came again, or too late to know. */
  replayed = 0;
  readonly #keys: RtcpKeys;
  readonly #nonce: PacketNonce;
  readonly #senders = new Map<number, ReplayWindow>();

  constructor(keys: SessionKeys) {
    this.#keys = rtcpKeysOf(keys);
    this.#nonce = new PacketNonce(keys.profile, keys.salt);
  }

  /** The compound in bytes[start … end) in the clear, in memory of its own; `undefined`: drop it. The bytes stay as they are. */
  unprotect(bytes: Buffer, start: number, end: number): Buffer | undefined {
    const { tagBytes } = this.#keys.profile;
    if (end - start < CLEAR_BYTES + tagBytes + INDEX_BYTES || bytes[start]! >> 6 !== 2) return this.#reject();
    const trailerAt = this.#keys.profile.aead ? end - INDEX_BYTES : end - tagBytes - INDEX_BYTES;
    const trailer = bytes.readUInt32BE(trailerAt);
    const index = trailer % ENCRYPTED;
    const ssrc = bytes.readUInt32BE(start + 4);
    const known = this.#senders.get(ssrc);
    if (known?.isFresh(index) === false) {
      this.replayed++;
      return undefined;
    }
    const packet = bytes.subarray(start, end);
    const isEncrypted = trailer >= ENCRYPTED;
    this.#nonce.setRtcp(bytes, start, index);
    const compound = this.#keys.profile.aead ? this.#openGcm(packet, isEncrypted) : this.#openCounterMode(packet, isEncrypted);
    if (compound === undefined) return this.#reject();
    const sender = known ?? this.#addSender(ssrc);
    if (sender === undefined) return this.#reject();
    sender.add(index);
    return compound;
  }

  #openGcm(packet: Buffer, isEncrypted: boolean): Buffer | undefined {
    const tagBytes = this.#keys.profile.tagBytes;
    const tagAt = packet.length - INDEX_BYTES - tagBytes;
    const clearBytes = isEncrypted ? CLEAR_BYTES : tagAt; // §9.3
    const decipher = createDecipheriv("aes-128-gcm", this.#keys.cipherKey, this.#nonce.bytes, { authTagLength: tagBytes });
    decipher.setAAD(Buffer.concat([packet.subarray(0, clearBytes), packet.subarray(tagAt + tagBytes)]));
    decipher.setAuthTag(packet.subarray(tagAt, tagAt + tagBytes));
    const payload = decipher.update(packet.subarray(clearBytes, tagAt));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return Buffer.concat([packet.subarray(0, clearBytes), payload]);
  }

  #openCounterMode(packet: Buffer, isEncrypted: boolean): Buffer | undefined {
    const tagAt = packet.length - this.#keys.profile.tagBytes;
    if (!timingSafeEqual(authTag(this.#keys, packet.subarray(0, tagAt)), packet.subarray(tagAt))) return undefined;
    const compound = packet.subarray(0, tagAt - INDEX_BYTES);
    if (!isEncrypted) return Buffer.from(compound);
    const payload = createCipheriv("aes-128-ctr", this.#keys.cipherKey, this.#nonce.bytes).update(compound.subarray(CLEAR_BYTES));
    return Buffer.concat([compound.subarray(0, CLEAR_BYTES), payload]);
  }

  #addSender(ssrc: number): ReplayWindow | undefined {
    if (this.#senders.size >= MAX_SENDERS) return undefined;
    const sender = new ReplayWindow();
    this.#senders.set(ssrc, sender);
    return sender;
  }

  #reject(): undefined {
    this.rejected++;
  }
}

function authTag({ authKey, profile }: RtcpKeys, authentic: Buffer): Buffer {
  return createHmac("sha1", authKey).update(authentic).digest().subarray(0, profile.tagBytes);
}
