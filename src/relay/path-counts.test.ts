// What paths count, over streams and sources that come and go.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { silentLog } from "#base/log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { pathConf } from "#testing/rtsp-site.ts";
import { scriptedSource } from "#testing/scripted-source.ts";
import type { PathOptions } from "./path-options.ts";
import { PathRegistry } from "./path-registry.ts";

function registryOf(paths: Readonly<Record<string, Partial<PathOptions>>>): PathRegistry {
  return new PathRegistry({
    clock: new FakeClock(),
    log: silentLog,
    udpMaxPayloadBytes: 1452,
    authorize: () => Promise.resolve({ allowed: true, user: "" }),
    confs: Object.entries(paths).map(([name, changes]) => pathConf(name, changes)),
    nameFault: () => undefined,
    random: () => 0.5,
  });
}

test("traffic of streams that have ended is not forgotten", () => {
  const [gate, yard] = [scriptedSource(), scriptedSource()];
  const registry = registryOf({ gate: { source: gate.source }, yard: { source: yard.source } });
  for (const { last } of [gate, yard]) {
    last.ready();
    last.frame(0);
  }
  const [ofGate, ofYard] = ["gate", "yard"].map((name) => registry.get(name)!.traffic.inboundBytes);
  assert.ok(ofGate! > 0);
  assert.deepEqual(registry.traffic, { inboundBytes: ofGate! + ofYard!, outboundBytes: 0 });
  registry.reload([pathConf("gate", { source: gate.source })]);
  assert.equal(registry.traffic.inboundBytes, ofGate! + ofYard!);
  registry.close();
  assert.equal(registry.traffic.inboundBytes, ofGate! + ofYard!);
});

test("what a source tells of its session is there as long as the session is", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const gate = scriptedSource();
  const registry = registryOf({ gate: { source: gate.source } });
  t.after(() => registry.close());
  const path = registry.get("gate")!;
  const link = { remote: undefined, transport: "TCP", counters: () => ({}) };
  gate.last.sink.linked!(link);
  assert.equal(path.snapshot().sourceLink, link);
  assert.ok(path.restartSource());
  await setImmediate();
  const { sourceLink, reconnects, sourceState, lastError } = path.snapshot();
  assert.deepEqual([sourceLink, reconnects, sourceState, lastError], [undefined, 1, "backoff", "ended on request"]);
});

test("a path that publishers feed has no source to restart", () => {
  const registry = registryOf({ cam: {} });
  assert.equal(registry.get("cam")!.restartSource(), false);
  registry.close();
});

test("a track's counts come with the stream", () => {
  const gate = scriptedSource();
  const registry = registryOf({ gate: { source: gate.source } });
  const path = registry.get("gate")!;
  assert.deepEqual(path.snapshot().tallies, []);
  gate.last.ready();
  for (let frame = 0; frame < 3; frame++) gate.last.frame(frame * 40_000);
  const [tally] = path.snapshot().tallies;
  assert.deepEqual([tally!.units, tally!.bytes, tally!.lastCaptureUs], [3, path.traffic.inboundBytes, 80_000]);
  registry.close();
});
