// Secrets that only one gateway can open: HPKE, RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, single shot (§6.1).
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";

const [KEM_ID, KDF_ID, AEAD_ID] = [0x0020, 0x0001, 0x0001]; // §7.1 to §7.3
const SHARED_BYTES = 32;
const KEY_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const PUBLIC_BYTES = 32;
/** In front of a raw X25519 key it makes a SubjectPublicKeyInfo (RFC 8410 §4). */
const SPKI_PREFIX = Buffer.from("302a300506032b656e032100", "hex");

/** `info` of the secrets in a desired config: another text, another secret. */
export const CONFIG_SEAL_INFO = "camgate/cfg/v1";

/** What a sealed secret belongs to: it opens under the same name alone, so that nobody moves it to another field. */
export interface SealContext {
  /** What the secret is for in general. */
  readonly info: string;
  /** The field it stands in. */
  readonly aad: string;
}

const numbers = (...values: readonly number[]): Buffer => Buffer.from(values.flatMap((value) => [value >> 8, value & 0xff]));
const KEM_SUITE = Buffer.concat([Buffer.from("KEM"), numbers(KEM_ID)]);
const HPKE_SUITE = Buffer.concat([Buffer.from("HPKE"), numbers(KEM_ID, KDF_ID, AEAD_ID)]);

const hmac = (key: Buffer, data: Buffer): Buffer => createHmac("sha256", key).update(data).digest();

/** §4 LabeledExtract. */
function labeledExtract(suite: Buffer, salt: Buffer, label: string, ikm: Buffer): Buffer {
  const key = salt.length === 0 ? Buffer.alloc(SHARED_BYTES) : salt;
  return hmac(key, Buffer.concat([Buffer.from("HPKE-v1"), suite, Buffer.from(label), ikm]));
}

/** §4 LabeledExpand; up to 32 bytes, which is one round of HKDF-Expand (RFC 5869 §2.3). */
function labeledExpand(suite: Buffer, prk: Buffer, label: string, info: Buffer, sizeBytes: number): Buffer {
  const labeled = Buffer.concat([numbers(sizeBytes), Buffer.from("HPKE-v1"), suite, Buffer.from(label), info]);
  return hmac(prk, Buffer.concat([labeled, Buffer.from([1])])).subarray(0, sizeBytes);
}

function rawPublicKey(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" }).subarray(-PUBLIC_BYTES);
}

/** §4.1 ExtractAndExpand, then §5.1 KeySchedule of base mode: the key and nonce of the only message. */
function messageKeys(dh: Buffer, enc: Buffer, recipient: Buffer, info: string): { readonly key: Buffer; readonly nonce: Buffer } {
  const eaePrk = labeledExtract(KEM_SUITE, Buffer.alloc(0), "eae_prk", dh);
  const shared = labeledExpand(KEM_SUITE, eaePrk, "shared_secret", Buffer.concat([enc, recipient]), SHARED_BYTES);
  const none = Buffer.alloc(0);
  const pskIdHash = labeledExtract(HPKE_SUITE, none, "psk_id_hash", none);
  const infoHash = labeledExtract(HPKE_SUITE, none, "info_hash", Buffer.from(info));
  const context = Buffer.concat([Buffer.from([0]), pskIdHash, infoHash]); // mode_base
  const secret = labeledExtract(HPKE_SUITE, shared, "secret", none);
  return {
    key: labeledExpand(HPKE_SUITE, secret, "key", context, KEY_BYTES),
    nonce: labeledExpand(HPKE_SUITE, secret, "base_nonce", context, NONCE_BYTES),
  };
}

/** The NOC's side: base64url of the encapsulated key and the ciphertext. */
export function sealSecret(plain: string, recipient: KeyObject, { info, aad }: SealContext): string {
  const ephemeral = generateKeyPairSync("x25519");
  const enc = rawPublicKey(ephemeral.publicKey);
  const dh = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: recipient });
  const { key, nonce } = messageKeys(dh, enc, rawPublicKey(recipient), info);
  const cipher = createCipheriv("aes-128-gcm", key, nonce).setAAD(Buffer.from(aad));
  const text = Buffer.concat([cipher.update(plain, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return Buffer.concat([enc, text]).toString("base64url");
}

/** Undefined: it was sealed for another key or another field, or is damaged. */
export function openSecret(sealed: string, privateKey: KeyObject, { info, aad }: SealContext): string | undefined {
  const bytes = Buffer.from(sealed, "base64url");
  if (bytes.length < PUBLIC_BYTES + TAG_BYTES) return undefined;
  const enc = bytes.subarray(0, PUBLIC_BYTES);
  try {
    const sender = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, enc]), format: "der", type: "spki" });
    const dh = diffieHellman({ privateKey, publicKey: sender });
    const { key, nonce } = messageKeys(dh, enc, rawPublicKey(createPublicKey(privateKey)), info);
    const decipher = createDecipheriv("aes-128-gcm", key, nonce).setAAD(Buffer.from(aad)).setAuthTag(bytes.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(PUBLIC_BYTES, -TAG_BYTES)), decipher.final()]).toString("utf8");
  } catch {
    return undefined; // a key of low order, or a tag that does not fit
  }
}
