import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { CallerFault } from "#base/errors.ts";
import { silentLog } from "#base/log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { pathConf } from "#testing/rtsp-site.ts";
import { type ScriptedSource, scriptedSource } from "#testing/scripted-source.ts";
import { SyntheticVideo, syntheticAudioTrack, syntheticTrack } from "#testing/synthetic-track.ts";
import { packetUnit, UnitTap } from "#testing/unit-tap.ts";
import { GopMemory } from "./gop-cache.ts";
import { Path, type Publisher, type ReadLease } from "./path.ts";
import type { PathOptions } from "./path-options.ts";
import type { EndReason } from "./reader.ts";

const TIMERS = { startTimeoutMs: 10_000, closeAfterMs: 10_000 };
const CLIENT = { type: "rtspSession", id: "1" };

function setUp(t: TestContext, changes: Partial<PathOptions>, { name = "cam", groups = [] as readonly string[] } = {}) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const clock = new FakeClock();
  const idle: Path[] = [];
  const path = new Path(name, pathConf(name, changes), groups, {
    clock,
    log: silentLog,
    gopMemory: new GopMemory(),
    udpMaxPayloadBytes: 1452,
    random: () => 0.5,
    onIdle: (one) => idle.push(one),
    ended: { inboundBytes: 0, outboundBytes: 0 },
  });
  const attach = async (tap: UnitTap, query = ""): Promise<ReadLease> => {
    const lease = await path.read(tap, CLIENT, query);
    lease.start();
    return lease;
  };
  /** Lets time pass: timers, then whatever they set off. */
  const pass = async (ms: number): Promise<void> => {
    await setImmediate();
    t.mock.timers.tick(ms);
    await setImmediate();
  };
  return { path, clock, idle, attach, pass };
}

function pulled(t: TestContext, changes: Partial<PathOptions> = {}, onDemand = false) {
  const scripted: ScriptedSource = scriptedSource(onDemand ? { onDemand: TIMERS } : {});
  return { ...setUp(t, { source: scripted.source, ...changes }), scripted };
}

function publisher(id = "p1"): Publisher & { readonly ends: EndReason[] } {
  const ends: EndReason[] = [];
  return { type: "rtspSession", id, ends, onEnd: (reason) => ends.push(reason) };
}

const faultOf = async (promise: Promise<unknown>): Promise<string> => {
  const error = await promise.then(
    () => undefined,
    (fault: unknown) => fault,
  );
  assert.ok(error instanceof CallerFault, String(error));
  return `${error.code}: ${error.message}`;
};

const NO_STREAM = "no-stream: no stream is available on path 'cam'";

test("without a publisher there is nothing to read; with one there is, and its end ends the readers", async (t) => {
  const { path, attach, clock } = setUp(t, {});
  assert.equal(await faultOf(path.read(new UnitTap(), CLIENT, "")), NO_STREAM);
  assert.equal(await faultOf(path.describe("")), NO_STREAM);
  const lease = path.publish(publisher());
  assert.equal(path.state, "empty", "not before its tracks are known");
  const publish = lease.sink.ready([syntheticTrack()], "packets");
  assert.equal(path.state, "available");
  const tap = new UnitTap();
  await attach(tap);
  publish(packetUnit(new SyntheticVideo(), syntheticTrack(), clock.us));
  assert.deepEqual(tap.numbers, [0]);
  lease.close();
  lease.close();
  assert.deepEqual(tap.ends, ["source-ended"]);
  assert.equal(path.state, "empty");
  assert.ok(path.idle);
});

test("a second publisher is refused, or replaces the first", async (t) => {
  const { path } = setUp(t, { source: { kind: "publisher", overridePublisher: false } });
  path.publish(publisher());
  assert.throws(() => path.publish(publisher("p2")), { code: "conflict", message: "someone is already publishing to path 'cam'" });
});

test("the publisher that takes over: the old one and its readers end, the path is never given up", async (t) => {
  const { path, attach, idle } = setUp(t, {});
  const [first, second] = [publisher("p1"), publisher("p2")];
  const old = path.publish(first);
  const oldPublish = old.sink.ready([syntheticTrack()], "packets");
  const tap = new UnitTap();
  await attach(tap);
  const lease = path.publish(second);
  assert.deepEqual([first.ends, tap.ends, second.ends], [["closed"], ["source-ended"], []]);
  assert.deepEqual(idle, []);
  old.close();
  oldPublish(packetUnit(new SyntheticVideo(), syntheticTrack(), 0));
  old.sink.ready([syntheticTrack()], "packets");
  assert.equal(path.state, "empty", "whatever the old one still sends");
  lease.sink.ready([syntheticTrack()], "packets");
  assert.equal(path.state, "available");
  assert.equal(path.snapshot().source?.id, "p2");
});

test("nobody publishes to a path with a source of its own", (t) => {
  const { path } = pulled(t);
  assert.throws(() => path.publish(publisher()), {
    code: "conflict",
    message: "can't publish to path 'cam' since 'source' is not 'publisher'",
  });
  path.close();
});

test("redirect and fallback: where a DESCRIBE is sent, and when", async (t) => {
  const redirect = setUp(t, { source: { kind: "redirect", target: "/other" } });
  assert.deepEqual(await redirect.path.describe(""), { redirect: "/other" });
  assert.equal(await faultOf(redirect.path.read(new UnitTap(), CLIENT, "")), NO_STREAM);
  t.mock.timers.reset();
  const fallback = setUp(t, { fallback: "rtsp://elsewhere/x" });
  assert.deepEqual(await fallback.path.describe(""), { redirect: "rtsp://elsewhere/x" });
  fallback.path.publish(publisher()).sink.ready([syntheticTrack()], "packets");
  assert.ok("stream" in (await fallback.path.describe("")));
});

test("maxReaders counts every reader, and a place that was left is free", async (t) => {
  const { path, attach } = setUp(t, { maxReaders: 2 });
  path.publish(publisher()).sink.ready([syntheticTrack()], "packets");
  const lease = await attach(new UnitTap());
  await path.read(new UnitTap(), CLIENT, "");
  assert.equal(await faultOf(path.read(new UnitTap(), CLIENT, "")), "too-many: maximum reader count reached");
  lease.close();
  await attach(new UnitTap());
});

test("maxReaders holds for those who waited together for a source", async (t) => {
  const { path, scripted } = pulled(t, { maxReaders: 1 }, true);
  const waiting = [1, 2, 3].map(() => path.read(new UnitTap(), CLIENT, ""));
  await setImmediate();
  scripted.last.ready();
  const results = await Promise.allSettled(waiting);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "rejected", "rejected"],
  );
  path.close();
});

test("a pulled source is started at once and tried again; a reader stays attached over the reconnect", async (t) => {
  const { path, scripted, attach, pass, clock } = pulled(t);
  await setImmediate();
  scripted.last.ready();
  const tap = new UnitTap();
  await attach(tap);
  scripted.last.frame(clock.us);
  scripted.last.fail();
  await setImmediate();
  assert.equal(path.state, "grace");
  assert.equal(await faultOf(path.read(new UnitTap(), CLIENT, "")), NO_STREAM);
  assert.equal(path.snapshot().lastError, "it is over: ended");
  await pass(500);
  assert.equal(scripted.attempts.length, 2);
  scripted.last.ready();
  assert.equal(path.state, "available");
  clock.passMs(700);
  scripted.last.frame(clock.us);
  assert.deepEqual(tap.numbers, [0, 0]);
  assert.deepEqual(tap.ends, []);
  await pass(60_000);
  assert.deepEqual(tap.ends, [], "the grace time is over with the reconnect");
  path.close();
});

test("other tracks end the readers; new ones get them", async (t) => {
  const { path, scripted, attach, pass } = pulled(t);
  await setImmediate();
  scripted.last.ready();
  const tap = new UnitTap();
  await attach(tap);
  scripted.last.fail();
  await pass(500);
  scripted.last.ready([syntheticTrack(), syntheticAudioTrack()]);
  assert.deepEqual(tap.ends, ["tracks-changed"]);
  assert.equal(path.state, "available");
  assert.equal(path.snapshot().tracks.length, 2);
  path.close();
});

test("the end of the grace time ends the readers; the source is still tried", async (t) => {
  const { path, scripted, attach, pass } = pulled(t, { sourceReconnectGraceMs: 20_000 });
  await setImmediate();
  scripted.last.ready();
  const [attached, waiting] = [new UnitTap(), new UnitTap()];
  await attach(attached);
  await path.read(waiting, CLIENT, "");
  scripted.last.fail();
  await pass(19_999);
  assert.deepEqual(attached.ends, []);
  await pass(1);
  assert.deepEqual([attached.ends, waiting.ends], [["source-ended"], ["source-ended"]]);
  assert.equal(path.state, "empty");
  assert.equal(path.snapshot().readers.length, 0);
  assert.equal(scripted.attempts.length, 2);
  scripted.last.ready();
  assert.equal(path.state, "available");
  path.close();
});

test("without grace, or without readers, the stream ends with its source", async (t) => {
  const { path, scripted, attach, pass } = pulled(t, { sourceReconnectGraceMs: 0 });
  await setImmediate();
  scripted.last.ready();
  const tap = new UnitTap();
  await attach(tap);
  scripted.last.fail();
  await setImmediate();
  assert.deepEqual([path.state, tap.ends], ["empty", ["source-ended"]]);
  await pass(500);
  scripted.last.ready();
  scripted.last.fail();
  await setImmediate();
  assert.equal(path.state, "empty");
  path.close();
});

test("the last reader that leaves in the grace time ends it", async (t) => {
  const { path, scripted, attach } = pulled(t);
  await setImmediate();
  scripted.last.ready();
  const lease = await attach(new UnitTap());
  scripted.last.fail();
  await setImmediate();
  lease.close();
  assert.equal(path.state, "empty");
  path.close();
});

test("paused, a reader gets nothing and keeps its place; its lease cannot start on another stream", async (t) => {
  const { path, scripted, attach, clock, pass } = pulled(t);
  await setImmediate();
  scripted.last.ready();
  const tap = new UnitTap();
  const lease = await attach(tap);
  lease.pause();
  scripted.last.frame(clock.us);
  assert.deepEqual(tap.numbers, []);
  lease.start();
  assert.deepEqual(tap.numbers, [0], "the open GOP");
  scripted.last.frame(clock.us);
  assert.deepEqual(tap.numbers, [0, 1]);
  scripted.last.fail();
  await pass(500);
  scripted.last.ready([syntheticAudioTrack(0)]);
  assert.deepEqual(tap.ends, ["tracks-changed"]);
  lease.start();
  assert.deepEqual(path.snapshot().readers, []);
  path.close();
});

test("on demand: the first request starts the source with its query, all wait for it, one is enough", async (t) => {
  const scripted = scriptedSource({ onDemand: TIMERS, url: "rtsp://h/$G1?$MTX_QUERY" });
  const { path, pass } = setUp(t, { source: scripted.source }, { groups: ["7"] });
  assert.equal(scripted.attempts.length, 0);
  const waiting = Array.from({ length: 20 }, (_, i) => path.read(new UnitTap(), CLIENT, `a=${i}`));
  await setImmediate();
  assert.deepEqual(
    scripted.attempts.map(({ url }) => url),
    ["rtsp://h/7?a=0"],
  );
  await pass(9_999);
  scripted.last.ready();
  const leases = await Promise.all(waiting);
  assert.equal(new Set(leases.map(({ stream }) => stream)).size, 1);
  await pass(60_000);
  assert.equal(path.state, "available");
  for (const lease of leases) lease.close();
  await pass(9_999);
  assert.equal(scripted.last.aborted, false);
  await pass(1);
  assert.equal(scripted.last.aborted, true);
  assert.equal(path.state, "empty");
  assert.ok(path.idle);
});

test("on demand: a source that does not come fails all who wait, in words; the next request starts it anew", async (t) => {
  const { path, scripted, pass } = pulled(t, {}, true);
  const waiting = [path.describe(""), path.read(new UnitTap(), CLIENT, "")].map(faultOf);
  await pass(5000);
  scripted.last.fail("connect");
  await pass(5000);
  assert.deepEqual(await Promise.all(waiting), Array(2).fill("timed-out: source of path 'cam' has timed out"));
  const before = scripted.attempts.length;
  void path.describe("").catch(() => {});
  await setImmediate();
  assert.equal(scripted.attempts.length, before + 1);
  path.close();
});

test("on demand: a DESCRIBE alone keeps the source for the close time, another one in it renews that", async (t) => {
  const { path, scripted, pass } = pulled(t, {}, true);
  const described = path.describe("");
  await setImmediate();
  scripted.last.ready();
  await described;
  await pass(9_000);
  await path.describe("");
  await pass(9_000);
  assert.equal(path.state, "available");
  await pass(1_000);
  assert.equal(path.state, "empty");
  assert.equal(scripted.attempts.length, 1);
});

test("on demand: lost with nobody there it is stopped; lost with readers it is kept, who asks then is not kept waiting", async (t) => {
  const { path, scripted, pass, attach } = pulled(t, {}, true);
  const described = path.describe("");
  await setImmediate();
  scripted.last.ready();
  await described;
  scripted.last.fail();
  await pass(1000);
  assert.equal(scripted.attempts.length, 1);
  assert.ok(path.idle);

  const tap = new UnitTap();
  const attached = attach(tap);
  await setImmediate();
  scripted.last.ready();
  await attached;
  scripted.last.fail();
  await setImmediate();
  assert.equal(path.state, "grace");
  assert.equal(await faultOf(path.describe("")), NO_STREAM);
  await pass(60_000);
  assert.deepEqual(tap.ends, ["source-ended"]);
  assert.ok(path.idle, "stopped with the end of the grace time");
});

test("on demand: who waits while a lost source is given up is told so", async (t) => {
  const { path, scripted, pass, attach } = pulled(t, {}, true);
  const attached = attach(new UnitTap());
  await setImmediate();
  scripted.last.ready();
  const lease = await attached;
  scripted.last.fail();
  await setImmediate();
  lease.close();
  assert.equal(path.state, "empty");
  const late = faultOf(path.describe(""));
  await pass(10_000);
  assert.equal(await late, NO_STREAM);
  assert.ok(path.idle);
});

test("on demand: other tracks leave a source without readers, which is stopped in time", async (t) => {
  const { path, scripted, pass, attach } = pulled(t, {}, true);
  const tap = new UnitTap();
  const attached = attach(tap);
  await setImmediate();
  scripted.last.ready();
  await attached;
  scripted.last.ready([syntheticAudioTrack(0)]);
  assert.deepEqual(tap.ends, ["tracks-changed"]);
  await pass(10_000);
  assert.ok(scripted.last.aborted);
  assert.ok(path.idle);
});

test("a command on demand: started by a request, not by one that finds a publisher; stopped when nobody reads", async (t) => {
  const calls: string[] = [];
  const onDemand = {
    ...TIMERS,
    start: (name: string, query: string) => {
      calls.push(`start ${name} ${query}`);
      return { stop: () => void calls.push("stop") };
    },
  };
  const { path, attach, pass } = setUp(t, { source: { kind: "publisher", overridePublisher: true, onDemand } });
  const unasked = path.publish(publisher("unasked"));
  unasked.sink.ready([syntheticTrack()], "packets");
  (await attach(new UnitTap())).close();
  await pass(60_000);
  assert.deepEqual(calls, []);
  assert.equal(path.state, "available");
  unasked.close();

  const waiting = attach(new UnitTap(), "q=1");
  await setImmediate();
  assert.deepEqual(calls, ["start cam q=1"]);
  const asked = path.publish(publisher("asked"));
  asked.sink.ready([syntheticTrack()], "packets");
  (await waiting).close();
  await pass(10_000);
  assert.deepEqual(calls, ["start cam q=1", "stop"]);
  assert.equal(path.state, "available", "its publisher leaves by itself");
  asked.close();
  assert.ok(path.idle);
});

test("a command on demand: a publisher that replaces another one does not keep it running", async (t) => {
  const calls: string[] = [];
  const onDemand = { ...TIMERS, start: () => ({ stop: () => void calls.push("stop") }) };
  const { path, attach, pass } = setUp(t, { source: { kind: "publisher", overridePublisher: true, onDemand } });
  const waiting = attach(new UnitTap());
  path.publish(publisher("p1")).sink.ready([syntheticTrack()], "packets");
  await waiting;
  path.publish(publisher("p2")).sink.ready([syntheticTrack()], "packets");
  assert.deepEqual(calls, []);
  await pass(10_000);
  assert.deepEqual(calls, ["stop"]);
});

test("closed: everybody is told, whoever waits is told, nothing starts again", async (t) => {
  const { path, scripted, attach, pass } = pulled(t, {}, true);
  const tap = new UnitTap();
  const attached = attach(tap);
  await setImmediate();
  scripted.last.ready();
  await attached;
  path.close();
  path.close();
  assert.deepEqual(tap.ends, ["path-removed"]);
  assert.ok(scripted.last.aborted);
  assert.equal(path.state, "closed");
  assert.equal(await faultOf(path.read(new UnitTap(), CLIENT, "")), NO_STREAM);
  scripted.last.ready();
  await pass(600_000);
  assert.equal(scripted.attempts.length, 1);
  t.mock.timers.reset();

  const other = pulled(t, {}, true);
  const waiting = faultOf(other.path.describe(""));
  other.path.close();
  assert.equal(await waiting, "no-stream: path 'cam' was removed");
  t.mock.timers.reset();

  const published = setUp(t, {});
  const one = publisher();
  published.path.publish(one);
  published.path.close();
  assert.deepEqual(one.ends, ["path-removed"]);
});

test("closed in the grace time, it stays closed", async (t) => {
  const { path, scripted, attach, pass } = pulled(t);
  await setImmediate();
  scripted.last.ready();
  const tap = new UnitTap();
  await attach(tap);
  scripted.last.fail();
  await setImmediate();
  path.close();
  await pass(120_000);
  assert.deepEqual([path.state, tap.ends], ["closed", ["path-removed"]]);
  assert.equal(scripted.attempts.length, 1);
});

test("live settings take effect on the stream that is there", async (t) => {
  const { path, attach, clock } = setUp(t, {});
  const publish = path.publish(publisher()).sink.ready([syntheticTrack()], "packets");
  const camera = new SyntheticVideo();
  publish(packetUnit(camera, syntheticTrack(), clock.us));
  path.update(pathConf("cam", { gopCache: false }));
  const tap = new UnitTap();
  await attach(tap);
  assert.equal(tap.backlogCount, 0);
});

test("a keyframe that a reader needs is asked of the source", async (t) => {
  const { path, scripted, attach } = pulled(t);
  await setImmediate();
  let asked = 0;
  scripted.last.sink.onKeyframeWanted = () => asked++;
  scripted.last.ready();
  await attach(new UnitTap());
  assert.equal(asked, 1);
  path.close();
});

test("the snapshot says what the API shows", async (t) => {
  const { path, scripted, attach, clock } = pulled(t);
  await setImmediate();
  assert.deepEqual(path.snapshot().source, { type: "rtspSource", id: "" });
  assert.equal(path.snapshot().sourceState, "connecting");
  scripted.last.ready();
  await attach(new UnitTap());
  scripted.last.frame(clock.us);
  const { availableSinceUs, readers, inboundBytes, tracks } = path.snapshot();
  assert.equal(availableSinceUs, clock.us);
  assert.deepEqual(readers, [CLIENT]);
  assert.ok(inboundBytes > 3000);
  assert.deepEqual(tracks, [syntheticTrack()]);
  path.close();
});
