import assert from "node:assert/strict";
import { test } from "node:test";
import { Gate } from "./gated-reader.ts";
import type { Track } from "./track.ts";
import type { Unit } from "./unit.ts";

const video: Track = {
  index: 0,
  kind: "video",
  codec: "h264",
  clockRateHz: 90_000,
  parameters: { codec: "h264", sps: [], pps: [] },
  reorderFrames: 0,
};
const audio: Track = {
  index: 1,
  kind: "audio",
  codec: "g711",
  clockRateHz: 8000,
  parameters: { codec: "g711", muLaw: false, sampleRateHz: 8000, channelCount: 1 },
  reorderFrames: 0,
};
const unit = (track: Track, keyframe: boolean): Unit => ({ track, ptsTicks: 0, captureUs: 0, keyframe, damaged: false });

/** A gate before a peer whose appetite the test sets. */
function setUp(tracks: readonly Track[], inBacklog = false) {
  const peer = { pending: 0, nowUs: 0, stuck: 0 };
  const gate = new Gate({
    tracks,
    pendingBytes: () => peer.pending,
    writeTimeoutUs: 10_000_000,
    nowUs: () => peer.nowUs,
    onStuck: () => peer.stuck++,
  });
  if (!inBacklog) gate.endBacklog();
  const offer = (track: Track, keyframe: boolean, bytes = 1000): boolean => {
    const admitted = gate.admits(unit(track, keyframe));
    if (admitted) {
      peer.pending += bytes;
      gate.wrote(bytes);
    }
    return admitted;
  };
  return { peer, gate, offer };
}

test("starts at a keyframe of the video; audio before it is left out and not counted", () => {
  const { gate, offer } = setUp([video, audio]);
  assert.deepEqual([offer(audio, true), offer(video, false), offer(video, true), offer(audio, true)], [false, false, true, true]);
  assert.equal(gate.discarded, 0);
});

test("without video it starts at once", () => {
  assert.equal(setUp([audio]).offer(audio, true), true);
});

test("over 1 MiB it drops until the peer has taken everything and a keyframe comes", () => {
  const { peer, gate, offer } = setUp([video]);
  offer(video, true, 1_100_000);
  assert.equal(offer(video, false), false);
  peer.pending = 500_000;
  assert.equal(offer(video, true), false, "not yet caught up");
  peer.pending = 0;
  assert.equal(offer(video, false), false, "caught up, but no keyframe");
  assert.equal(offer(video, true), true);
  assert.equal(gate.discarded, 3);
});

test("over 2 s of unsent data it drops, however little that is", () => {
  const { peer, offer } = setUp([video]);
  offer(video, true, 100);
  peer.nowUs = 1_900_000;
  assert.equal(offer(video, false, 100), true);
  peer.nowUs = 2_100_000;
  assert.equal(offer(video, false, 100), false);
});

test("a peer that always lags a little is not slow", () => {
  const { peer, offer } = setUp([video]);
  offer(video, true, 1000);
  for (let i = 0; i < 100; i++) {
    peer.nowUs += 40_000;
    assert.equal(offer(video, false, 1000), true);
    peer.pending = 1000;
  }
});

test("no progress for the write timeout is reported once; progress keeps it alive", () => {
  const { peer, offer } = setUp([video]);
  offer(video, true, 2_000_000);
  for (let i = 1; i <= 30; i++) {
    peer.nowUs = i * 1_000_000;
    if (i < 15) peer.pending -= 1000;
    offer(video, false);
  }
  assert.equal(peer.stuck, 1);
});

test("the backlog may pass the limit", () => {
  const { peer, gate, offer } = setUp([video], true);
  offer(video, true, 4_000_000);
  assert.equal(offer(video, false, 1_000_000), true);
  gate.endBacklog();
  peer.nowUs = 3_000_000;
  peer.pending = 4_000_000;
  assert.equal(offer(video, false), true);
  peer.pending = 0;
  assert.equal(offer(video, false, 1_100_000), true);
  assert.equal(offer(video, false), false, "the allowance is gone once the peer has caught up");
});
