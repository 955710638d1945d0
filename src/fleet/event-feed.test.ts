// Events on their way: ids, conditions over a restart, and limits.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { silentLog } from "#base/log.ts";
import type { GatewayEvent } from "#control/event-bus.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { FaultFs } from "#testing/fault-fs.ts";
import { ManualTimers } from "#testing/manual-timers.ts";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { SessionStamps } from "./envelope.ts";
import { EventFeed } from "./event-feed.ts";
import { OpenConditions } from "./open-conditions.ts";
import { ulid } from "./ulid.ts";
import type { Upload } from "./upload.ts";

// biome-ignore lint/suspicious/noExplicitAny: documents of every kind
type Sent = { readonly class: number } & Record<string, any>;

async function setUp(fs?: FaultFs) {
  const disk = fs ?? new FaultFs();
  await disk.makeFolder("/data");
  const clock = new FakeClock();
  const timers = new ManualTimers(clock);
  const sent: Sent[] = [];
  const conditions = await OpenConditions.open({ fs: disk, path: "/data/open-events.json", log: silentLog });
  const stamps = new SessionStamps("0000002a-0001", clock);
  const feed = new EventFeed({
    uplink: {
      async add(itsClass, { topic, happened, body }: Upload) {
        assert.equal(topic, "evt");
        assert.deepEqual(contractFaults("up-evt", { ...stamps.counted(happened), ...body }), []);
        sent.push({ class: itsClass, ...body });
      },
    },
    conditions,
    log: silentLog,
    nowMs: () => clock.nowUs() / 1000,
    utcMs: (atUs) => clock.utcOf(atUs).utcUs / 1000,
    happenedAt: (atUs) => ({ bootCounter: 1, monoUs: atUs }),
    schedule: timers.schedule,
  });
  const tell = (event: Partial<GatewayEvent>): void =>
    feed.onEvent({ type: "cam.params", severity: "info", phase: "new", data: {}, atUs: clock.nowUs(), ...event });
  return { feed, sent, conditions, timers, tell, fs: disk };
}

/** What lasts is told once it is kept. */
async function kept({ conditions }: { readonly conditions: OpenConditions }): Promise<void> {
  await conditions.saved();
  await setImmediate();
}

const lost = { type: "cam.lost", severity: "warn", condition: "cam.lost gate", camera: "gate" } as const;

test("an instant, and what lasts: new, update and end refer to the first", async () => {
  const { tell, sent, conditions } = await setUp();
  tell({ type: "clk.step", data: { step_ms: 5 } });
  tell({ ...lost, phase: "new" });
  tell({ ...lost, phase: "update" });
  tell({ ...lost, type: "cam.back", phase: "end" });
  tell({ ...lost, phase: "new" });
  await kept({ conditions });
  const [step, first, update, back, second] = sent;
  assert.deepEqual([step!["ph"], step!["ref"], step!["cam"], step!["data"]], ["new", undefined, undefined, { step_ms: 5 }]);
  assert.deepEqual([first!["ph"], first!["ref"], first!["cam"]], ["new", undefined, "gate"]);
  assert.deepEqual([update!["ph"], update!["ref"]], ["update", first!["id"]]);
  assert.deepEqual([back!["type"], back!["ph"], back!["ref"]], ["cam.back", "end", first!["id"]]);
  assert.deepEqual([second!["ph"], second!["ref"]], ["new", undefined]);
  assert.equal(new Set(sent.map(({ id }) => id)).size, 5);
});

test("critical events are of the first class, others of the second", async () => {
  const { tell, sent } = await setUp();
  tell({ type: "rec.stop", severity: "crit" });
  tell({ type: "rec.gap", severity: "warn" });
  assert.deepEqual(
    sent.map((event) => event.class),
    [0, 1],
  );
});

test("over a restart: what goes on is an update, what does not come again is over", async () => {
  const before = await setUp();
  before.tell({ ...lost, phase: "new" });
  before.tell({ ...lost, condition: "cam.lost yard", camera: "yard", phase: "new" });
  before.tell({ type: "disk.ro", condition: "disk.ro", severity: "crit" });
  await kept(before);
  const after = await setUp(before.fs);
  after.tell({ ...lost, phase: "new" });
  after.feed.endInherited();
  await kept(after);
  const [again, yard, disk] = after.sent;
  assert.deepEqual([again!["ph"], again!["ref"]], ["update", before.sent[0]!["id"]]);
  assert.deepEqual([yard!["type"], yard!["ph"], yard!["ref"], yard!["cam"]], ["cam.lost", "end", before.sent[1]!["id"], "yard"]);
  assert.deepEqual([disk!["type"], disk!["ph"], disk!["ref"], disk!["cam"]], ["disk.ro", "end", before.sent[2]!["id"], undefined]);
  after.feed.endInherited();
  await kept(after);
  assert.equal(after.sent.length, 3);
});

test("ten of a type at once, then one a second; the rest is told as a count a minute later", async () => {
  const { tell, sent, timers } = await setUp();
  for (let i = 0; i < 30; i++) tell({ type: "rec.gap", severity: "warn" });
  tell({ type: "cam.params" });
  assert.equal(sent.length, 11);
  timers.passMs(5000);
  for (let i = 0; i < 10; i++) tell({ type: "rec.gap", severity: "warn" });
  assert.equal(sent.length, 16);
  timers.passMs(55_000);
  assert.equal(sent.length, 17);
  const { type, data, ph } = sent.at(-1)!;
  assert.deepEqual([type, data, ph], ["evt.suppressed", { type: "rec.gap", n: 25 }, "new"]);
});

test("what began untold ends untold; what began told ends told, whatever the limits", async () => {
  const { tell, sent, feed, conditions } = await setUp();
  const condition = (i: number) => ({ ...lost, condition: `cam.lost cam${i}`, camera: `cam${i}` });
  for (let i = 0; i < 15; i++) tell({ ...condition(i), phase: "new" });
  for (let i = 0; i < 15; i++) tell({ ...condition(i), type: "cam.back", phase: "end" });
  await kept({ conditions });
  assert.equal(sent.filter(({ ph }) => ph === "new").length, 10);
  assert.equal(sent.filter(({ ph }) => ph === "end").length, 10);
  feed.close();
  assert.deepEqual(sent.at(-1)!["data"], { type: "cam.lost", n: 5 });
});

test("a damaged file of what lasts is none", async () => {
  for (const text of ["", "{", "[]", "null", '{"a": 7}', "7"]) {
    const fs = new FaultFs();
    await fs.makeFolder("/data");
    const file = await fs.open("/data/open-events.json", "create");
    await file.write([Buffer.from(text)], 0);
    await file.close();
    const { conditions, tell, sent } = await setUp(fs);
    assert.deepEqual(conditions.inherited, []);
    tell({ ...lost, phase: "new" });
    await kept({ conditions });
    assert.equal(sent[0]!["ph"], "new");
  }
});

test("a ULID: time first, then chance", () => {
  const zeros = (size: number): Buffer => Buffer.alloc(size);
  assert.equal(ulid(1_469_918_176_385, zeros), "01ARYZ6S410000000000000000"); // the time of the specification's example
  assert.equal(
    ulid(0, () => Buffer.alloc(16, 255)),
    "0000000000ZZZZZZZZZZZZZZZZ",
  );
  assert.ok(ulid(2) > ulid(1));
});
