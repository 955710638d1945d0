// A path whose entry changes in live settings: what is on demand.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { silentLog } from "#base/log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { pathConf } from "#testing/rtsp-site.ts";
import { syntheticTrack } from "#testing/synthetic-track.ts";
import { UnitTap } from "#testing/unit-tap.ts";
import { GopMemory } from "./gop-cache.ts";
import { Path } from "./path.ts";
import type { PathConf } from "./path-options.ts";

const TIMERS = { startTimeoutMs: 10_000, closeAfterMs: 10_000 };
const CLIENT = { type: "rtspSession", id: "1" };
const publisher = (id: string) => ({ type: "rtspSession", id, onEnd: () => {} });

test("a command on demand that the settings add, change and take away: nobody is disturbed, one that runs is replaced after its end", async (t) => {
  const calls: string[] = [];
  const entry = (command: string): PathConf => {
    const onDemand = {
      ...TIMERS,
      start: () => {
        calls.push(`start ${command}`);
        return { stop: () => void calls.push(`stop ${command}`) };
      },
    };
    return pathConf("cam", { source: { kind: "publisher", overridePublisher: true, ...(command !== "" && { onDemand }) } });
  };
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const path = new Path("cam", entry(""), [], {
    clock: new FakeClock(),
    log: silentLog,
    gopMemory: new GopMemory(),
    udpMaxPayloadBytes: 1452,
    random: () => 0.5,
    onIdle: () => {},
    ended: { inboundBytes: 0, outboundBytes: 0 },
  });
  const pass = async (ms: number): Promise<void> => {
    await setImmediate();
    t.mock.timers.tick(ms);
    await setImmediate();
  };
  const before = path.publish(publisher("before"));
  before.sink.ready([syntheticTrack()], "packets");
  path.update(entry("first"));
  assert.equal(path.state, "available");
  before.close();

  const waiting = path.read(new UnitTap(), CLIENT, "");
  await setImmediate();
  path.update(entry("second"));
  const asked = path.publish(publisher("asked"));
  asked.sink.ready([syntheticTrack()], "packets");
  const lease = await waiting;
  lease.start();
  assert.deepEqual(calls, ["start first"]);
  lease.close();
  await pass(10_000);
  asked.close();
  assert.deepEqual(calls.splice(0), ["start first", "stop first"]);

  const again = path.describe("");
  again.catch(() => {});
  await setImmediate();
  path.update(entry(""));
  await pass(10_000);
  await assert.rejects(again, { code: "timed-out" });
  assert.deepEqual(calls, ["start second", "stop second"]);
  await assert.rejects(path.describe(""), { code: "no-stream" });
  assert.ok(path.idle);
});
