import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { silentLog } from "#base/log.ts";
import type { PathConf } from "#relay/path-options.ts";
import { PathRegistry } from "#relay/path-registry.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { ManualTimers } from "#testing/manual-timers.ts";
import { PublishedPath } from "#testing/published-path.ts";
import { pathConf } from "#testing/rtsp-site.ts";
import { ScriptedStore } from "#testing/scripted-store.ts";
import { PathRecorders } from "./path-recorders.ts";

function setUp(confs: readonly PathConf[] = [pathConf("cam"), pathConf("~^dyn")]) {
  const clock = new FakeClock();
  const registry = new PathRegistry({
    clock,
    log: silentLog,
    udpMaxPayloadBytes: 1452,
    authorize: () => Promise.resolve({ allowed: true, user: "" }),
    confs,
    nameFault: () => undefined,
  });
  /** Paths that are recorded, with the keys of their plans. */
  const keys = new Map<string, string>([
    ["cam", "1"],
    ["dyn", "1"],
  ]);
  const stores: ScriptedStore[] = [];
  const events: string[] = [];
  const recorders = new PathRecorders({
    registry,
    clock,
    log: silentLog,
    planOf: ({ name }) => {
      const key = keys.get(name);
      if (key === undefined) return undefined;
      const makeStore = () => {
        stores.push(new ScriptedStore());
        return stores.at(-1)!;
      };
      return { key, makeStore, keeps: () => true };
    },
    onGap: (path, { cause }) => events.push(`${path} gap ${cause}`),
    onChange: (path, { state }) => events.push(`${path} ${state}`),
    schedule: new ManualTimers(clock).schedule,
  });
  const publish = (path: string) => PublishedPath.open(registry, path, { clock });
  /** A keyframe and a whole group of pictures more. */
  const record = async (published: PublishedPath): Promise<void> => {
    for (let i = 0; i < 21; i++) {
      clock.passMs(40);
      published.frame();
      await setImmediate();
    }
  };
  const states = () => recorders.list().map(({ path, state }) => `${path} ${state.state}`);
  return { registry, recorders, keys, stores, events, publish, record, states };
}

test("a path is recorded whenever somebody feeds it", async () => {
  const { registry, recorders, stores, publish, record, states, events } = setUp();
  assert.deepEqual(states(), ["cam waiting"]);
  const first = await publish("cam");
  await record(first);
  assert.deepEqual(states(), ["cam recording"]);
  first.close();
  await setImmediate();
  assert.deepEqual(states(), ["cam waiting"]);
  await record(await publish("cam"));
  assert.equal(stores.length, 1);
  assert.equal(stores[0]!.runs.length, 2);
  assert.deepEqual(events, [
    "cam waiting",
    "cam waiting",
    "cam recording",
    "cam waiting",
    "cam waiting",
    "cam recording",
    "cam gap source",
  ]);
  await recorders.close();
  assert.equal(stores[0]!.calls.at(-1), "closed");
  assert.deepEqual(states(), []);
  registry.close();
});

test("paths of an expression come and go, and their recorders with them", async () => {
  const { registry, recorders, stores, publish, record, states } = setUp();
  const published = await publish("dyn");
  await record(published);
  assert.deepEqual(states(), ["cam waiting", "dyn recording"]);
  assert.equal(recorders.get("dyn")?.state.state, "recording");
  published.close();
  assert.equal(registry.get("dyn"), undefined);
  assert.equal(recorders.get("dyn"), undefined);
  assert.deepEqual(states(), ["cam waiting"]);
  await setImmediate();
  assert.deepEqual(stores[1]!.calls.at(-1), "closed");
  await record(await publish("dyn"));
  assert.equal(stores.length, 3, "nothing is kept of names that strangers make up");
  registry.close();
  await recorders.close();
});

test("switched off and on while the camera goes on", async () => {
  const { registry, recorders, keys, stores, publish, record, states } = setUp();
  const published = await publish("cam");
  await record(published);
  keys.delete("cam");
  recorders.refresh();
  assert.deepEqual(states(), []);
  await record(published);
  const { length } = stores[0]!.fragments;
  assert.equal(stores[0]!.calls.at(-1), "closed");
  assert.deepEqual(published.ends, []);
  keys.set("cam", "1");
  recorders.refresh();
  await record(published);
  assert.deepEqual(states(), ["cam recording"]);
  assert.equal(stores[0]!.fragments.length, length);
  assert.ok(stores[1]!.fragments.length > 0);
  registry.close();
  await recorders.close();
});

test("a reload: the same plan goes on undisturbed, another one begins when the old store is closed", async () => {
  const { registry, recorders, keys, stores, publish, record, states } = setUp();
  const published = await publish("cam");
  await record(published);
  registry.reload([pathConf("cam", { gopCache: false }), pathConf("~^dyn")]);
  await record(published);
  assert.deepEqual([stores.length, stores[0]!.runs.length], [1, 1]);
  assert.deepEqual(published.ends, []);

  keys.set("cam", "2");
  const release = stores[0]!.hang();
  registry.reload([pathConf("cam"), pathConf("~^dyn")]);
  assert.equal(stores.length, 2);
  await record(published);
  assert.deepEqual(stores[1]!.calls, []);
  release();
  await setImmediate();
  await record(published);
  assert.deepEqual(states(), ["cam recording"]);
  assert.ok(stores[1]!.fragments.length > 0);
  registry.close();
  await recorders.close();
});

test("a path that is made anew keeps its recorder, and its gap", async () => {
  const { registry, recorders, stores, publish, record, events } = setUp();
  await record(await publish("cam"));
  registry.reload([pathConf("cam", { maxReaders: 3 }), pathConf("~^dyn")]);
  await record(await publish("cam"));
  assert.equal(stores.length, 1);
  assert.deepEqual(
    stores[0]!.runs.map((run) => run.gapBefore),
    [undefined, "source"],
  );
  assert.ok(events.includes("cam gap source"));
  registry.close();
  await recorders.close();
});

test("closing waits for every store, and nothing begins after it", async () => {
  const { registry, recorders, stores, publish, record } = setUp();
  const published = await publish("cam");
  await record(published);
  const release = stores[0]!.hang();
  let isClosed = false;
  const closed = recorders.close().then(() => {
    isClosed = true;
  });
  await setImmediate();
  assert.ok(!isClosed);
  release();
  await closed;
  await record(published);
  await publish("dyn");
  assert.equal(stores.length, 1);
  registry.close();
});
