// Readers that are nobody's clients: the recorder is one.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { silentLog } from "#base/log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { pathConf } from "#testing/rtsp-site.ts";
import { scriptedSource } from "#testing/scripted-source.ts";
import { syntheticAudioTrack, syntheticTrack } from "#testing/synthetic-track.ts";
import { UnitTap, type UnitTapOptions } from "#testing/unit-tap.ts";
import type { OnDemandOptions, PathOptions } from "./path-options.ts";
import { PathRegistry } from "./path-registry.ts";

const CLIENT = { type: "rtspSession", id: "1" };

/** Counts what only followers ask for. */
class Follower extends UnitTap {
  readonly liveOnly = true;
  restarts = 0;

  constructor(options: UnitTapOptions = {}) {
    super({ wants: () => "frame", ...options });
  }

  onRestart(): void {
    this.restarts++;
  }
}

function setUp(t: TestContext, changes: Partial<PathOptions> = {}, onDemand?: OnDemandOptions) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const scripted = scriptedSource(onDemand === undefined ? {} : { onDemand });
  const clock = new FakeClock();
  const registry = new PathRegistry({
    clock,
    log: silentLog,
    udpMaxPayloadBytes: 1452,
    authorize: () => Promise.resolve({ allowed: true, user: "" }),
    confs: [pathConf("cam", { source: scripted.source, ...changes })],
    nameFault: () => undefined,
    random: () => 0.5,
  });
  const path = registry.get("cam")!;
  const pass = async (ms: number): Promise<void> => {
    await setImmediate();
    t.mock.timers.tick(ms);
    await setImmediate();
  };
  t.after(() => registry.close());
  return { path, scripted, clock, pass };
}

test("a follower is attached to every stream of the path, from its first unit on", async (t) => {
  const { path, scripted, clock, pass } = setUp(t);
  const follower = new Follower();
  path.follow(follower);
  await setImmediate();
  scripted.last.ready();
  scripted.last.frame(clock.us);
  assert.deepEqual(follower.numbers, [0]);
  scripted.last.fail();
  await setImmediate();
  assert.deepEqual(follower.ends, ["source-ended"]);
  assert.equal(path.state, "empty", "it does not keep a lost stream");
  await pass(500);
  scripted.last.ready();
  scripted.last.frame(clock.us);
  scripted.last.frame(clock.us);
  assert.deepEqual(follower.numbers, [0, 0, 1]);
  scripted.last.ready([syntheticTrack(), syntheticAudioTrack()]);
  assert.deepEqual(follower.ends, ["source-ended", "tracks-changed"]);
  scripted.last.frame(clock.us);
  assert.deepEqual(follower.numbers, [0, 0, 1, 2]);
  assert.equal(follower.restarts, 0);
});

test("it takes no reader's place, and is not seen among them", async (t) => {
  const { path, scripted } = setUp(t, { maxReaders: 1 });
  await setImmediate();
  scripted.last.ready();
  path.follow(new Follower());
  const lease = await path.read(new UnitTap(), CLIENT, "");
  assert.deepEqual(path.snapshot().readers, [CLIENT]);
  lease.close();
});

test("it neither starts a source on demand nor keeps one", async (t) => {
  const { path, scripted, pass } = setUp(t, {}, { startTimeoutMs: 10_000, closeAfterMs: 5000 });
  const follower = new Follower();
  path.follow(follower);
  await pass(20_000);
  assert.equal(scripted.attempts.length, 0);
  const reading = path.read(new UnitTap(), CLIENT, "");
  await setImmediate();
  scripted.last.ready();
  const lease = await reading;
  lease.close();
  await pass(4999);
  assert.deepEqual(follower.ends, []);
  await pass(1);
  assert.deepEqual(follower.ends, ["source-ended"]);
  assert.ok(path.idle);
});

test("it gets no open group of pictures: a keyframe is asked for instead", async (t) => {
  const { path, scripted, clock } = setUp(t);
  await setImmediate();
  scripted.last.ready();
  let asked = 0;
  scripted.last.sink.onKeyframeWanted = () => asked++;
  scripted.last.frame(clock.us);
  const follower = new Follower();
  path.follow(follower);
  assert.equal(follower.backlogCount, 0);
  assert.equal(asked, 1);
  scripted.last.frame(clock.us);
  assert.deepEqual(follower.numbers, [1]);
});

test("a source that comes back within the grace time is told to those who stayed", async (t) => {
  const { path, scripted, clock, pass } = setUp(t, { sourceReconnectGraceMs: 60_000 });
  await setImmediate();
  scripted.last.ready();
  const follower = new Follower();
  path.follow(follower);
  (await path.read(new UnitTap(), CLIENT, "")).start();
  scripted.last.fail();
  await pass(500);
  assert.equal(path.state, "grace");
  scripted.last.ready();
  assert.equal(follower.restarts, 1);
  scripted.last.frame(clock.us);
  assert.deepEqual([follower.numbers, follower.ends], [[0], []]);
});

test("who leaves gets nothing more, not even an end", async (t) => {
  const { path, scripted, clock } = setUp(t);
  const follower = new Follower();
  const leave = path.follow(follower);
  await setImmediate();
  scripted.last.ready();
  leave();
  leave();
  scripted.last.frame(clock.us);
  path.close();
  assert.deepEqual([follower.numbers, follower.ends], [[], []]);
});

test("a path that is closed says so, with a stream, without one, and to who comes too late", async (t) => {
  const { path, scripted } = setUp(t);
  const [attached, late] = [new Follower(), new Follower()];
  path.follow(attached);
  await setImmediate();
  scripted.last.ready();
  path.close();
  path.close();
  assert.deepEqual(attached.ends, ["path-removed"]);
  path.follow(late)();
  assert.deepEqual(late.ends, ["path-removed"]);
});

test("a path that is closed before it had a stream says so", (t) => {
  const { path } = setUp(t);
  const follower = new Follower();
  path.follow(follower);
  path.close();
  assert.deepEqual(follower.ends, ["path-removed"]);
});
