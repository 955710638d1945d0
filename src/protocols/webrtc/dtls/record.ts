// DTLS 1.2 records (RFC 6347 §4.1), in the clear and under AES-128-GCM (RFC 5288 §3, RFC 5246 §6.2.3.3).
import { createCipheriv, createDecipheriv, createSecretKey } from "node:crypto";

export const ContentType = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;

/** 1.2; a ClientHello may come in a record that says 1.0. */
export const DTLS_1_2 = 0xfefd;
const HEADER_BYTES = 13;
const EXPLICIT_NONCE_BYTES = 8;
const TAG_BYTES = 16;
/** More than a peer has reason to put into a datagram. */
const MAX_RECORDS = 32;

export interface DtlsRecord {
  readonly type: number;
  readonly epoch: number;
  /** Epoch and number, as the record has them: 8 bytes. */
  readonly sequence: Buffer;
  readonly fragment: Buffer;
}

/** Whether a datagram may be DTLS (RFC 7983 §7). */
export function looksLikeDtls(bytes: Buffer): boolean {
  return bytes.length >= HEADER_BYTES && bytes[0]! >= 20 && bytes[0]! <= 63;
}

/** The records of one datagram, as views; what is broken ends the list (§4.1.2.7: it is dropped in silence). */
export function parseRecords(bytes: Buffer): readonly DtlsRecord[] {
  const records: DtlsRecord[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length && records.length < MAX_RECORDS; ) {
    const end = at + HEADER_BYTES + bytes.readUInt16BE(at + 11);
    if (end > bytes.length || bytes[at + 1] !== 0xfe) break;
    records.push({
      type: bytes[at]!,
      epoch: bytes.readUInt16BE(at + 3),
      sequence: bytes.subarray(at + 3, at + 11),
      fragment: bytes.subarray(at + HEADER_BYTES, end),
    });
    at = end;
  }
  return records;
}

/** `number`: of the record in its epoch. */
export function writeRecord(type: number, epoch: number, number: number, fragment: Buffer): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + fragment.length);
  bytes[0] = type;
  bytes.writeUInt16BE(DTLS_1_2, 1);
  bytes.writeUInt16BE(epoch, 3);
  bytes.writeUIntBE(number, 5, 6);
  bytes.writeUInt16BE(fragment.length, 11);
  fragment.copy(bytes, HEADER_BYTES);
  return bytes;
}

/** A fragment under the sender's key, nonce in front. */
export function sealFragment(key: Buffer, salt: Buffer, type: number, epoch: number, number: number, plain: Buffer): Buffer {
  const sequence = Buffer.alloc(EXPLICIT_NONCE_BYTES);
  sequence.writeUInt16BE(epoch, 0);
  sequence.writeUIntBE(number, 2, 6);
  const cipher = createCipheriv("aes-128-gcm", createSecretKey(key), Buffer.concat([salt, sequence]));
  cipher.setAAD(additionalData(sequence, type, plain.length));
  return Buffer.concat([sequence, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** undefined: it is not of who has the key, or was changed. */
export function openFragment(key: Buffer, salt: Buffer, { type, sequence, fragment }: DtlsRecord): Buffer | undefined {
  const plainBytes = fragment.length - EXPLICIT_NONCE_BYTES - TAG_BYTES;
  if (plainBytes < 0) return undefined;
  const nonce = Buffer.concat([salt, fragment.subarray(0, EXPLICIT_NONCE_BYTES)]);
  const decipher = createDecipheriv("aes-128-gcm", createSecretKey(key), nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(additionalData(sequence, type, plainBytes));
  decipher.setAuthTag(fragment.subarray(-TAG_BYTES));
  const plain = decipher.update(fragment.subarray(EXPLICIT_NONCE_BYTES, -TAG_BYTES));
  try {
    decipher.final();
    return plain;
  } catch {
    return undefined;
  }
}

function additionalData(sequence: Buffer, type: number, plainBytes: number): Buffer {
  const bytes = Buffer.alloc(13);
  sequence.copy(bytes);
  bytes[8] = type;
  bytes.writeUInt16BE(DTLS_1_2, 9);
  bytes.writeUInt16BE(plainBytes, 11);
  return bytes;
}

/** §4.1.2.6: which numbers of an epoch have come. Numbers below 2^48. */
export class ReplayWindow {
  #highest = -1;
  /** Bit n: the number n below the highest has come. */
  #seen = 0n;

  /** True the first time, for a number that is not older than 64. To be asked for what is authentic only. */
  accept(number: number): boolean {
    const ahead = number - this.#highest;
    if (ahead > 0) {
      this.#seen = ahead >= 64 ? 1n : BigInt.asUintN(64, (this.#seen << BigInt(ahead)) | 1n);
      this.#highest = number;
      return true;
    }
    if (ahead <= -64) return false;
    const bit = 1n << BigInt(-ahead);
    if ((this.#seen & bit) !== 0n) return false;
    this.#seen |= bit;
    return true;
  }
}
