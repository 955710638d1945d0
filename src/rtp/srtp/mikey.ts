// MIKEY messages that carry a key for SRTP in the clear, under TLS: RFC 3830 §6, as RTSP servers and cameras send them (RFC 4567).
import { randomBytes } from "node:crypto";
import { AES128_CM_SHA1_80 } from "./srtp-profile.ts";

/** One SSRC that the key is for, and the upper 32 bits of the index of its packets. */
export interface MikeyStream {
  readonly ssrc: number;
  readonly rollover: number;
}

/** Of AES128_CM_SHA1_80, the only profile that is used so. */
export interface MikeyKey {
  readonly masterKey: Buffer;
  readonly masterSalt: Buffer;
  readonly streams: readonly MikeyStream[];
}

const { keyBytes: KEY_BYTES, saltBytes: SALT_BYTES } = AES128_CM_SHA1_80;
/** §6.1 */
const HEADER_BYTES = 10;
const STREAM_BYTES = 9;
const VERSION = 1;
/** Message type: pre-shared key. Nothing is protected with one: TLS does that. */
const TYPE_PRE_SHARED = 0;
const MAP_SRTP = 0;
/** §6.1, next payload. */
const Payload = { last: 0, kemac: 1, timestamp: 5, policy: 10, random: 11 } as const;
/** §6.13: a TEK of 30 bytes, the salt behind the key. */
const KEY_TYPE_TEK = 2;
const KV_SPI = 1;
/** §6.10.1, types of parameters and what we have for each. The others have no say in how packets look. */
const POLICY = new Map([
  [0, 1], // encryption: AES-CM
  [1, KEY_BYTES],
  [2, 1], // authentication: HMAC-SHA-1
  [3, AES128_CM_SHA1_80.authKeyBytes],
  [7, 1], // SRTP is encrypted
  [8, 1], // SRTCP is encrypted
  [10, 1], // SRTP is authenticated
  [11, AES128_CM_SHA1_80.tagBytes],
]);
/** Some say the length of the tag here: nothing follows from either. */
const AUTH_KEY_LENGTH = 3;
const MAX_STREAMS = 64;
const MAX_PAYLOADS = 16;
const NTP_EPOCH_S = 2_208_988_800;

/** `nowMs`: UTC; receivers refuse messages of another time. */
export function writeMikey({ masterKey, masterSalt, streams }: MikeyKey, nowMs: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES + STREAM_BYTES * streams.length);
  header[0] = VERSION;
  header[1] = TYPE_PRE_SHARED;
  header[2] = Payload.timestamp;
  randomBytes(4).copy(header, 4); // the crypto session bundle's id
  header[8] = streams.length;
  header[9] = MAP_SRTP;
  for (const [i, { ssrc, rollover }] of streams.entries()) {
    header.writeUInt32BE(ssrc, HEADER_BYTES + STREAM_BYTES * i + 1);
    header.writeUInt32BE(rollover, HEADER_BYTES + STREAM_BYTES * i + 5);
  }
  const timestamp = Buffer.alloc(10);
  timestamp[0] = Payload.random;
  timestamp.writeUInt32BE((Math.floor(nowMs / 1000) + NTP_EPOCH_S) >>> 0, 2);
  timestamp.writeUInt32BE(Math.floor(((nowMs % 1000) / 1000) * 2 ** 32), 6);
  const random = Buffer.concat([Buffer.from([Payload.policy, 16]), randomBytes(16)]);
  const parameters = Buffer.from([...POLICY].flatMap(([type, value]) => [type, 1, value]));
  const policy = Buffer.concat([Buffer.from([Payload.kemac, 0, 0, 0, parameters.length]), parameters]);
  const key = Buffer.concat([Buffer.from([0, KEY_TYPE_TEK << 4, 0, KEY_BYTES + SALT_BYTES]), masterKey, masterSalt]);
  const kemac = Buffer.concat([Buffer.from([Payload.last, 0, 0, key.length]), key, Buffer.from([0])]);
  return Buffer.concat([header, timestamp, random, policy, kemac]);
}

/** Undefined: it is none, or it wants what we do not have (other ciphers, several keys, a key that is encrypted). */
export function parseMikey(bytes: Buffer): MikeyKey | undefined {
  if (bytes.length < HEADER_BYTES || bytes[0] !== VERSION || bytes[1] !== TYPE_PRE_SHARED || bytes[3] !== 0 || bytes[9] !== MAP_SRTP)
    return undefined;
  const count = bytes[8]!;
  let at = HEADER_BYTES + STREAM_BYTES * count;
  if (count > MAX_STREAMS || at > bytes.length) return undefined;
  const streams = Array.from({ length: count }, (_, i) => ({
    ssrc: bytes.readUInt32BE(HEADER_BYTES + STREAM_BYTES * i + 1),
    rollover: bytes.readUInt32BE(HEADER_BYTES + STREAM_BYTES * i + 5),
  }));
  let key: Buffer | undefined;
  let hasPolicy = false;
  let type = bytes[2]!;
  for (let payloads = 0; type !== Payload.last; payloads++) {
    const size = payloadBytes(bytes, at, type);
    if (payloads === MAX_PAYLOADS || size === undefined || at + size > bytes.length) return undefined;
    const payload = bytes.subarray(at, at + size);
    if (type === Payload.policy) {
      if (!isOurPolicy(payload)) return undefined;
      hasPolicy = true;
    }
    if (type === Payload.kemac) key = keyIn(payload);
    type = bytes[at]!;
    at += size;
  }
  if (key === undefined || !hasPolicy) return undefined;
  return { masterKey: key.subarray(0, KEY_BYTES), masterSalt: key.subarray(KEY_BYTES), streams };
}

/** With the byte that says what follows. Undefined: of unknown length, or cut off before it is said. */
function payloadBytes(bytes: Buffer, at: number, type: number): number | undefined {
  switch (type) {
    case Payload.timestamp:
      return at + 2 <= bytes.length && bytes[at + 1]! <= 1 ? 10 : undefined;
    case Payload.random:
      return at + 2 <= bytes.length ? 2 + bytes[at + 1]! : undefined;
    case Payload.policy:
      return at + 5 <= bytes.length ? 5 + bytes.readUInt16BE(at + 3) : undefined;
    case Payload.kemac:
      return at + 4 <= bytes.length ? 4 + bytes.readUInt16BE(at + 2) + 1 : undefined;
    default:
      return undefined;
  }
}

function isOurPolicy(payload: Buffer): boolean {
  if (payload[2] !== 0) return false; // for SRTP
  let at = 5;
  while (at < payload.length) {
    if (at + 2 > payload.length) return false;
    const [type, size] = [payload[at]!, payload[at + 1]!];
    const wanted = POLICY.get(type);
    const value = size === 1 ? payload[at + 2] : undefined;
    if (wanted !== undefined && type !== AUTH_KEY_LENGTH && value !== wanted) return false;
    at += 2 + size;
  }
  return at === payload.length;
}

/** §6.2, §6.13. Undefined: not one plain key, or not of our length. */
function keyIn(payload: Buffer): Buffer | undefined {
  const dataEnd = payload.length - 1;
  const [encryption, mac] = [payload[1], payload[dataEnd]];
  const data = payload.subarray(4, dataEnd);
  if (encryption !== 0 || mac !== 0 || data.length < 4 || data[0] !== Payload.last || data[1]! >> 4 !== KEY_TYPE_TEK) return undefined;
  const hasSpi = (data[1]! & 0x0f) === KV_SPI;
  const keyEnd = 4 + data.readUInt16BE(2);
  if (keyEnd !== 4 + KEY_BYTES + SALT_BYTES || keyEnd > data.length) return undefined;
  // A key's index in front of each tag is nothing we could take off.
  if (hasSpi ? data[keyEnd] !== 0 : keyEnd !== data.length) return undefined;
  return Buffer.from(data.subarray(4, keyEnd));
}
