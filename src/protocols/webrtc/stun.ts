// STUN messages (RFC 8489) with the attributes of ICE (RFC 8445 §16.1), read and written with short-term credentials.
import { createHmac, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import { crc32 } from "node:zlib";
import { ipBytes, ipText } from "./ip-bytes.ts";

/** §5 */
const MAGIC_COOKIE = 0x2112a442;
const HEADER_BYTES = 20;
const TRANSACTION_BYTES = 12;
/** §14.7: XOR of the CRC. */
const FINGERPRINT_XOR = 0x5354554e;
const INTEGRITY_BYTES = 20;
/** No client of ours has reason to send more. */
const MAX_MESSAGE_BYTES = 1500;

const BINDING = 0x001;

/** §18.3, RFC 8445 §20.3. */
const Attribute = {
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  unknownAttributes: 0x000a,
  xorMappedAddress: 0x0020,
  priority: 0x0024,
  useCandidate: 0x0025,
  fingerprint: 0x8028,
  iceControlled: 0x8029,
  iceControlling: 0x802a,
} as const;

export type StunClass = "request" | "indication" | "success" | "error";
const CLASSES: readonly StunClass[] = ["request", "indication", "success", "error"];

export interface StunAddress {
  readonly address: string;
  readonly port: number;
}

export interface StunMessage {
  readonly kind: StunClass;
  /** 1: Binding. */
  readonly method: number;
  readonly transactionId: Buffer;
  readonly username: string | undefined;
  readonly priority: number | undefined;
  readonly useCandidate: boolean;
  readonly role: "controlling" | "controlled" | undefined;
  readonly errorCode: number | undefined;
  readonly mappedAddress: StunAddress | undefined;
  /** Where MESSAGE-INTEGRITY stands; undefined: it has none. */
  readonly integrityAt: number | undefined;
  readonly hasFingerprint: boolean;
  /** Attributes that a receiver has to understand (§14: below 0x8000) and that are not known here. */
  readonly unknown: readonly number[];
}

/** Whether a datagram may be STUN (RFC 7983 §7, RFC 8489 §6.3). */
export function looksLikeStun(bytes: Buffer): boolean {
  return bytes.length >= HEADER_BYTES && bytes[0]! < 4 && bytes.readUInt32BE(4) === MAGIC_COOKIE;
}

/** undefined: no STUN, or broken: a length that is wrong, a fingerprint that does not fit. */
export function parseStun(bytes: Buffer): StunMessage | undefined {
  if (!looksLikeStun(bytes) || bytes.length > MAX_MESSAGE_BYTES) return undefined;
  if ((bytes.length & 3) !== 0 || bytes.readUInt16BE(2) !== bytes.length - HEADER_BYTES) return undefined;
  const type = bytes.readUInt16BE(0);
  let username: string | undefined;
  let priority: number | undefined;
  let useCandidate = false;
  let role: StunMessage["role"];
  let errorCode: number | undefined;
  let mappedAddress: StunAddress | undefined;
  let integrityAt: number | undefined;
  let hasFingerprint = false;
  const unknown: number[] = [];
  for (let at = HEADER_BYTES; at + 4 <= bytes.length; ) {
    const name = bytes.readUInt16BE(at);
    const size = bytes.readUInt16BE(at + 2);
    const from = at + 4;
    const to = from + size;
    if (to > bytes.length || hasFingerprint) return undefined; // §14.7: it is the last one
    if (name === Attribute.fingerprint) {
      if (size !== 4 || bytes.readUInt32BE(from) !== fingerprintOf(bytes.subarray(0, at))) return undefined;
      hasFingerprint = true;
    } else if (integrityAt === undefined) {
      // §14.5: what stands behind it counts for nothing
      switch (name) {
        case Attribute.username:
          username ??= size <= 513 ? bytes.toString("utf8", from, to) : "";
          break;
        case Attribute.messageIntegrity:
          if (size !== INTEGRITY_BYTES) return undefined;
          integrityAt = at;
          break;
        case Attribute.errorCode:
          if (size >= 4) errorCode = (bytes[from + 2]! & 7) * 100 + bytes[from + 3]!;
          break;
        case Attribute.xorMappedAddress:
          mappedAddress ??= readXorAddress(bytes, from, to);
          break;
        case Attribute.priority:
          if (size === 4) priority = bytes.readUInt32BE(from);
          break;
        case Attribute.useCandidate:
          useCandidate = true;
          break;
        case Attribute.iceControlled:
          role = "controlled";
          break;
        case Attribute.iceControlling:
          role = "controlling";
          break;
        default:
          if (name < 0x8000 && unknown.length < 16) unknown.push(name);
      }
    }
    at = to + (-size & 3);
  }
  return {
    kind: CLASSES[((type >> 7) & 2) | ((type >> 4) & 1)]!,
    method: (type & 0xf) | ((type >> 1) & 0x70) | ((type >> 2) & 0xf80),
    transactionId: bytes.subarray(8, HEADER_BYTES),
    username,
    priority,
    useCandidate,
    role,
    errorCode,
    mappedAddress,
    integrityAt,
    hasFingerprint,
    unknown,
  };
}

/** Whether the sender of a parsed message knows the password. */
export function hasIntegrity(bytes: Buffer, message: StunMessage, password: string): boolean {
  const at = message.integrityAt;
  if (at === undefined) return false;
  const expected = integrityOf(bytes.subarray(0, at), password);
  return timingSafeEqual(expected, bytes.subarray(at + 4, at + 4 + INTEGRITY_BYTES));
}

export interface StunResponse {
  readonly transactionId: Buffer;
  /** The one that answers signs, with the password of the one that asked for; undefined: there is none that both know. */
  readonly password: string | undefined;
}

/** §7.3.1: the address that a request came from. */
export function writeBindingSuccess({ transactionId, password }: StunResponse, from: StunAddress): Buffer {
  return writeStun("success", transactionId, [xorAddressAttribute(from, transactionId)], password);
}

/** §14.8; `unknown`: for 420. */
export function writeBindingError(
  { transactionId, password }: StunResponse,
  code: number,
  reason: string,
  unknown: readonly number[] = [],
): Buffer {
  const text = Buffer.from(reason);
  const value = Buffer.alloc(4 + text.length);
  value[2] = Math.floor(code / 100);
  value[3] = code % 100;
  text.copy(value, 4);
  const attributes = [attribute(Attribute.errorCode, value)];
  if (unknown.length > 0) {
    const names = Buffer.alloc(unknown.length * 2);
    unknown.forEach((name, i) => {
      names.writeUInt16BE(name, i * 2);
    });
    attributes.push(attribute(Attribute.unknownAttributes, names));
  }
  return writeStun("error", transactionId, attributes, password);
}

export interface BindingRequest {
  readonly transactionId: Buffer;
  readonly username: string;
  readonly password: string;
  readonly priority: number;
  readonly useCandidate: boolean;
  readonly role: "controlling" | "controlled";
  /** 8 bytes. */
  readonly tieBreaker: Buffer;
}

/** A connectivity check (RFC 8445 §7.2.2). */
export function writeBindingRequest(request: BindingRequest): Buffer {
  const priority = Buffer.alloc(4);
  priority.writeUInt32BE(request.priority);
  const attributes = [
    attribute(Attribute.username, Buffer.from(request.username)),
    attribute(Attribute.priority, priority),
    attribute(request.role === "controlling" ? Attribute.iceControlling : Attribute.iceControlled, request.tieBreaker),
  ];
  if (request.useCandidate) attributes.push(attribute(Attribute.useCandidate, Buffer.alloc(0)));
  return writeStun("request", request.transactionId, attributes, request.password);
}

/** Asks a STUN server where this comes from (§11); nobody has to know us. */
export function writeBindingQuery(transactionId: Buffer): Buffer {
  return writeStun("request", transactionId, [], undefined);
}

function writeStun(kind: StunClass, transactionId: Buffer, attributes: readonly Buffer[], password: string | undefined): Buffer {
  const index = CLASSES.indexOf(kind);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(BINDING | ((index & 2) << 7) | ((index & 1) << 4), 0);
  header.writeUInt32BE(MAGIC_COOKIE, 4);
  transactionId.copy(header, 8, 0, TRANSACTION_BYTES);
  let message = Buffer.concat([header, ...attributes]);
  setLength(message, message.length);
  if (password !== undefined) message = Buffer.concat([message, attribute(Attribute.messageIntegrity, integrityOf(message, password))]);
  const fingerprint = Buffer.alloc(4);
  fingerprint.writeUInt32BE(fingerprintOf(message));
  message = Buffer.concat([message, attribute(Attribute.fingerprint, fingerprint)]);
  setLength(message, message.length);
  return message;
}

function attribute(name: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + value.length + (-value.length & 3));
  bytes.writeUInt16BE(name, 0);
  bytes.writeUInt16BE(value.length, 2);
  value.copy(bytes, 4);
  return bytes;
}

function setLength(message: Buffer, sizeBytes: number): void {
  message.writeUInt16BE(sizeBytes - HEADER_BYTES, 2);
}

/** §14.5: over what stands before, as if the message ended behind this attribute. */
function integrityOf(before: Buffer, password: string): Buffer {
  return createHmac("sha1", password)
    .update(withLength(before, before.length + 4 + INTEGRITY_BYTES))
    .digest();
}

/** §14.7 */
function fingerprintOf(before: Buffer): number {
  return (crc32(withLength(before, before.length + 8)) ^ FINGERPRINT_XOR) >>> 0;
}

function withLength(before: Buffer, sizeBytes: number): Buffer {
  const copy = Buffer.from(before);
  setLength(copy, sizeBytes);
  return copy;
}

/** §14.2: port and address behind the cookie and the transaction's id. */
function readXorAddress(bytes: Buffer, from: number, to: number): StunAddress | undefined {
  const isV6 = bytes[from + 1] === 2;
  if (to - from !== (isV6 ? 20 : 8) || (!isV6 && bytes[from + 1] !== 1)) return undefined;
  const address = Buffer.from(bytes.subarray(from + 4, to));
  for (let i = 0; i < address.length; i++) address[i]! ^= bytes[4 + i]!;
  return { address: ipText(address), port: bytes.readUInt16BE(from + 2) ^ (MAGIC_COOKIE >>> 16) };
}

function xorAddressAttribute({ address, port }: StunAddress, transactionId: Buffer): Buffer {
  const mask = Buffer.alloc(4 + TRANSACTION_BYTES);
  mask.writeUInt32BE(MAGIC_COOKIE, 0);
  transactionId.copy(mask, 4);
  const ip = ipBytes(address);
  const value = Buffer.alloc(4 + ip.length);
  value[1] = isIP(address) === 4 ? 1 : 2;
  value.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), 2);
  for (let i = 0; i < ip.length; i++) value[4 + i] = ip[i]! ^ mask[i]!;
  return attribute(Attribute.xorMappedAddress, value);
}
