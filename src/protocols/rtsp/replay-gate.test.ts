import assert from "node:assert/strict";
import { test } from "node:test";
import type { MediaWriter } from "./media-writer.ts";
import { ReplayGate } from "./replay-gate.ts";

const LIMIT_BYTES = 1 << 20;

function setUp() {
  const peer = { pending: 0, drain: (): void => assert.fail("nobody waits for it") };
  const events: string[] = [];
  const writer = {
    pendingBytes: () => peer.pending,
    onceDrained: (action: () => void) => {
      peer.drain = action;
    },
  } as unknown as MediaWriter;
  const gate = new ReplayGate({
    writer,
    writeTimeoutUs: 10_000_000,
    source: { pause: () => events.push("pause"), play: () => events.push("play") },
    onStuck: () => events.push("stuck"),
  });
  return { gate, peer, events };
}

test("the source waits once the reader is behind by more than the limit, and goes on when it has taken everything", () => {
  const { gate, peer, events } = setUp();
  peer.pending = LIMIT_BYTES;
  gate.wrote();
  assert.deepEqual(events, []);
  peer.pending = LIMIT_BYTES + 1;
  gate.wrote();
  gate.wrote();
  assert.deepEqual(events, ["pause"]);
  assert.equal(gate.admits(), true, "what was under way is not lost");
  peer.pending = 0;
  peer.drain();
  assert.deepEqual(events, ["pause", "play"]);
  peer.pending = 2 * LIMIT_BYTES;
  gate.wrote();
  assert.deepEqual(events, ["pause", "play", "pause"]);
});

test("a reader that takes nothing for the timeout is stuck; one that takes a little is not", () => {
  const { gate, peer, events } = setUp();
  gate.tick(0);
  peer.pending = 2 * LIMIT_BYTES;
  gate.wrote();
  for (let second = 1; second <= 30; second++) {
    peer.pending -= 1000;
    gate.tick(second * 1e6);
  }
  assert.deepEqual(events, ["pause"]);
  for (let second = 31; second <= 39; second++) gate.tick(second * 1e6);
  assert.deepEqual(events, ["pause"]);
  gate.tick(40e6);
  gate.tick(60e6);
  assert.deepEqual(events, ["pause", "stuck"]);
});
