// Damaged texts through the parsers of this room, and into the log.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { repetitiveTexts } from "#testing/repetitive-texts.ts";
import { parseListenAddress } from "./listen-address.ts";
import { humanLine, jsonLine, safeText } from "./log-line.ts";

const LONG = repetitiveTexts(512 * 1024);

test("a listen address is read, or not", () => {
  const seeds = [":8554", "127.0.0.1:8554", "[::1]:8554", "[fe80::1%eth0]:65535", "camera.example:0"].map((text) => Buffer.from(text));
  const random = fuzzRandom(1);
  let read = 0;
  for (let round = fuzzRounds(3000); round > 0; round--) {
    const address = parseListenAddress(mutate(seeds[random(seeds.length)]!, random).toString());
    if (address === undefined) continue;
    read++;
    assert.ok(address.host !== "" && Number.isInteger(address.port) && address.port >= 0 && address.port <= 65_535);
  }
  assert.ok(read > 0);
  for (const text of LONG) assert.equal(parseListenAddress(text), undefined);
});

test("whatever a peer sends is one line of bounded length in the log", () => {
  const seed = Buffer.from("closed: rtsp://admin:secret@10.0.0.1/x?user=u&password=secret\r\n\u001b[31m\u202e\u2028 é\u0000");
  const random = fuzzRandom(2);
  const time = new Date(0);
  const check = (text: string): void => {
    const record = { time, level: "info", text: safeText(text) } as const;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
    assert.doesNotMatch(humanLine(record), /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202e]/);
    assert.ok(record.text.length < 8 * 8192); // longest escape of one unit: 6
    JSON.parse(jsonLine(record));
  };
  for (let round = fuzzRounds(2000); round > 0; round--) check(mutate(seed, random).toString());
  for (const text of LONG) check(text);
});
