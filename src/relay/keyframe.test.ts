import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "#base/log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { PublishedPath } from "#testing/published-path.ts";
import { pathConf } from "#testing/rtsp-site.ts";
import { type ScriptedSource, scriptedSource } from "#testing/scripted-source.ts";
import { frameNumberOf, syntheticAudioTrack } from "#testing/synthetic-track.ts";
import { type Keyframe, keyframeOf } from "./keyframe.ts";
import type { PathOptions } from "./path-options.ts";
import { PathRegistry } from "./path-registry.ts";

const never = new AbortController().signal;

function registryWith(paths: Readonly<Record<string, Partial<PathOptions>>>): PathRegistry {
  return new PathRegistry({
    clock: new FakeClock(),
    log: silentLog,
    udpMaxPayloadBytes: 1452,
    authorize: () => Promise.resolve({ allowed: true, user: "" }),
    confs: Object.entries(paths).map(([name, options]) => pathConf(name, options)),
    nameFault: () => undefined,
    random: () => 0.5,
  });
}

/** Synthetic frames have their numbers in them. */
function numberIn({ frame }: Keyframe): number | undefined {
  return frame.map(frameNumberOf).find((number) => number !== undefined);
}

async function published(
  t: { after(cleanup: () => void): void },
  options: Partial<PathOptions> = {},
  tracks?: Parameters<typeof PublishedPath.open>[2],
) {
  const registry = registryWith({ cam: options });
  t.after(() => registry.close());
  const publisher = await PublishedPath.open(registry, "cam", { video: { gopFrames: 5 }, clock: new FakeClock(), ...tracks });
  return { registry, publisher, path: registry.get("cam")! };
}

test("the keyframe that is kept, with bytes of its own", async (t) => {
  const { publisher, path } = await published(t);
  publisher.frame(8);
  const keyframe = await keyframeOf(path, 1000, never);
  assert.equal(numberIn(keyframe), 5);
  assert.ok(keyframe.keyframe);
  const slice = keyframe.frame.at(-1)!;
  const before = Buffer.from(slice);
  slice.fill(0);
  assert.deepEqual((await keyframeOf(path, 1000, never)).frame.at(-1), before);
  assert.equal(path.snapshot().readers.length, 0);
});

test("none is kept: the next one, which is asked for", async (t) => {
  const { publisher, path } = await published(t, { gopCache: false });
  publisher.frame(2);
  const coming = keyframeOf(path, 60_000, never);
  await new Promise(setImmediate);
  assert.equal(publisher.keyframesAsked, 1);
  publisher.frame(5);
  assert.equal(numberIn(await coming), 5);
});

test("none comes: it times out, ends with the stream, or is not wanted any more", async (t) => {
  const { publisher, path } = await published(t, { gopCache: false });
  publisher.frame();
  await assert.rejects(keyframeOf(path, 10, never), { code: "timed-out", message: "no keyframe on path 'cam' within 0.01 s" });
  const abort = new AbortController();
  const unwanted = assert.rejects(keyframeOf(path, 60_000, abort.signal), { code: "timed-out" });
  const orphaned = assert.rejects(keyframeOf(path, 60_000, never), { code: "no-stream" });
  await new Promise(setImmediate);
  abort.abort();
  await unwanted;
  publisher.close();
  await orphaned;
  await assert.rejects(keyframeOf(path, 60_000, never), { code: "no-stream" });
});

test("no picture: sound alone, a redirect", async (t) => {
  const { path } = await published(t, {}, { tracks: [syntheticAudioTrack(0)] });
  await assert.rejects(keyframeOf(path, 1000, never), { code: "no-stream", message: "path 'cam' has no picture, only sound" });
  const registry = registryWith({ elsewhere: { source: { kind: "redirect", target: "/cam" } } });
  t.after(() => registry.close());
  await assert.rejects(keyframeOf(registry.get("elsewhere")!, 1000, never), { code: "no-stream" });
});

test("a source on demand is started, and stays as after a reader", async (t) => {
  const scripted: ScriptedSource = scriptedSource({ onDemand: { startTimeoutMs: 10_000, closeAfterMs: 60_000 } });
  const registry = registryWith({ cam: { source: scripted.source } });
  t.after(() => registry.close());
  const coming = keyframeOf(registry.get("cam")!, 60_000, never);
  assert.equal(scripted.attempts.length, 1);
  scripted.last.ready();
  await new Promise(setImmediate);
  scripted.last.frame(0);
  assert.equal(numberIn(await coming), 0);
  assert.ok(!scripted.last.aborted);
});
