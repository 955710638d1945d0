// Requests for certificates: openssl reads them, checks their signature, and issues what they ask for.
import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { findPeer, missingOf } from "#testing/peers/find-peer.ts";
import { runPeer } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { writeCertificateRequest } from "./certificate-request.ts";

const openssl = findPeer("openssl");

test("openssl verifies a request, and finds the name and the key in it", { skip: missingOf(openssl) }, async (t) => {
  const folder = await temporaryFolder(t);
  for (const name of ["gw-0001", "a".repeat(63), "gw-abcdefghijkl"]) {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const file = join(folder, "request.csr");
    await writeFile(file, writeCertificateRequest(name, privateKey));
    const { stdout, stderr } = await runPeer(t, openssl, [
      "req",
      "-in",
      file,
      "-noout",
      "-verify",
      "-subject",
      "-pubkey",
      "-nameopt",
      "RFC2253",
    ]);
    const text = `${stdout}${stderr}`;
    assert.match(text, /verify OK/);
    assert.ok(text.includes(`subject=CN=${name}\n`), text);
    assert.ok(text.includes(String(createPublicKey(privateKey).export({ type: "spki", format: "pem" }))));
  }
});
