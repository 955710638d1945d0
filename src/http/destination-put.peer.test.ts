// Uploads to a server that knows nothing of ours: nginx with WebDAV's PUT, as an address is that a storage service has signed for one file.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createSecureContext } from "node:tls";
import { freeTcpPort } from "#testing/free-ports.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { webProxies } from "#testing/peers/web-proxies.ts";
import { makeSelfSigned, writeSelfSigned } from "#testing/self-signed.ts";
import { openDestination } from "./destination-put.ts";
import { putResumably } from "./resumable-put.ts";

const { nginx } = webProxies;
const FILE = randomBytes(5_000_000);
const SHA256 = createHash("sha256").update(FILE).digest("hex");

test("nginx: one PUT; parts, and files that are too large for it, are clear errors", { skip: nginx.peer.missing }, async (t) => {
  const folder = await temporaryFolder(t);
  const authority = makeSelfSigned({ name: "authority", isAuthority: true });
  const { certFile, keyFile } = await writeSelfSigned(folder, makeSelfSigned({ name: "nginx", issuer: authority }));
  const port = await freeTcpPort(0);
  const root = join(folder, "root");
  await mkdir(root);
  await nginx.start(
    t,
    `listen 127.0.0.1:${port} ssl; ssl_certificate ${certFile}; ssl_certificate_key ${keyFile};
location / { root ${root}; client_max_body_size 10m; dav_methods PUT; create_full_put_path on; }
location /small/ { root ${root}; client_max_body_size 1m; dav_methods PUT; create_full_put_path on; }
location /shut/ { client_max_body_size 10m; deny all; }`,
  );
  const put = async (path: string, partBytes?: number): Promise<unknown> => {
    const destination = openDestination({
      url: `https://127.0.0.1:${port}/${path}`,
      headers: { "Content-Type": "video/mp4" },
      allowed: () => ["127.0.0.1"],
      secureContext: createSecureContext({ ca: authority.cert }),
    });
    const file = {
      sizeBytes: FILE.length,
      sha256: SHA256,
      bytes: async function* (start: number, end: number) {
        for (let at = start; at < end; at += 100_000) yield FILE.subarray(at, Math.min(end, at + 100_000));
      },
    };
    const rest = { partBytes, onProgress: () => {}, nowMs: () => performance.now(), utcMs: () => Date.now(), random: () => 0 };
    try {
      await putResumably({ send: destination.send, file, sleep: async () => {}, ...rest }, new AbortController().signal);
      return "sent";
    } catch (error) {
      const { code, message } = error as Error & { readonly code: string };
      return `${code}: ${message}`;
    } finally {
      destination.close();
    }
  };
  assert.equal(await put("gw-0001/clip.mp4"), "sent");
  assert.ok((await readFile(join(root, "gw-0001/clip.mp4"))).equals(FILE));
  assert.match(
    String(await put("parts.mp4", 2 ** 20)),
    /^protocol: the server answers 501; where it takes no parts, leave dest\.part_mb out$/,
  );
  assert.equal(await put("small/clip.mp4"), "limit: the server has no room for 5000000 bytes (413)");
  assert.equal(await put("shut/clip.mp4"), "unauthorized: dest.put: the server refuses the upload (403)");
});
