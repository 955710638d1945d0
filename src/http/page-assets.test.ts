// Pages over a real connection: what keeps them fresh, small and shut in.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { silentLog } from "#base/log.ts";
import type { TestScope } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { PageAssets } from "./page-assets.ts";
import { HttpServer } from "./server.ts";

async function startPages(scope: TestScope): Promise<{ readonly origin: string; readonly folder: string }> {
  const folder = join(await temporaryFolder(scope), "web");
  const assets = new PageAssets([join(folder, ".."), folder], "a.html");
  const server = await HttpServer.listen({
    address: { host: "127.0.0.1", port: 0 },
    allowOrigins: [],
    preflight: { methods: "", headers: "" },
    readTimeoutMs: 10_000,
    writeTimeoutMs: 10_000,
    trustsProxy: () => false,
    log: silentLog,
    handle: (exchange) => assets.send(exchange, exchange.path.slice(1), { frameAncestors: "'self'", cacheControl: "no-cache" }),
  });
  scope.after(() => server.close());
  return { origin: `http://127.0.0.1:${server.port}`, folder };
}

test("a page that is not built yet says what to do, and is there once it is", async (t) => {
  const { origin, folder } = await startPages(t);
  const early = await fetch(`${origin}/a.html`);
  assert.equal(early.status, 503);
  assert.match(await early.text(), /npm run build/);
  await mkdir(folder);
  await writeFile(join(folder, "a.html"), "<p>hello");
  assert.equal(await (await fetch(`${origin}/a.html`)).text(), "<p>hello");
});

test("type, tag and policy; the same again costs nothing", async (t) => {
  const { origin, folder } = await startPages(t);
  await mkdir(folder);
  await writeFile(join(folder, "a.html"), "");
  await writeFile(join(folder, "a.js"), "1;".repeat(500));
  const response = await fetch(`${origin}/a.js`);
  assert.equal((await response.text()).length, 1000);
  const { headers } = response;
  assert.equal(headers.get("content-type"), "text/javascript; charset=utf-8");
  assert.equal(headers.get("content-encoding"), "gzip");
  assert.ok(Number(headers.get("content-length")) < 100);
  assert.match(headers.get("content-security-policy") ?? "", /default-src 'none'; script-src 'self';.*frame-ancestors 'self'$/);
  assert.doesNotMatch(headers.get("content-security-policy") ?? "", /unsafe/);
  assert.equal(headers.get("x-content-type-options"), "nosniff");
  const plain = await fetch(`${origin}/a.js`, { headers: { "Accept-Encoding": "identity" } });
  assert.equal(plain.headers.get("content-encoding"), null);
  assert.equal((await plain.text()).length, 1000);
  const again = await fetch(`${origin}/a.js`, { headers: { "If-None-Match": headers.get("etag") ?? "" } });
  assert.deepEqual([again.status, await again.text()], [304, ""]);
});

test("nothing but the folder's own files, by their plain names", async (t) => {
  const { origin, folder } = await startPages(t);
  await mkdir(folder);
  await writeFile(join(folder, "a.html"), "x");
  await writeFile(join(folder, "secret.txt"), "x");
  for (const name of ["secret.txt", "web/a.html", "..%2fweb%2fa.html", "%2e%2e%2fweb%2fa.html", "a.html%00", ""])
    assert.equal((await fetch(`${origin}/${name}`)).status, 404, name);
});
