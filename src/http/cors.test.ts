// Which pages may call: MediaMTX's rules for `…AllowOrigins`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { allowedOrigin } from "./cors.ts";

const CASES: readonly (readonly [origin: string | undefined, allowed: readonly string[], answer: string | undefined])[] = [
  ["http://a.example", [], undefined],
  ["http://a.example", ["http://a.example"], "http://a.example"],
  ["http://A.example", ["http://a.EXAMPLE"], "http://A.example"],
  ["http://a.example:80", ["http://a.example"], "http://a.example:80"],
  ["https://a.example", ["https://a.example:443/"], "https://a.example"],
  ["http://a.example:8080", ["http://a.example"], undefined],
  ["https://a.example", ["http://a.example"], undefined],
  ["http://b.example", ["http://a.example", "*"], "*"],
  ["http://a.example", ["*", "http://a.example"], "http://a.example"],
  [undefined, ["*"], "*"],
  [undefined, ["http://a.example"], undefined],
  ["null", ["http://*"], undefined],
  ["null", ["*"], "*"],
  ["http://x.a.example", ["http://*.a.example"], "http://x.a.example"],
  ["http://x.y.a.example", ["http://*.a.example"], "http://x.y.a.example"],
  ["http://a.example", ["http://*.a.example"], "http://a.example"],
  ["http://ba.example", ["http://*.a.example"], undefined],
  ["http://a.example.evil", ["http://*.a.example"], undefined],
  ["http://cam-17-north.example", ["http://cam-*-north.example"], "http://cam-17-north.example"],
  ["http://cam-north.example", ["http://cam-*-north.example"], undefined],
  ["http://a.b.c.d", ["http://*.b.*.d"], "http://a.b.c.d"],
  ["http://a.c.b.d", ["http://*.b.*.c.d"], undefined],
  ["http://anything:99", ["http://*:99"], "http://anything:99"],
  ["http://[2001:db8::1]:81", ["http://[2001:db8::1]:81"], "http://[2001:db8::1]:81"],
  ["ftp://a.example", ["ftp://a.example"], undefined],
  ["http://a.example/path", ["http://a.example"], undefined],
  ["http://a.example", ["a.example", "nonsense"], undefined],
];

for (const [origin, allowed, answer] of CASES) {
  test(`${origin} where ${allowed.join(" ") || "nobody"} may`, () => {
    assert.equal(allowedOrigin(origin, allowed), answer);
  });
}

test("many wildcards take no time", () => {
  const host = "a".repeat(5000);
  assert.equal(allowedOrigin(`http://${host}`, [`http://${"*a".repeat(2000)}b`]), undefined);
});
