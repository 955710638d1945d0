// What proxies say of their clients, and what is believed of it.
import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import { bareAddress } from "#base/address-group.ts";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { readForwarded } from "./forwarded.ts";

const trusts = (address: string): boolean => address.startsWith("10.") || address === "fd00::1";

test("the client's address: the last that is no trusted proxy's", () => {
  for (const [forwardedFor, address] of [
    ["192.0.2.7", "192.0.2.7"],
    ["203.0.113.9, 192.0.2.7", "192.0.2.7"],
    ["192.0.2.7, 10.0.0.1,10.0.0.2", "192.0.2.7"],
    ["2001:db8::7, fd00::1", "2001:db8::7"],
    ["10.0.0.9, 10.0.0.1", "10.0.0.9"],
    ["192.0.2.7:4711", "192.0.2.7"],
    ["[2001:db8::7]:4711", "2001:db8::7"],
    ["[2001:db8::7]", "2001:db8::7"],
    ["192.0.2.7, unknown, 10.0.0.1", "10.0.0.1"],
    ["unknown", undefined],
    ["", undefined],
    [undefined, undefined],
  ] as const)
    assert.equal(readForwarded({ "x-forwarded-for": forwardedFor }, trusts).address, address, forwardedFor);
  assert.equal(readForwarded({ "x-forwarded-for": ["192.0.2.7", "10.0.0.1"] }, trusts).address, "192.0.2.7");
});

test("scheme, host and prefix: the nearest proxy's word, if it is one", () => {
  const read = (proto?: string, host?: string, prefix?: string) => {
    const forwarded = readForwarded({ "x-forwarded-proto": proto, "x-forwarded-host": host, "x-forwarded-prefix": prefix }, trusts);
    return [forwarded.scheme, forwarded.host, forwarded.prefix];
  };
  assert.deepEqual(read(), [undefined, undefined, ""]);
  assert.deepEqual(read("https", "noc.example", "/site/7/"), ["https", "noc.example", "/site/7"]);
  assert.deepEqual(read("http, HTTPS", "a.example, b.example:8443", "/a, /b"), ["https", "b.example:8443", "/b"]);
  assert.deepEqual(read("ftp", "a b", "site"), [undefined, undefined, ""]);
  assert.deepEqual(read("javascript", "evil/path", "//evil.example"), [undefined, undefined, ""]);
  assert.deepEqual(read("https", "[2001:db8::1]:443", "/a%20b/"), ["https", "[2001:db8::1]:443", "/a%20b"]);
  assert.deepEqual(read("https", "u@h", '/"><script>'), ["https", undefined, ""]);
  assert.deepEqual(read("https", "h".repeat(300), `/${"a".repeat(300)}`), ["https", undefined, ""]);
});

test("damaged headers are believed where they make sense, and take no time", () => {
  const seeds = ["192.0.2.7, 10.0.0.1", "[2001:db8::7]:4711", "/site/7", "noc.example:8443", "https"].map((text) => Buffer.from(text));
  const random = fuzzRandom(41);
  const damaged = (): string => mutate(seeds[random(seeds.length)]!, random).toString("latin1");
  for (let round = fuzzRounds(3000); round > 0; round--) {
    const headers = { "x-forwarded-for": damaged(), "x-forwarded-host": damaged(), "x-forwarded-prefix": damaged() };
    const { address, host = "h", prefix } = readForwarded(headers, trusts);
    if (address !== undefined) assert.ok(isIP(bareAddress(address)) !== 0);
    assert.doesNotMatch(`${host}${prefix}`, /[\s<>"?#\\]/);
    assert.doesNotMatch(prefix, /^\/\/|\/$/);
  }
  for (const text of ["/a".repeat(100_000), "a.".repeat(100_000), "1.".repeat(100_000), ",".repeat(100_000)])
    readForwarded({ "x-forwarded-for": text, "x-forwarded-host": text, "x-forwarded-prefix": text }, trusts);
});
