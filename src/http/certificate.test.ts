// Certificates of listeners: read, refused, and replaced while connections stand.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { createServer, type TLSSocket, connect as tlsConnect } from "node:tls";
import { AwaitedLog } from "#testing/awaited-log.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { makeSelfSigned, writeSelfSigned } from "#testing/self-signed.ts";
import { Certificate, type CertificateFiles } from "./certificate.ts";

const SETTINGS = { keySetting: "apiServerKey", certSetting: "apiServerCert" };

/** A TLS server that echoes, and the SHA-256 of what a new client is shown. */
async function serve(t: TestContext, files: Pick<CertificateFiles, "keyFile" | "certFile">) {
  const log = new AwaitedLog();
  const certificate = await Certificate.open({ ...files, ...SETTINGS, log });
  const server = createServer(certificate.pair, (socket) => void socket.on("error", () => {}).pipe(socket));
  certificate.serve(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    certificate.close();
    server.close();
  });
  const connect = async (more = {}): Promise<TLSSocket> => {
    const socket = tlsConnect({ host: "127.0.0.1", port: (server.address() as AddressInfo).port, rejectUnauthorized: false, ...more });
    t.after(() => void socket.destroy());
    await once(socket, "secureConnect");
    return socket;
  };
  const shown = async (): Promise<string> => {
    const socket = await connect();
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256.replaceAll(":", "").toLowerCase();
  };
  return { log, connect, shown };
}

test("a new pair is for new connections; those that stand go on", async (t) => {
  const folder = await temporaryFolder(t);
  const old = await writeSelfSigned(folder);
  const { log, connect, shown } = await serve(t, old);
  assert.equal(await shown(), old.fingerprint);
  const standing = await connect();
  const renewed = await writeSelfSigned(folder);
  assert.equal(await log.line(/new certificate/), `new certificate loaded from ${old.certFile}`);
  assert.equal(await shown(), renewed.fingerprint);
  standing.write("still here");
  assert.equal(String((await once(standing, "data"))[0]), "still here");
});

test("files that are renamed into place, and links that are set anew, are noticed", async (t) => {
  const folder = await temporaryFolder(t);
  const old = await writeSelfSigned(folder);
  const { log, shown } = await serve(t, old);
  const renamed = makeSelfSigned();
  await writeFile(join(folder, "new.key"), renamed.key);
  await writeFile(join(folder, "new.crt"), renamed.cert);
  await rename(join(folder, "new.key"), old.keyFile);
  await rename(join(folder, "new.crt"), old.certFile);
  await log.line(/new certificate/, 1);
  assert.equal(await shown(), renamed.fingerprint);

  await mkdir(join(folder, "archive"));
  const linked = await writeSelfSigned(join(folder, "archive"));
  for (const [link, target] of [
    [old.keyFile, linked.keyFile],
    [old.certFile, linked.certFile],
  ] as const) {
    await symlink(target, `${link}.link`);
    await rename(`${link}.link`, link);
  }
  await log.line(/new certificate/, 2);
  assert.equal(await shown(), linked.fingerprint);
});

test("a pair that cannot be used is refused with the reason, and the old one stays", async (t) => {
  const folder = await temporaryFolder(t);
  const old = await writeSelfSigned(folder);
  const { log, shown } = await serve(t, old);
  const refused = /^certificate not replaced, the old one stays: /;
  await writeFile(old.certFile, makeSelfSigned().cert);
  assert.match(await log.line(refused, 1), /apiServerKey, apiServerCert: .*are no pair that can be used/);
  assert.equal(await shown(), old.fingerprint);
  await writeFile(old.certFile, "rubbish");
  assert.match(await log.line(refused, 2), /apiServerCert: the certificate is not in PEM form/);
  await rm(old.keyFile);
  assert.match(await log.line(refused, 3), /apiServerKey: the private key cannot be read: ENOENT/);
  assert.equal(await shown(), old.fingerprint);
  const mended = await writeSelfSigned(folder);
  await log.line(/new certificate/);
  assert.equal(await shown(), mended.fingerprint);
});

test("what is no pair is refused at the start, with the setting's name", async (t) => {
  const folder = await temporaryFolder(t);
  const { keyFile, certFile } = await writeSelfSigned(folder);
  const missing = join(folder, "no-such-file");
  const notPem = join(folder, "not-pem");
  await writeFile(notPem, "rubbish");
  const damaged = join(folder, "damaged");
  await writeFile(damaged, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  const log = new AwaitedLog();
  for (const [files, fault] of [
    [{ keyFile: missing, certFile }, /^apiServerKey: the private key cannot be read: ENOENT.*no-such-file/],
    [{ keyFile, certFile: dirname(certFile) }, /^apiServerCert: the certificate cannot be read: EISDIR/],
    [{ keyFile: notPem, certFile }, /^apiServerKey: the private key is not in PEM form in .*not-pem/],
    [{ keyFile, certFile: damaged }, /^apiServerKey, apiServerCert: .* are no pair that can be used/],
    [{ keyFile: certFile, certFile }, /^apiServerKey, apiServerCert: .* are no pair that can be used/],
  ] as const) {
    await assert.rejects(Certificate.open({ ...files, ...SETTINGS, log }), { message: fault });
  }
});

test("no TLS older than 1.2", async (t) => {
  const pair = await writeSelfSigned(await temporaryFolder(t));
  const { connect } = await serve(t, pair);
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    assert.equal((await connect({ minVersion: version, maxVersion: version })).getProtocol(), version);
  }
  const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
  await assert.rejects(connect(old), { code: /PROTOCOL_VERSION/ });
});
