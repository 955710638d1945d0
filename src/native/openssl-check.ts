// One packet through each cipher over OpenSSL before any is used: its answers are those of node:crypto, or nobody calls it again.
import { createCipheriv, createHmac } from "node:crypto";
import type { CipherBench, OpenSslCipher } from "./openssl-cipher.ts";
import { OpenSslCounterMode } from "./openssl-counter-mode.ts";
import { OpenSslGcm } from "./openssl-gcm.ts";

const HEADER_BYTES = 12;
const PACKET_BYTES = 100;
const ROLLOVER = 0x01020304;
const CIPHER_KEY = Buffer.alloc(16, 1);
const AUTH_KEY = Buffer.alloc(20, 2);

export function computesRightly(bench: CipherBench): boolean {
  const packet = Buffer.alloc(PACKET_BYTES, 3);
  const gcmNonce = Buffer.alloc(12, 4);
  const ctrNonce = Buffer.alloc(16, 5);
  const gcm = new OpenSslGcm(bench, { profile: { aead: true }, cipherKey: CIPHER_KEY, authKey: Buffer.alloc(0) }, gcmNonce);
  const counterMode = new OpenSslCounterMode(bench, { profile: { aead: false }, cipherKey: CIPHER_KEY, authKey: AUTH_KEY }, ctrNonce);
  const isRight = agrees(gcm, packet, sealedGcm(packet, gcmNonce)) && agrees(counterMode, packet, sealedCounterMode(packet, ctrNonce));
  gcm.close();
  counterMode.close();
  return isRight;
}

/** Seals as expected, opens what it sealed, and does not open what was changed. */
function agrees(cipher: OpenSslCipher, packet: Buffer, expected: Buffer): boolean {
  const sealed = Buffer.alloc(expected.length);
  packet.copy(sealed, 0, 0, HEADER_BYTES);
  if (!cipher.seal(packet, 0, sealed, 0, HEADER_BYTES, packet.length, ROLLOVER) || !sealed.equals(expected)) return false;
  const forged = Buffer.from(sealed);
  forged[HEADER_BYTES] = forged[HEADER_BYTES]! ^ 1;
  return (
    cipher.open(sealed, 0, sealed.length, HEADER_BYTES, ROLLOVER) &&
    sealed.subarray(0, packet.length).equals(packet) &&
    !cipher.open(forged, 0, forged.length, HEADER_BYTES, ROLLOVER)
  );
}

function sealedGcm(packet: Buffer, nonce: Buffer): Buffer {
  const header = packet.subarray(0, HEADER_BYTES);
  const cipher = createCipheriv("aes-128-gcm", CIPHER_KEY, nonce).setAAD(header);
  const payload = cipher.update(packet.subarray(HEADER_BYTES));
  cipher.final();
  return Buffer.concat([header, payload, cipher.getAuthTag()]);
}

function sealedCounterMode(packet: Buffer, nonce: Buffer): Buffer {
  const payload = createCipheriv("aes-128-ctr", CIPHER_KEY, nonce).update(packet.subarray(HEADER_BYTES));
  const rollover = Buffer.alloc(4);
  rollover.writeUInt32BE(ROLLOVER);
  const clear = Buffer.concat([packet.subarray(0, HEADER_BYTES), payload]);
  const digest = createHmac("sha1", AUTH_KEY).update(clear).update(rollover).digest();
  return Buffer.concat([clear, digest.subarray(0, 10)]);
}
