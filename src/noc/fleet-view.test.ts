// The picture of a fleet from its messages, whatever comes; and the table that is made of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { parseAnswer } from "./command-call.ts";
import { FleetView, type SeenEvent } from "./fleet-view.ts";
import { SimulatedHealth } from "./simulated-health.ts";
import { eventLine, siteState, siteTable } from "./site-table.ts";

const TOPIC = "cg/v1/acme/gw-0001/up/";
const envelope = { v: 1, sid: "0000002a-0003", seq: 0, ts: 1_795_360_017_123, tq: "ntp", mono: 1, boot: 42 };
const health = new SimulatedHealth(2, () => 0.5, 0).read(60_000, envelope.ts);

function setUp() {
  const events: SeenEvent[] = [];
  const view = new FleetView((seen) => void events.push(seen));
  const take = (kind: string, body: object | string, isRetained = false, nowMs = 1000): void =>
    view.take({ topic: TOPIC + kind, payload: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)), isRetained }, nowMs);
  return { view, events, take, site: () => view.sites.get("acme/gw-0001") };
}

test("simulated telemetry is that of the contract", () => {
  assert.deepEqual(contractFaults("up-tel", { ...envelope, ...health }), []);
});

test("births, deaths and wills", () => {
  const { take, site } = setUp();
  take("state", { ...envelope, online: true, why: "boot", sw: "1.4.2" }, true);
  assert.deepEqual([site()!.online, site()!.sw, site()!.seenMs], [true, "1.4.2", undefined]);
  take("state", { v: 1, sid: "0000002a-0002", online: false, why: "lwt" });
  assert.equal(site()!.online, true, "a will that another session has followed");
  take("state", { v: 1, sid: "0000002a-0003", online: false, why: "lwt" });
  assert.deepEqual([site()!.online, site()!.why], [false, "lwt"]);
  take("state", "", true);
  assert.equal(site(), undefined, "decommissioned");
});

test("a site is silent when telemetry stays away", () => {
  const { take, site } = setUp();
  take("state", { ...envelope, online: true, why: "boot" });
  take("tel", { ...envelope, ...health }, false, 1000);
  assert.equal(siteState(site()!, 2000), "up");
  assert.equal(siteState(site()!, 1000 + 200_000), "silent");
});

test("events count once", () => {
  const { take, site, events } = setUp();
  const event = { ...envelope, id: "01J8", type: "cam.lost", sev: "crit", ph: "new", cam: "gate\x1b[2J", data: { err: "\x07" } };
  take("evt", event);
  take("evt", event);
  assert.deepEqual([events.length, site()!.events.crit], [1, 1]);
  assert.equal(eventLine(events[0]!), '2026-11-22T15:06:57.123Z crit acme/gw-0001 gate [2J cam.lost new {"err":"\\u0007"}');
});

test("the table: trouble first, bounded", () => {
  const { view, take } = setUp();
  take("state", { ...envelope, online: true, why: "boot", sw: "1.4.2" });
  take("tel", { ...envelope, ...health });
  take("cfg", { ...envelope, ver: 18, hash: null, st: "applied" });
  const away = JSON.stringify({ ...envelope, online: false, why: "lwt" });
  view.take({ topic: "cg/v1/acme/gw-0002/up/state", payload: Buffer.from(away), isRetained: true }, 0);
  const lines = siteTable(view.sites.values(), 5000);
  assert.equal(lines[0], "2 sites, 1 down, 1 up");
  assert.match(lines[2]!, /^acme\/gw-0002 +down \(lwt\)/);
  assert.match(lines[3]!, /^acme\/gw-0001 +up +4s +1\.4\.2 +2\/2 +18% +55C +97% +2% +ok +0 +18 applied +0w 0c$/);
  assert.equal(siteTable(view.sites.values(), 5000, 1).at(-1), "… and 1 more");
  assert.equal(siteTable([...view.sites.values()].slice(1), 5000)[0], "1 site, 1 down");
});

test("nothing that comes makes it throw", () => {
  const random = fuzzRandom(0x6e6f63);
  const { view, take, events } = setUp();
  const seeds = [
    ["state", { ...envelope, online: true, why: "boot" }],
    ["tel", { ...envelope, ...health }],
    ["evt", { ...envelope, id: "01J8", type: "cam.lost", sev: "crit", ph: "new", data: {} }],
    ["cfg", { ...envelope, ver: 18, st: "applied" }],
  ] as const;
  for (const strange of ["null", "[]", "1", '{"v":1}', '{"v":1,"sys":[],"disk":{},"cams":7,"clk":null}', "{"])
    for (const [kind] of seeds) take(kind, strange);
  for (let round = fuzzRounds(500); round > 0; round--) {
    const [kind, body] = seeds[round % seeds.length]!;
    const payload = mutate(Buffer.from(JSON.stringify(body)), random);
    view.take({ topic: TOPIC + kind, payload, isRetained: random(2) === 0 }, 0);
    parseAnswer(mutate(Buffer.from('{"id":"01J8","st":"err","n":2,"pct":4,"e":{"c":"E_IO","m":"x"}}'), random));
    siteTable(view.sites.values(), 1e6);
    for (const seen of events.splice(0)) eventLine(seen);
  }
  for (const topic of ["", "cg/v1/acme/gw-0001/dn/cmd", "cg/v1/ACME/gw/up/state", "cg/v1/acme/../up/state"])
    view.take({ topic, payload: Buffer.from("{}"), isRetained: false }, 0);
  assert.ok(view.ignored > 4 && view.sites.size <= 1);
});
