import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { parseClientUrl } from "./client-url.ts";
import { stunServer } from "./reflexive-address.ts";
import { parseCandidate, remoteCandidates } from "./remote-candidate.ts";
import { iceServerUrls } from "./signalling.ts";

test("URLs: HTTP under another name, credentials as people write them", () => {
  const cases: [string, string | undefined, string?, string?][] = [
    ["whep://host:8889/cam/whep?token=x", "http://host:8889/cam/whep?token=x"],
    ["wheps://host/cam/whep", "https://host/cam/whep"],
    ["whips://[::1]:8889/a", "https://[::1]:8889/a"],
    ["whip://user:pass@host/cam/whip", "http://host/cam/whip", "user", "pass"],
    ["whep://user:p%40s%2Fs@host/x", "http://host/x", "user", "p@s/s"],
    ["whep://user:p@s#s@host:1/x?y", "http://host:1/x?y", "user", "p@s#s"],
    ["whep://user:100%@host/x", "http://host/x", "user", "100%"],
    ["http://host/x", undefined],
    ["whep://", undefined],
    ["whep:///x", undefined],
    ["whep://a b/x", undefined],
  ];
  for (const [text, url, user, password] of cases) {
    const basic = user === undefined ? undefined : { user, password };
    assert.deepEqual(parseClientUrl(text), url === undefined ? undefined : { url, basic }, text);
  }
});

test("candidates: those over UDP with an address, best first, each once", () => {
  const attribute = (value: string) => ({ name: "candidate", value });
  const found = remoteCandidates(
    [
      "1 1 udp 100 192.0.2.1 5000 typ host",
      "2 1 UDP 300 2001:db8::1 5000 typ host generation 0",
      "3 1 tcp 900 192.0.2.1 5000 typ host tcptype passive",
      "4 2 udp 900 192.0.2.1 5001 typ host",
      "5 1 udp 900 a1b2.local 5000 typ host",
      "6 1 udp 50 192.0.2.1 5000 typ srflx",
      "7 1 udp 900 192.0.2.1 0 typ host",
      "8 1 udp 900 192.0.2.1 65536 typ host",
      "9 1 udp x 192.0.2.1 1 typ host",
      "",
    ].map(attribute),
  );
  assert.deepEqual(found, [
    { address: "2001:db8::1", port: 5000, priority: 300 },
    { address: "192.0.2.1", port: 5000, priority: 100 },
  ]);
  const many = Array.from({ length: 100 }, (_, i) => attribute(`1 1 udp ${i} 192.0.2.${i} 5000 typ host`));
  assert.equal(remoteCandidates(many).length, 32);
});

test("STUN servers are told of in Link headers", () => {
  assert.deepEqual(
    iceServerUrls(
      '<stun:a.example:3478>; rel="ice-server", <turn:b.example>; rel=ice-server; username="u, <v>"; credential="c", <http://x>; rel="next"',
    ),
    ["stun:a.example:3478", "turn:b.example"],
  );
  assert.deepEqual(iceServerUrls(""), []);
  assert.deepEqual(stunServer("stun:a.example"), { host: "a.example", port: 3478 });
  assert.deepEqual(stunServer("stun:[2001:db8::1]:19302?transport=udp"), { host: "2001:db8::1", port: 19_302 });
  for (const other of ["turn:a.example", "stuns:a.example", "stun:", "stun:a:0", "stun:a:99999"])
    assert.equal(stunServer(other), undefined);
});

test("damaged links and candidates", () => {
  const random = fuzzRandom(12);
  const link = Buffer.from('<stun:a.example:3478>; rel="ice-server", <turn:b.example>; rel=ice-server; username="u"');
  const candidate = Buffer.from("1 1 udp 2130706431 192.0.2.1 5000 typ host generation 0");
  for (let round = fuzzRounds(3000); round > 0; round--) {
    for (const url of iceServerUrls(mutate(link, random).toString("latin1"))) stunServer(url);
    const parsed = parseCandidate(mutate(candidate, random).toString("latin1"));
    assert.ok(parsed === undefined || (parsed.port > 0 && parsed.port < 65_536));
  }
});
