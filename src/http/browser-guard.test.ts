import assert from "node:assert/strict";
import { test } from "node:test";
import { BrowserGuard } from "./browser-guard.ts";
import { HttpFault } from "./http-fault.ts";

const guard = new BrowserGuard({
  hostName: "Gateway7",
  allowedHosts: () => ["cams.example", "*.site.example"],
  allowedOrigins: () => ["*", "https://noc.example", "https://*.ops.example"],
});

/** Undefined: it passes. */
function faultOf(host: string, method = "GET", origin?: string, scheme = "http"): string | undefined {
  try {
    guard.check({
      request: { method, headers: { host, ...(origin !== undefined && { origin }) } } as never,
      publicUrl: `${scheme}://${host}/x`,
    });
    return undefined;
  } catch (error) {
    assert.ok(error instanceof HttpFault);
    assert.equal(error.status, 403);
    return error.message;
  }
}

test("addresses, own names and those of the config pass, with any port", () => {
  for (const host of [
    "192.0.2.7:9997",
    "127.0.0.1",
    "[::1]:9997",
    "[fe80::1]",
    "localhost:9997",
    "LOCALHOST",
    "gateway7",
    "gateway7.local:9997",
    "Gateway7.Local.",
    "cams.example",
    "CAMS.example:8443",
    "a.b.site.example",
  ])
    assert.equal(faultOf(host), undefined, host);
});

test("names of others do not, however they are dressed", () => {
  for (const host of [
    "evil.example",
    "gateway7.evil.example",
    "evil-gateway7",
    "site.example",
    "evilsite.example",
    "cams.example.evil.example",
    "127.0.0.1.evil.example",
    "192.0.2.7.nip.io:9997",
    "localhost.evil.example",
    "gateway7.localdomain",
    "",
    "a b",
    "x@evil.example",
    "127.0.0.1@evil.example",
  ])
    assert.match(faultOf(host) ?? "it passed", /does not go by the name/, host);
  assert.ok(faultOf(`${"x".repeat(500)}.example`)!.length < 250);
});

test("pages of others may look where they are let, and change nothing", () => {
  assert.equal(faultOf("gateway7:9997", "GET", "https://evil.example"), undefined);
  for (const method of ["POST", "PATCH", "DELETE", "PUT", "X"]) {
    assert.equal(faultOf("gateway7:9997", method), undefined, "a program has no origin");
    for (const origin of [
      "https://evil.example",
      "null",
      "http://gateway7:8889",
      "http://gateway7",
      "file://",
      "https://noc.example.evil.example",
    ])
      assert.match(faultOf("gateway7:9997", method, origin) ?? "it passed", /may not change anything here/, `${method} ${origin}`);
    for (const origin of ["http://gateway7:9997", "https://noc.example", "https://a.ops.example"])
      assert.equal(faultOf("gateway7:9997", method, origin), undefined, `${method} ${origin}`);
  }
  assert.equal(faultOf("cams.example", "POST", "https://cams.example", "https"), undefined, "behind a proxy with TLS");
});
