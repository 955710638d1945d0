import assert from "node:assert/strict";
import { test } from "node:test";
import { LIBSRTP_VECTORS } from "#testing/srtp-vectors.ts";
import { deriveSessionKeys } from "./session-keys.ts";
import { AEAD_AES128_GCM, AES128_CM_SHA1_80, SRTP_PROFILES, srtpProfileOf } from "./srtp-profile.ts";

test("session keys are those of RFC 3711 B.3", () => {
  const keys = deriveSessionKeys(LIBSRTP_VECTORS[0]!.master, "rtp")!;
  assert.equal(keys.cipherKey.toString("hex"), "c61e7a93744f39ee10734afe3ff7a087");
  assert.equal(keys.salt.toString("hex"), "30cbbc08863d8c85d49db34a9ae1");
  assert.equal(keys.authKey.toString("hex"), "cebe321f6ff7716b6fd4ab49af256a156d38baa4");
});

test("RTP and RTCP have keys of their own", () => {
  for (const { master } of LIBSRTP_VECTORS) {
    const [rtp, rtcp] = [deriveSessionKeys(master, "rtp")!, deriveSessionKeys(master, "rtcp")!];
    assert.notDeepEqual(rtp.cipherKey, rtcp.cipherKey);
    assert.notDeepEqual(rtp.salt, rtcp.salt);
    assert.equal(rtp.authKey.length, master.profile.authKeyBytes);
  }
});

test("keys of the wrong length are none", () => {
  for (const { master } of LIBSRTP_VECTORS) {
    assert.equal(deriveSessionKeys({ ...master, masterKey: master.masterKey.subarray(1) }, "rtp"), undefined);
    assert.equal(deriveSessionKeys({ ...master, masterSalt: Buffer.alloc(13) }, "rtcp"), undefined);
  }
});

test("profiles are found by their number in DTLS, the cheaper one is preferred", () => {
  assert.deepEqual(
    SRTP_PROFILES.map(({ id }) => srtpProfileOf(id)),
    [AEAD_AES128_GCM, AES128_CM_SHA1_80],
  );
  assert.equal(srtpProfileOf(2), undefined);
});
