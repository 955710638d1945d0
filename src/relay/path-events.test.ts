import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { silentLog } from "#base/log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { pathConf } from "#testing/rtsp-site.ts";
import { scriptedSource } from "#testing/scripted-source.ts";
import { syntheticTrack } from "#testing/synthetic-track.ts";
import { UnitTap } from "#testing/unit-tap.ts";
import type { AccessRequest } from "./access.ts";
import type { PathClient } from "./path.ts";
import type { PathOptions } from "./path-options.ts";
import { PathRegistry, type PathWatcher } from "./path-registry.ts";

const PUBLISHER = { type: "rtspSession", id: "p", onEnd: () => {} };
const READER = { type: "rtspSession", id: "r" };

function setUp(t: TestContext, changes: Partial<PathOptions> = {}) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const registry = new PathRegistry({
    clock: new FakeClock(),
    log: silentLog,
    udpMaxPayloadBytes: 1452,
    authorize: () => Promise.resolve({ allowed: true, user: "" }),
    confs: [pathConf("cam", changes)],
    nameFault: () => undefined,
    random: () => 0.5,
  });
  const told: string[] = [];
  const unwatch = registry.watch(teller(told));
  const request = (action: AccessRequest["action"], query: string): AccessRequest => {
    const remote = { address: "127.0.0.1", port: 1 };
    return { action, path: "cam", protocol: "rtsp", remote, query, id: "", credentials: { kind: "none" } };
  };
  const publish = async (query = "") => registry.openForPublish(await registry.permitPublish(request("publish", query)), PUBLISHER);
  const read = (query = "", tap = new UnitTap()) => registry.openForRead(request("read", query), tap, READER);
  /** What was told since the last call. */
  const news = (): string[] => told.splice(0);
  return { registry, publish, read, news, told, unwatch };
}

function teller(told: string[]): PathWatcher {
  const client = ({ type, id, query }: PathClient): string => `${type} ${id} ${query}`.trim();
  return {
    opened: () => told.push("opened"),
    updated: () => told.push("updated"),
    closed: () => told.push("closed"),
    available: (_path, feed) => told.push(`available ${client(feed)}`),
    online: (_path, feed) => told.push(`online ${client(feed)}`),
    offline: () => told.push("offline"),
    unavailable: (path) => told.push(`unavailable ${path.state}`),
    readStarted: (_path, reader) => told.push(`read ${client(reader)}`),
    readEnded: (_path, reader) => told.push(`unread ${client(reader)}`),
  };
}

test("a publisher comes with its query and goes; who watches later is told of it too", async (t) => {
  const { registry, publish, news, unwatch } = setUp(t);
  assert.deepEqual(news(), ["opened"]);
  const lease = await publish("a=1&b=2");
  assert.deepEqual(news(), [], "its tracks are not known yet");
  lease.sink.ready([syntheticTrack()], "packets");
  assert.deepEqual(news(), ["available rtspSession p a=1&b=2", "online rtspSession p a=1&b=2"]);
  const late: string[] = [];
  registry.watch(teller(late));
  assert.deepEqual(late, ["opened", "available rtspSession p a=1&b=2", "online rtspSession p a=1&b=2"]);
  unwatch();
  lease.close();
  assert.deepEqual(news(), []);
  assert.deepEqual(late.slice(3), ["offline", "unavailable empty"]);
});

test("a reader reads from start to pause, again, and until it leaves; once each", async (t) => {
  const { publish, read, news } = setUp(t);
  (await publish()).sink.ready([syntheticTrack()], "packets");
  const lease = await read("x=y");
  news();
  lease.pause();
  assert.deepEqual(news(), [], "it was never started");
  lease.start();
  lease.start();
  assert.deepEqual(news(), ["read rtspSession r x=y"]);
  lease.pause();
  lease.pause();
  assert.deepEqual(news(), ["unread rtspSession r x=y"]);
  lease.start();
  lease.close();
  lease.close();
  assert.deepEqual(news(), ["read rtspSession r x=y", "unread rtspSession r x=y"]);
});

test("readers end before the stream of another publisher, and before the path", async (t) => {
  const { registry, publish, read, news } = setUp(t);
  (await publish("1")).sink.ready([syntheticTrack()], "packets");
  (await read()).start();
  news();
  const second = await publish("2");
  assert.deepEqual(news(), ["unread rtspSession r", "offline", "unavailable empty"]);
  second.sink.ready([syntheticTrack()], "packets");
  (await read()).start();
  assert.deepEqual(news(), ["available rtspSession p 2", "online rtspSession p 2", "read rtspSession r"]);
  registry.close();
  assert.deepEqual(news(), ["unread rtspSession r", "offline", "unavailable closed", "closed"]);
});

test("a pulled source that is lost: unavailable at once, its readers stay", async (t) => {
  const scripted = scriptedSource();
  const { registry, read, news } = setUp(t, { source: scripted.source });
  scripted.last.ready();
  (await read()).start();
  assert.deepEqual(news(), ["opened", "available rtspSource", "online rtspSource", "read rtspSession r"]);
  scripted.last.fail();
  await setImmediate();
  assert.deepEqual(news(), ["offline", "unavailable grace"]);
  t.mock.timers.tick(500);
  await setImmediate();
  scripted.last.ready();
  assert.deepEqual(news(), ["available rtspSource", "online rtspSource"]);
  scripted.last.fail();
  await setImmediate();
  news();
  t.mock.timers.tick(60_000);
  assert.deepEqual(news(), ["unread rtspSession r"], "it was unavailable before");
  registry.close();
});
