// Known answers for tests of SRTP: of RFC 3711, RFC 7714, and of libsrtp, which pion and werift check themselves against too.
import { AEAD_AES128_GCM, AES128_CM_SHA1_80 } from "#rtp/srtp/srtp-profile.ts";

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

/** A master key, and one RTP packet and one RTCP compound (index 1) protected with what is derived from it. */
export const LIBSRTP_VECTORS = [
  {
    master: {
      profile: AES128_CM_SHA1_80,
      masterKey: hex("e1f97a0d3e018be0d64fa32c06de4139"), // RFC 3711 B.3
      masterSalt: hex("0ec675ad498afeebb6960b3aabe6"),
    },
    rtp: hex("800f1234 decafbad cafebabe abababab abababab abababab abababab"),
    srtp: hex("800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc 99ea179b 8dbb"),
    rtcp: hex("81c8000b cafebabe abababab abababab abababab abababab"),
    srtcp: hex("81c8000b cafebabe 7128035b e487b9bd bef89041 f977a5a8 80000001 993e08cd 54d6c123 0798"),
  },
  {
    master: {
      profile: AEAD_AES128_GCM,
      masterKey: hex("000102030405060708090a0b0c0d0e0f"),
      masterSalt: hex("a0a1a2a3a4a5a6a7a8a9aaab"),
    },
    rtp: hex("800f1234 decafbad cafebabe abababab abababab abababab abababab"),
    srtp: hex("800f1234 decafbad cafebabe c5002ede 04cfdd2e b91159e0 880aa06e d2976826 f796b201 df3131a1 27e8a392"),
    rtcp: hex("81c8000b cafebabe abababab abababab abababab abababab"),
    srtcp: hex("81c8000b cafebabe c98b8b5d f0392a55 852b6c21 ac8e7025 c52c6fbe a2b3b446 ea31123b a88ce61e 80000001"),
  },
];

/** RFC 7714 §16.1.1 and §17.1, §17.3: session keys, as there. */
export const RFC7714_VECTORS = {
  keys: {
    profile: AEAD_AES128_GCM,
    cipherKey: hex("000102030405060708090a0b0c0d0e0f"),
    salt: hex("517569642070726f2071756f"),
    authKey: Buffer.alloc(0),
  },
  rtp: hex("8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573"),
  srtp: hex(
    "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833" +
      "899d7f27 beb16a91 52cf765e e4390cce",
  ),
  rtcp: hex("81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef"),
  srtcp: hex(
    "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b" +
      "c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
  ),
  /** Authentic, not encrypted. */
  clearSrtcp: hex(
    "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef" +
      "841dd968 3dd78ec9 2ae58790 125f62b3 000005d4",
  ),
};
