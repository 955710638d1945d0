import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { ipBytes, ipText } from "./ip-bytes.ts";
import { hasIntegrity, looksLikeStun, parseStun, writeBindingError, writeBindingRequest, writeBindingSuccess } from "./stun.ts";

const PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt";
const TRANSACTION = Buffer.from("b7e7a701bc34d686fa87dfae", "hex");

/** RFC 5769 §2.1: a request with all that a connectivity check has. */
const REQUEST = Buffer.from(
  "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b151263b36" +
    "000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf",
  "hex",
);
/** §2.2 */
const RESPONSE_V4 = Buffer.from(
  "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220" +
    "002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96",
  "hex",
);
/** §2.3 */
const RESPONSE_V6 = Buffer.from(
  "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220" +
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c",
  "hex",
);

test("the request of RFC 5769", () => {
  const message = parseStun(REQUEST)!;
  assert.equal(message.kind, "request");
  assert.equal(message.method, 1);
  assert.equal(message.username, "evtj:h6vY");
  assert.equal(message.priority, 0x6e0001ff);
  assert.equal(message.role, "controlled");
  assert.equal(message.useCandidate, false);
  assert.equal(message.hasFingerprint, true);
  assert.deepEqual(message.transactionId, TRANSACTION);
  assert.deepEqual(message.unknown, []);
  assert.equal(hasIntegrity(REQUEST, message, PASSWORD), true);
  assert.equal(hasIntegrity(REQUEST, message, "another"), false);
});

for (const [name, bytes, address] of [
  ["IPv4", RESPONSE_V4, "192.0.2.1"],
  ["IPv6", RESPONSE_V6, "2001:db8:1234:5678:11:2233:4455:6677"],
] as const) {
  test(`the ${name} response of RFC 5769`, () => {
    const message = parseStun(bytes)!;
    assert.equal(message.kind, "success");
    assert.deepEqual(message.mappedAddress, { address, port: 32853 });
    assert.equal(hasIntegrity(bytes, message, PASSWORD), true);
  });
}

test("what is written is read back", () => {
  const request = writeBindingRequest({
    transactionId: TRANSACTION,
    username: "ours:theirs",
    password: PASSWORD,
    priority: 77,
    useCandidate: true,
    role: "controlling",
    tieBreaker: Buffer.alloc(8, 1),
  });
  const read = parseStun(request)!;
  assert.deepEqual(
    [read.kind, read.username, read.priority, read.useCandidate, read.role, read.hasFingerprint],
    ["request", "ours:theirs", 77, true, "controlling", true],
  );
  assert.ok(hasIntegrity(request, read, PASSWORD));
  for (const address of ["192.0.2.9", "2001:db8::1", "::ffff:192.0.2.1", "::1", "fe80::1"]) {
    const response = writeBindingSuccess({ transactionId: TRANSACTION, password: PASSWORD }, { address, port: 4711 });
    const answer = parseStun(response)!;
    assert.deepEqual(answer.mappedAddress, { address: ipText(ipBytes(address)), port: 4711 });
    assert.ok(hasIntegrity(response, answer, PASSWORD));
  }
  const refusal = writeBindingError({ transactionId: TRANSACTION, password: undefined }, 420, "Unknown Attribute", [0x7777]);
  assert.equal(parseStun(refusal)!.errorCode, 420);
  assert.equal(hasIntegrity(refusal, parseStun(refusal)!, PASSWORD), false);
});

test("what is no STUN, and what is broken", () => {
  assert.equal(parseStun(Buffer.alloc(0)), undefined);
  assert.equal(looksLikeStun(Buffer.alloc(19)), false);
  assert.equal(parseStun(RESPONSE_V4.subarray(0, -4)), undefined);
  const wrongFingerprint = Buffer.from(RESPONSE_V4);
  wrongFingerprint[wrongFingerprint.length - 1]! ^= 1;
  assert.equal(parseStun(wrongFingerprint), undefined);
  const behindFingerprint = Buffer.concat([RESPONSE_V4, Buffer.from("8022000412345678", "hex")]);
  behindFingerprint.writeUInt16BE(behindFingerprint.length - 20, 2);
  assert.equal(parseStun(behindFingerprint), undefined);
  const tooLong = Buffer.alloc(2000);
  RESPONSE_V4.copy(tooLong);
  tooLong.writeUInt16BE(1980, 2);
  assert.equal(parseStun(tooLong), undefined);
});

test("an attribute that has to be understood and is not", () => {
  const bytes = Buffer.alloc(28);
  Buffer.from("000100082112a442", "hex").copy(bytes);
  Buffer.from("7777000300000000", "hex").copy(bytes, 20);
  assert.deepEqual(parseStun(bytes)!.unknown, [0x7777]);
});

test("addresses", () => {
  for (const [text, hex] of [
    ["10.0.0.255", "0a0000ff"],
    ["::", "00000000000000000000000000000000"],
    ["1::", "00010000000000000000000000000000"],
    ["fe80::1:0:0:2", "fe800000000000000001000000000002"],
    ["1:0:2:3:4:5:6:7", "00010000000200030004000500060007"],
  ] as const) {
    assert.equal(ipBytes(text).toString("hex"), hex);
    assert.equal(ipText(Buffer.from(hex, "hex")), text);
  }
  assert.equal(ipBytes("::ffff:1.2.3.4").toString("hex"), "00000000000000000000ffff01020304");
  assert.equal(ipBytes("fe80::1%eth0").toString("hex"), "fe800000000000000000000000000001");
  assert.equal(ipBytes("nonsense").toString("hex"), "0".repeat(32));
});

/** The same without its last attribute, which lets no damage pass. */
function withoutFingerprint(bytes: Buffer): Buffer {
  const shorter = Buffer.from(bytes.subarray(0, -8));
  shorter.writeUInt16BE(shorter.length - 20, 2);
  return shorter;
}

test("mutation: nothing throws, and what is read keeps its limits", () => {
  const random = fuzzRandom(1);
  const seeds = [REQUEST, RESPONSE_V4, RESPONSE_V6].flatMap((seed) => [seed, withoutFingerprint(seed)]);
  let read = 0;
  for (let round = fuzzRounds(3000); round > 0; round--) {
    const bytes = Buffer.from(mutate(seeds[random(seeds.length)]!, random));
    if (bytes.length >= 4) bytes.writeUInt16BE(Math.max(0, bytes.length - 20), 2);
    const message = parseStun(bytes);
    if (message === undefined) continue;
    read++;
    hasIntegrity(bytes, message, PASSWORD);
    assert.ok(message.unknown.length <= 16 && (message.username?.length ?? 0) <= 513);
  }
  assert.ok(read > 100, String(read));
});
