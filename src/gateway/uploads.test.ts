// What the gateway shows to the servers that it sends files to.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { TLSSocket } from "node:tls";
import { NodeFs } from "#base/node-fs.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { makeSelfSigned } from "#testing/self-signed.ts";
import { fileSender } from "./uploads.ts";

test("a server sees the certificate that was renewed over the link, not the one of the files, which is revoked by then", async (t) => {
  const folder = await temporaryFolder(t);
  const authority = makeSelfSigned({ name: "NOC CA", isAuthority: true });
  const [first, renewed, receiver] = ["gw-0001", "gw-0001", "receiver"].map((name) => makeSelfSigned({ name, issuer: authority }));
  const [ca, cert, key] = ["ca.pem", "gw.crt", "gw.key"].map((name) => join(folder, name)) as [string, string, string];
  await Promise.all([writeFile(ca, authority.cert), writeFile(cert, first!.cert), writeFile(key, first!.key)]);
  const shown: string[] = [];
  const server = createServer({ ...receiver, requestCert: true, ca: authority.cert }, (request, response) => {
    shown.push((request.socket as TLSSocket).getPeerCertificate().fingerprint256.replaceAll(":", "").toLowerCase());
    request.resume().on("end", () => response.writeHead(201).end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const global = { destinationHosts: ["127.0.0.1"], mqtt: { ca, cert, key } };
  const contextWith = (fleet: object | undefined) =>
    ({ fs: new NodeFs(), config: { global }, clock: { nowUs: () => 0, utcOf: () => ({ utcUs: 0 }) }, fleet }) as unknown as Parameters<
      typeof fileSender
    >[0];
  const bytes = Buffer.from("clip");
  const file = {
    sizeBytes: bytes.length,
    mediaType: "video/mp4",
    bytes: async function* (start: number, end: number) {
      yield bytes.subarray(start, end);
    },
  };
  const wish = { url: `https://127.0.0.1:${port}/clip`, headers: {}, partBytes: undefined, maxKbps: undefined };
  const settled = (files: { readonly tls: object }) => ({ ...files, tls: { ...files.tls, cert: renewed!.cert, key: renewed!.key } });
  for (const fleet of [undefined, { certificates: { settled }, countSent: () => {} }]) {
    await fileSender(contextWith(fleet))(wish, file, { signal: t.signal, progress: () => {} });
  }
  assert.deepEqual(shown, [first!.fingerprint, renewed!.fingerprint]);
});
