// What a lost connection is said to be: for people, and for the wait before the next attempt.
import assert from "node:assert/strict";
import { test } from "node:test";
import { lossOf } from "./connection-loss.ts";

const failure = (code: string, message: string): Error => Object.assign(new Error(message), { code });

test("a refusal over TLS is what the broker said, without OpenSSL's places", () => {
  const places = ":../deps/openssl/openssl/ssl/record/rec_layer_s3.c:1601:SSL alert number 44\n";
  for (const [reason, text] of [
    ["sslv3 alert certificate revoked", "TLS: the broker refused: certificate revoked"],
    ["tlsv1 alert unknown ca", "TLS: the broker refused: unknown ca"],
    ["tlsv13 alert certificate required", "TLS: the broker refused: certificate required"],
    ["wrong version number", "TLS: wrong version number"],
  ] as const) {
    const loss = lossOf(failure("EPROTO", `806C4B7E3B7F0000:error:0A000414:SSL routines:ssl3_read_bytes:${reason}${places}`));
    assert.deepEqual([loss.why, loss.message], ["auth", text]);
  }
  const own = lossOf(failure("DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate"));
  assert.deepEqual([own.why, own.message], ["auth", "TLS: self-signed certificate"]);
});

test("what the system says is said in words", () => {
  assert.deepEqual(
    [lossOf(failure("ECONNREFUSED", "")).why, lossOf(failure("ECONNREFUSED", "")).message],
    ["link", "nothing listens there"],
  );
});
