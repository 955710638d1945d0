import assert from "node:assert/strict";
import { test } from "node:test";
import { PeerFault } from "#base/errors.ts";
import type { Source } from "#relay/source.ts";
import { syntheticAudioTrack, syntheticTrack } from "#testing/synthetic-track.ts";
import { tryCamera } from "./try-camera.ts";

const context = {
  caller: { name: "installer", may: () => true },
  signal: new AbortController().signal,
  progress: () => {},
};

function ask(source: Source | undefined, input: unknown = { source: "rtsp://camera/1" }) {
  const opened: unknown[] = [];
  const command = tryCamera({
    openCandidate: (...wanted) => {
      opened.push(wanted);
      return source;
    },
  });
  return { opened, answer: (async () => command.run(command.parse(input), context))() };
}

const untilAborted = (signal: AbortSignal): Promise<void> => new Promise((resolve) => signal.addEventListener("abort", () => resolve()));

test("a camera tells its tracks, and its session is ended", async () => {
  let ended = false;
  const { answer, opened } = ask(
    {
      run: async ({ ready }, signal) => {
        const over = untilAborted(signal);
        ready([syntheticTrack(), syntheticAudioTrack(1)], "packets");
        await over;
        ended = true;
      },
    },
    { source: "rtsp://camera/1", transport: "udp" },
  );
  assert.deepEqual(await answer, { tracks: ["H264", "G711"] });
  assert.equal(ended, true);
  assert.deepEqual(opened, [["rtsp://camera/1", "udp"]]);
});

test("what is wrong with the camera is the answer", async () => {
  const refusing: Source = { run: () => Promise.reject(new PeerFault("auth", "wrong user or password")) };
  await assert.rejects(ask(refusing).answer, {
    code: "no-stream",
    message: "the camera cannot be used: wrong user or password",
    field: "source",
  });
  await assert.rejects(ask({ run: async () => {} }).answer, { code: "no-stream", message: /given up/ });
});

test("bad input names the field", async () => {
  await assert.rejects(ask(undefined).answer, { field: "source" });
  for (const input of [{}, { source: "" }, { source: 1 }, { source: "x".repeat(3000) }])
    await assert.rejects(ask(undefined, input).answer, { field: "source" });
  await assert.rejects(ask(undefined, { source: "rtsp://a", transport: "smoke" }).answer, { field: "transport" });
  await assert.rejects(ask(undefined, { source: "rtsp://a", more: 1 }).answer, { field: "more" });
});
