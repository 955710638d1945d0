import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import type { EndReason } from "#relay/reader.ts";
import type { Unit } from "#relay/unit.ts";
import { syntheticTrack } from "#testing/synthetic-track.ts";
import { transcodeArguments } from "./transcode-command.ts";
import { VideoFeed } from "./video-feed.ts";

const TRACK = syntheticTrack();
const KEY = Buffer.from("65880010", "hex");
const DELTA = Buffer.from("41880010", "hex");

/** Notes what is written; `isStuck`: takes nothing. */
function rig({ isStuck = false } = {}) {
  const writes: Buffer[] = [];
  const ends: EndReason[] = [];
  const input = new Writable({
    write: (bytes: Buffer, _encoding, done) => {
      writes.push(bytes);
      if (!isStuck) done();
    },
  });
  const feed = new VideoFeed({ track: TRACK, onEnd: (reason) => ends.push(reason) });
  let count = 0;
  const unit = (keyframe: boolean, changes: Partial<Unit> = {}): Unit => ({
    ...{ track: TRACK, ptsTicks: 3600 * ++count, captureUs: count * 40_000, keyframe, damaged: false },
    frame: [keyframe ? KEY : DELTA],
    ...changes,
  });
  return { feed, input, writes, ends, unit };
}

test("begins with a keyframe, and after a frame that is missing with the next one", () => {
  const { feed, input, writes, unit } = rig();
  feed.onUnit(unit(true)); // nobody takes it yet
  feed.begin(input);
  feed.onUnit(unit(false));
  assert.equal(writes.length, 0);
  feed.onUnit(unit(true));
  feed.onUnit(unit(false));
  assert.equal(writes.length, 2);
  feed.onUnit(unit(false, { damaged: true }));
  feed.onUnit(unit(false));
  assert.equal(writes.length, 2);
  feed.onUnit(unit(true));
  assert.equal(writes.length, 3);
  feed.onRestart();
  feed.onUnit(unit(false));
  assert.equal(writes.length, 3);
  assert.ok(writes.every((bytes) => bytes.length % 188 === 0 && bytes[0] === 0x47));
});

test("an encoder that is too slow, or another codec, ends it, once; nothing is written any more", () => {
  const slow = rig({ isStuck: true });
  slow.feed.begin(slow.input);
  const large = { frame: [Buffer.concat([KEY, Buffer.alloc(1 << 20, 1)])] };
  for (let i = 0; i < 8; i++) slow.feed.onUnit(slow.unit(true, large));
  assert.deepEqual(slow.ends, ["too-slow"]);
  assert.ok(slow.input.writableLength < 6 << 20);
  const other = rig();
  other.feed.begin(other.input);
  other.feed.onUnit(other.unit(true));
  const track = { ...TRACK, codec: "vp8", parameters: { codec: "vp8" } } as const;
  other.feed.onUnit(other.unit(true, { track }));
  other.feed.onUnit(other.unit(true));
  assert.deepEqual([other.ends, other.writes.length, other.input.writableEnded], [["tracks-changed"], 1, true]);
});

test("the encoder reads nothing but its input, and what it is told are numbers", () => {
  const words = transcodeArguments({ maxKbps: 150, maxWidth: 320, maxFps: 10 }, "rtsp://127.0.0.1:1/x", 1452);
  const after = (name: string): string => words[words.indexOf(name) + 1]!;
  assert.deepEqual([after("-protocol_whitelist"), after("-i"), after("-maxrate")], ["pipe", "pipe:0", "150k"]);
  assert.match(after("-vf"), /^select='.*10.*',scale='min\(320,/);
  assert.equal(words.at(-1), "rtsp://127.0.0.1:1/x");
  const plain = transcodeArguments({ maxKbps: 150, maxWidth: undefined, maxFps: undefined }, "x", 1452);
  assert.match(plain[plain.indexOf("-vf") + 1]!, /^scale=trunc/);
});
