// OpenSSL's DTLS client against our server, with both kinds of certificates: it comes to the same keys.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { deferred } from "#base/deferred.ts";
import { findPeer } from "#testing/peers/find-peer.ts";
import { runPeer, startPeer } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import type { SrtpKeys } from "./endpoint.ts";
import { makeIdentity } from "./identity.ts";
import { DtlsServer } from "./server.ts";

const openssl = findPeer("openssl");

for (const [kind, keyArguments, profile] of [
  ["ECDSA", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "SRTP_AEAD_AES_128_GCM"],
  ["ECDSA", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"], "SRTP_AES128_CM_SHA1_80"],
  ["RSA", ["-newkey", "rsa:2048"], "SRTP_AEAD_AES_128_GCM"],
] as const) {
  test(`${kind} ${keyArguments.at(-1)}, ${profile}`, { skip: openssl.missing }, async (t) => {
    const folder = await temporaryFolder(t);
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    await runPeer(t, openssl, [
      "req",
      "-x509",
      "-nodes",
      "-subj",
      "/CN=client",
      "-days",
      "1",
      ...keyArguments,
      "-keyout",
      key,
      "-out",
      cert,
    ]);
    const der = Buffer.from((await readFile(cert, "utf8")).replace(/-----[^-]+-----|\s/g, ""), "base64");
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    t.after(() => socket.close());
    await once(socket, "listening");
    const connected = deferred<SrtpKeys>();
    const ended = deferred<string | undefined>();
    let clientPort = 0;
    const server = new DtlsServer({
      identity: makeIdentity(),
      fingerprints: [{ algorithm: "sha-256", digest: createHash("sha256").update(der).digest() }],
      send: (datagram) => socket.send(datagram, clientPort, "127.0.0.1"),
      onConnected: connected.resolve,
      onEnd: (fault) => {
        connected.reject(new Error(fault));
        ended.resolve(fault);
      },
    });
    socket.on("message", (datagram, { port }) => {
      clientPort = port;
      server.receive(datagram);
    });
    const target = ["-connect", `127.0.0.1:${socket.address().port}`, "-dtls1_2", "-cert", cert, "-key", key, "-use_srtp", profile];
    const exported = ["-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", profile.includes("GCM") ? "56" : "60"];
    const client = startPeer(t, openssl, ["s_client", ...target, ...exported]);
    const { local, remote } = await connected.promise;
    await client.match(/Keying material: ([0-9A-F]+)/);
    const [, material = ""] = /Keying material: ([0-9A-F]+)/.exec(client.stdout.toString("utf8"))!;
    const ours = Buffer.concat([remote.masterKey, local.masterKey, remote.masterSalt, local.masterSalt]);
    assert.equal(ours.toString("hex"), material.toLowerCase());
    client.write("Q\n");
    assert.equal(await ended.promise, undefined, "its goodbye is heard");
  });
}
