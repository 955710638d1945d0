import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { silentLog } from "#base/log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { pathConf } from "#testing/rtsp-site.ts";
import { scriptedSource } from "#testing/scripted-source.ts";
import type { PathConf } from "./path-options.ts";
import { PathRegistry } from "./path-registry.ts";
import { enterPulledSources } from "./pulled-sources.ts";
import { SessionRegistry } from "./session-registry.ts";

function registryOf(...confs: readonly PathConf[]): PathRegistry {
  return new PathRegistry({
    clock: new FakeClock(),
    log: silentLog,
    udpMaxPayloadBytes: 1452,
    authorize: () => Promise.resolve({ allowed: true, user: "" }),
    confs,
    nameFault: () => undefined,
    random: () => 0.5,
  });
}

test("a path that pulls has an entry as long as it is there, and no other has", () => {
  const [gate, yard] = [scriptedSource(), scriptedSource()];
  const registry = registryOf(pathConf("gate", { source: gate.source }), pathConf("door"));
  const sessions = new SessionRegistry();
  const leave = enterPulledSources(registry, sessions);
  const [entry] = sessions.list("rtspSource");
  assert.equal(sessions.size, 1);
  assert.match(entry!.id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual([entry!.path, entry!.state, entry!.remote, entry!.transport], ["gate", "idle", undefined, undefined]);
  assert.deepEqual(entry!.counters(), {});

  gate.last.sink.linked!({ remote: { address: "192.0.2.7", port: 554 }, transport: "UDP", counters: () => ({ inboundBytes: 7 }) });
  gate.last.ready();
  assert.deepEqual([entry!.state, entry!.remote?.address, entry!.transport], ["publish", "192.0.2.7", "UDP"]);
  assert.deepEqual(entry!.counters(), { inboundBytes: 7 });

  registry.reload([pathConf("yard", { source: yard.source })]);
  const [other] = sessions.list("rtspSource");
  assert.deepEqual([sessions.size, other!.path], [1, "yard"]);
  assert.notEqual(other!.id, entry!.id);
  leave();
  assert.equal(sessions.size, 0);
  registry.close();
});

test("its id is the same in every life of the gateway", () => {
  const [first, second] = [1, 2].map(() => {
    const registry = registryOf(pathConf("site/gate", { source: scriptedSource().source }));
    const sessions = new SessionRegistry();
    enterPulledSources(registry, sessions);
    const [entry] = sessions.list("rtspSource");
    registry.close();
    return entry!.id;
  });
  assert.equal(first, second);
});

test("closing it has the source connect anew, and those who read stay", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const gate = scriptedSource();
  const registry = registryOf(pathConf("gate", { source: gate.source }));
  const sessions = new SessionRegistry();
  enterPulledSources(registry, sessions);
  gate.last.ready();
  const ends: string[] = [];
  const reader = { name: "viewer", wants: () => "packets" as const, onUnit: () => {}, onEnd: (reason: string) => void ends.push(reason) };
  const lease = await registry.get("gate")!.read(reader, { type: "rtspSession", id: "1" }, "");
  lease.start();
  const [entry] = sessions.list("rtspSource");
  entry!.close();
  await setImmediate();
  assert.deepEqual([gate.last.aborted, entry!.state], [true, "idle"]);
  t.mock.timers.tick(500);
  await setImmediate();
  assert.equal(gate.attempts.length, 2);
  gate.last.ready();
  assert.deepEqual([entry!.state, sessions.list("rtspSource")[0]], ["publish", entry]);
  assert.deepEqual(ends, []);
  registry.close();
});
