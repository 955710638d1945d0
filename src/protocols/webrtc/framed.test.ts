import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { FrameReader, frame, frameAll } from "./framed.ts";

const DATAGRAMS = [Buffer.from("a"), Buffer.alloc(1200, 7), Buffer.from("the last one")];

test("datagrams come out as they went in, however the stream is cut", () => {
  const stream = Buffer.concat(DATAGRAMS.map(frame));
  for (const step of [1, 2, 3, 7, 500, stream.length]) {
    const read: Buffer[] = [];
    const reader = new FrameReader();
    for (let at = 0; at < stream.length; at += step) assert.ok(reader.push(stream.subarray(at, at + step), (one) => read.push(one)));
    assert.deepEqual(read, DATAGRAMS);
  }
});

test("the packets of a slab, one behind the other", () => {
  const bytes = Buffer.concat([Buffer.from("xx"), ...DATAGRAMS]);
  const offsets = Int32Array.from([2, 3, 1203, 1215]);
  assert.deepEqual(frameAll({ bytes, offsets, count: 3 }), Buffer.concat(DATAGRAMS.map(frame)));
});

test("what is no frame ends the reading; an empty one is nothing", () => {
  assert.equal(
    new FrameReader().push(Buffer.from("GET / HTTP/1.1\r\n"), () => assert.fail()),
    false,
  );
  assert.equal(
    new FrameReader().push(Buffer.alloc(8), () => assert.fail()),
    true,
  );
});

test("mutation: nothing throws, and frames keep their limit", () => {
  const random = fuzzRandom(6);
  const stream = Buffer.concat(DATAGRAMS.map(frame));
  for (let round = fuzzRounds(1000); round > 0; round--) {
    const reader = new FrameReader();
    const bytes = mutate(stream, random);
    const step = 1 + random(600);
    for (let at = 0; at < bytes.length; at += step) {
      if (!reader.push(bytes.subarray(at, at + step), (one) => assert.ok(one.length > 0 && one.length <= 4096))) break;
    }
  }
});
