// Headers of the PROXY protocol, as HAProxy's document has them, cut anywhere and damaged.
import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { parseProxyHeader } from "./proxy-protocol.ts";

const SIGNATURE = "0d0a0d0a000d0a515549540a";
const v2 = (rest: string): Buffer => Buffer.from(SIGNATURE + rest.replaceAll(" ", ""), "hex");
const TCP4 = v2("21 11 000c c0000201 cb007105 d903 022a");
const TCP6 = v2("21 21 0024 20010db8000000000000000000000001 20010db8000000000000000000000002 d903 022a");

const HEADERS: readonly (readonly [what: string, bytes: Buffer, client: { address: string; port: number } | undefined])[] = [
  ["version 1, TCP4", Buffer.from("PROXY TCP4 192.0.2.1 203.0.113.5 55555 554\r\n"), { address: "192.0.2.1", port: 55_555 }],
  ["version 1, TCP6", Buffer.from("PROXY TCP6 2001:db8::1 2001:db8::2 65535 0\r\n"), { address: "2001:db8::1", port: 65_535 }],
  ["version 1, IPv4 over IPv6", Buffer.from("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"), { address: "192.0.2.1", port: 1 }],
  ["version 1, unknown", Buffer.from("PROXY UNKNOWN\r\n"), undefined],
  ["version 1, unknown with what a receiver must ignore", Buffer.from("PROXY UNKNOWN ffff::1 x y z\r\n"), undefined],
  ["version 2, TCP4", TCP4, { address: "192.0.2.1", port: 55_555 }],
  ["version 2, TCP6", TCP6, { address: "2001:db8::1", port: 55_555 }],
  [
    "version 2, IPv4 over IPv6",
    v2("21 21 0024 00000000000000000000ffffc0000201 20010db8000000000000000000000002 d903 022a"),
    { address: "192.0.2.1", port: 55_555 },
  ],
  [
    "version 2, TCP4 with more behind the addresses",
    v2("21 11 0012 c0000201 cb007105 d903 022a 030003 aabbcc"),
    { address: "192.0.2.1", port: 55_555 },
  ],
  ["version 2, local", v2("20 00 0000"), undefined],
  ["version 2, local with addresses that count for nothing", v2("20 11 000c c0000201 cb007105 d903 022a"), undefined],
  ["version 2, UDP4", v2("21 12 000c c0000201 cb007105 d903 022a"), undefined],
];

for (const [what, bytes, client] of HEADERS) {
  test(what, () => {
    const follows = Buffer.from("OPTIONS * RTSP/1.0\r\n\r\n");
    assert.deepEqual(parseProxyHeader(Buffer.concat([bytes, follows])), { kind: "header", lengthBytes: bytes.length, client });
    for (let length = 0; length < bytes.length; length++)
      assert.deepEqual(parseProxyHeader(bytes.subarray(0, length)), { kind: "incomplete" }, `${length} bytes`);
  });
}

test("what begins with something else has no header", () => {
  for (const bytes of ["O", "PLAY", "PROXIED", "PROXY\r\n", "\r\nx", "\x16\x03\x01"])
    assert.deepEqual(parseProxyHeader(Buffer.from(bytes, "latin1")), { kind: "none" });
});

test("what is broken says how", () => {
  const faults: readonly (readonly [bytes: Buffer, fault: RegExp])[] = [
    [Buffer.from(`PROXY TCP4 ${"1".repeat(200)}`), /does not end/],
    [Buffer.from("PROXY UDP4 192.0.2.1 203.0.113.5 1 2\r\n"), /neither TCP4, TCP6 nor UNKNOWN/],
    [Buffer.from("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n"), /addresses/],
    [Buffer.from("PROXY TCP4 192.0.2.1 203.0.113.5 1\r\n"), /addresses/],
    [Buffer.from("PROXY TCP4 192.0.2.1 203.0.113.5 1 65536\r\n"), /addresses/],
    [Buffer.from("PROXY TCP4 192.0.2.1 203.0.113.5 1 2 3\r\n"), /addresses/],
    [v2("31 11 000c c0000201 cb007105 d903 022a"), /version/],
    [v2("22 11 000c c0000201 cb007105 d903 022a"), /command/],
    [v2("21 11 0004 c0000201"), /cut off/],
    [v2("21 21 000c c0000201 cb007105 d903 022a"), /cut off/],
    [v2("21 11 ffff"), /longer than/],
  ];
  for (const [bytes, fault] of faults) {
    const header = parseProxyHeader(bytes);
    assert.ok(header.kind === "broken" && fault.test(header.fault), `${bytes}: ${JSON.stringify(header)}`);
  }
});

test("damaged headers are read, refused or waited for", () => {
  const random = fuzzRandom(31);
  const seen = new Set<string>();
  for (let round = fuzzRounds(4000); round > 0; round--) {
    const bytes = mutate(HEADERS[random(HEADERS.length)]![1], random);
    const header = parseProxyHeader(bytes);
    seen.add(header.kind);
    if (header.kind === "incomplete") assert.ok(bytes.length < 4096);
    if (header.kind !== "header") continue;
    assert.ok(header.lengthBytes <= bytes.length);
    if (header.client !== undefined) assert.ok(isIP(header.client.address) !== 0 && header.client.port <= 65_535);
  }
  assert.deepEqual([...seen].sort(), ["broken", "header", "incomplete", "none"]);
});
