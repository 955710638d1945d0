// The OpenSSL that is linked into Node, through koffi: what SRTP needs of it. Every argument that is a pointer is an address; 0 is NULL.
import { koffiFault, loadKoffi } from "./koffi.ts";

/** `<openssl/evp.h>` */
export const EVP_CTRL_AEAD_GET_TAG = 0x10;
export const EVP_CTRL_AEAD_SET_TAG = 0x11;

/** Calls that return `int` answer 1 when they did it. Addresses fit a double. */
export interface OpenSsl {
  readonly pointerBytes: 4 | 8;
  /** Where a buffer's first byte lies. It stays there; who hands it on keeps the buffer referenced. */
  address(memory: Buffer): number;
  readonly aes128Gcm: number;
  readonly aes128Ctr: number;
  readonly sha1: number;
  newCipher(): number;
  freeCipher(context: number): void;
  /** What is 0 stays as it was set before. */
  encryptInit(context: number, cipher: number, engine: 0, key: number, nonce: number): number;
  /** `size`: where the 32-bit number of bytes that came out goes. */
  encryptUpdate(context: number, output: number, size: number, input: number, inputBytes: number): number;
  encryptFinal(context: number, output: number, size: number): number;
  decryptInit(context: number, cipher: number, engine: 0, key: number, nonce: number): number;
  decryptUpdate(context: number, output: number, size: number, input: number, inputBytes: number): number;
  /** Not 1: not authentic. */
  decryptFinal(context: number, output: number, size: number): number;
  controlCipher(context: number, what: number, sizeBytes: number, memory: number): number;
  newHmac(): number;
  freeHmac(context: number): void;
  /** A `key` and `digest` of 0: those set before. */
  hmacInit(context: number, key: number, keyBytes: number, digest: number, engine: 0): number;
  hmacUpdate(context: number, input: number, inputBytes: number): number;
  hmacFinal(context: number, digest: number, size: 0): number;
}

/** The library, or why it cannot be used, in words for the log. */
export async function loadOpenSsl(): Promise<OpenSsl | string> {
  const koffi = await loadKoffi();
  if (typeof koffi === "string") return koffi;
  const { pointerBytes, address, process: library } = koffi;
  try {
    return {
      pointerBytes,
      address,
      aes128Gcm: library.func("uintptr_t EVP_aes_128_gcm()")(),
      aes128Ctr: library.func("uintptr_t EVP_aes_128_ctr()")(),
      sha1: library.func("uintptr_t EVP_sha1()")(),
      newCipher: library.func("uintptr_t EVP_CIPHER_CTX_new()"),
      freeCipher: library.func("void EVP_CIPHER_CTX_free(uintptr_t context)"),
      encryptInit: library.func(
        "int EVP_EncryptInit_ex(uintptr_t context, uintptr_t cipher, uintptr_t engine, uintptr_t key, uintptr_t nonce)",
      ),
      encryptUpdate: library.func("int EVP_EncryptUpdate(uintptr_t context, uintptr_t output, uintptr_t size, uintptr_t input, int bytes)"),
      encryptFinal: library.func("int EVP_EncryptFinal_ex(uintptr_t context, uintptr_t output, uintptr_t size)"),
      decryptInit: library.func(
        "int EVP_DecryptInit_ex(uintptr_t context, uintptr_t cipher, uintptr_t engine, uintptr_t key, uintptr_t nonce)",
      ),
      decryptUpdate: library.func("int EVP_DecryptUpdate(uintptr_t context, uintptr_t output, uintptr_t size, uintptr_t input, int bytes)"),
      decryptFinal: library.func("int EVP_DecryptFinal_ex(uintptr_t context, uintptr_t output, uintptr_t size)"),
      controlCipher: library.func("int EVP_CIPHER_CTX_ctrl(uintptr_t context, int what, int bytes, uintptr_t memory)"),
      newHmac: library.func("uintptr_t HMAC_CTX_new()"),
      freeHmac: library.func("void HMAC_CTX_free(uintptr_t context)"),
      hmacInit: library.func("int HMAC_Init_ex(uintptr_t context, uintptr_t key, int bytes, uintptr_t digest, uintptr_t engine)"),
      hmacUpdate: library.func("int HMAC_Update(uintptr_t context, uintptr_t input, size_t bytes)"),
      hmacFinal: library.func("int HMAC_Final(uintptr_t context, uintptr_t digest, uintptr_t size)"),
    };
  } catch (error) {
    return koffiFault(error);
  }
}
