// Every parser of this folder on mutated dialogs: it returns, and what it hands out is within its limits.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { parseChallenges } from "./digest.ts";
import { DigestClient } from "./digest-client.ts";
import { DigestServer } from "./digest-server.ts";
import { contentBaseOf, parsePublic, parseRtpInfo, parseSession } from "./headers.ts";
import { RtspSplitter } from "./interleaved.ts";
import { NO_BODY, RtspHeaders } from "./message.ts";
import { MESSAGE_LIMITS } from "./message-parser.ts";
import { parseRange } from "./range-header.ts";
import { isControlOf, parseRequestPath } from "./request-path.ts";
import { parseTransports, writeTransport } from "./transport-header.ts";
import { controlUrl, parseRtspUrl, urlWithoutCredentials } from "./url.ts";

const TESTDATA = new URL("./testdata/", import.meta.url);
const DIALOGS = readdirSync(TESTDATA).map((name) => readFileSync(new URL(name, TESTDATA)));
const ROUNDS = fuzzRounds(300);

interface Counts {
  packets: number;
  messages: number;
  faults: number;
}

function feed(bytes: Buffer, chunkBytes: number): Counts {
  const counts: Counts = { packets: 0, messages: 0, faults: 0 };
  const message = (headers: RtspHeaders, body: Buffer): void => {
    counts.messages++;
    assert.equal(counts.faults, 0, "nothing comes after a fault");
    assert.ok(headers.size <= MESSAGE_LIMITS.headers && body.length <= MESSAGE_LIMITS.bodyBytes);
  };
  const splitter = new RtspSplitter({
    isKnownChannel: (channel) => channel < 10,
    onPacket: (channel, chunk, start, end) => {
      counts.packets++;
      assert.equal(counts.faults, 0, "nothing comes after a fault");
      assert.ok(channel < 10 && start < end && end <= chunk.length && end - start <= 0xffff);
    },
    onRequest: ({ headers, body }) => message(headers, body),
    onResponse: ({ headers, body }) => message(headers, body),
    onFault: () => counts.faults++,
  });
  splitter.expectBodyWithoutLength = true;
  for (let at = 0; at < bytes.length; at += chunkBytes) splitter.push(bytes.subarray(at, at + chunkBytes));
  splitter.finishBody();
  assert.ok(counts.faults <= 1 && splitter.skippedBytes <= bytes.length);
  return counts;
}

describe("mutated RTSP", () => {
  it("never throws and never leaves its limits", () => {
    const random = fuzzRandom(2326);
    const total: Counts = { packets: 0, messages: 0, faults: 0 };
    for (const dialog of DIALOGS) {
      for (let round = 0; round < ROUNDS; round++) {
        const counts = feed(mutate(dialog, random), 1 + random(1500));
        total.packets += counts.packets;
        total.messages += counts.messages;
        total.faults += counts.faults;
      }
    }
    assert.ok(total.packets > ROUNDS && total.messages > ROUNDS, JSON.stringify(total));
  });

  it("does not trip over mutated values", () => {
    const random = fuzzRandom(7616);
    const server = new DigestServer({ methods: ["basic", "digest"], nonce: "0123456789abcdef0123456789abcdef" });
    const base = parseRtspUrl("rtsp://u:p@10.0.0.1/site/cam?x=1")!;
    const lines = DIALOGS.flatMap((dialog) => dialog.toString("latin1").split("\r\n")).filter((line) => /^[A-Za-z-]+: /.test(line));
    for (const line of lines) {
      for (let round = 0; round < fuzzRounds(20); round++) {
        const value = mutate(Buffer.from(line.slice(line.indexOf(":") + 1).trim()), random).toString();
        for (const challenge of parseChallenges([value])) assert.ok(challenge.params.size <= 32);
        new DigestClient({ user: "u", pass: "p" }).accept([value]);
        const headers = RtspHeaders.of({ Authorization: value, "Content-Base": value });
        const credentials = server.credentials({ method: "PLAY", url: value, headers, body: NO_BODY });
        if (credentials.kind === "digest") credentials.verify("viewer", { plain: "x" });
        for (const transport of parseTransports(value)) assert.notEqual(parseTransports(writeTransport(transport)).length, 0);
        parseSession(value);
        parseRtpInfo(value);
        parsePublic([value]);
        parseRange(value);
        parseRequestPath(value);
        isControlOf(value, "rtsp://h/p", value);
        assert.ok(controlUrl(base, contentBaseOf(headers), value).length > 0);
      }
    }
  });

  it("gives URLs that are parsed again to the same", () => {
    const random = fuzzRandom(3986);
    const seed = Buffer.from("rtsp://admin:p@:/%#w@cam-1.example:8554/Streaming/Channels/101?profile=2&x=%20/y");
    let parsed = 0;
    for (let round = 0; round < fuzzRounds(5000); round++) {
      const url = parseRtspUrl(mutate(seed, random).toString());
      if (url === undefined) continue;
      parsed++;
      const text = urlWithoutCredentials(url);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
      assert.doesNotMatch(text, /[\u0000- \u007f-\uffff]/);
      const again = parseRtspUrl(text);
      assert.ok(again);
      assert.deepEqual([again.path, again.query, again.port], [url.path, url.query, url.port], text);
    }
    assert.ok(parsed > 0);
  });
});
