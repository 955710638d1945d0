// The outbox over a file system that fails, tears and loses power at every call.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { silentLog } from "#base/log.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { FaultFs } from "#testing/fault-fs.ts";
import { Outbox } from "./outbox.ts";

const DIRECTORY = "/data/outbox";

async function dataFs(): Promise<FaultFs> {
  const fs = new FaultFs();
  await fs.makeFolder("/data");
  await fs.syncFolder("/");
  return fs;
}

/** Nothing is written by itself. */
const open = (fs: FaultFs, log = silentLog) => Outbox.open({ fs, directory: DIRECTORY, log, schedule: () => () => {} });
const text = (value: string): Buffer => Buffer.from(value);

/** All that waits, in the order it would be sent. */
async function waiting(outbox: Outbox): Promise<string[]> {
  const taken = new Set<number>();
  const payloads: string[] = [];
  for (let entry = await outbox.next(taken); entry !== undefined; entry = await outbox.next(taken)) {
    taken.add(entry.id);
    payloads.push(entry.payload.toString());
  }
  return payloads;
}

test("the critical is sent first, then events, then telemetry; each in its order", async () => {
  const outbox = await open(await dataFs());
  await outbox.add(2, text("tel 1"));
  await outbox.add(1, text("evt 1"));
  await outbox.add(0, text("crit 1"));
  await outbox.add(1, text("evt 2"));
  await outbox.add(0, text("crit 2"));
  assert.deepEqual(await waiting(outbox), ["crit 1", "crit 2", "evt 1", "evt 2", "tel 1"]);
  assert.deepEqual(outbox.counts, { 0: 2, 1: 2, 2: 1 });
});

test("what is done is not sent again, now or after a restart", async () => {
  const fs = await dataFs();
  const outbox = await open(fs);
  const ids = [];
  for (let i = 0; i < 6; i++) ids.push(await outbox.add(i % 2 === 0 ? 0 : 1, text(`entry ${i}`)));
  await outbox.flush();
  for (const id of ids.slice(0, 3)) outbox.done(id);
  outbox.done(ids[0]!);
  outbox.done(99);
  assert.deepEqual(await waiting(outbox), ["entry 4", "entry 3", "entry 5"]);
  await outbox.close();
  const again = await open(fs);
  assert.deepEqual(await waiting(again), ["entry 4", "entry 3", "entry 5"]);
  const id = await again.add(0, text("entry 6"));
  assert.ok(id > ids.at(-1)!, "ids are never used twice");
});

test("what is not critical is written with others, what is delivered before that never is", async () => {
  const fs = await dataFs();
  const outbox = await open(fs);
  const writes = (): number => fs.history.filter(({ kind }) => kind === "write").length;
  const id = await outbox.add(1, text("delivered at once"));
  await outbox.add(1, text("waits"));
  outbox.done(id);
  assert.equal(writes(), 0);
  await outbox.flush();
  assert.equal(writes(), 1);
  await outbox.flush();
  assert.equal(writes(), 1);
  assert.deepEqual(await waiting(await open(fs.crash(1))), ["waits"]);
  await outbox.add(1, Buffer.alloc(70_000)); // much is written soon
  await outbox.flush();
  assert.equal(writes(), 2);
});

test("of many that are delivered soon after one another few come again after a loss of power", async () => {
  const fs = await dataFs();
  const outbox = await open(fs);
  const ids = await Promise.all(Array.from({ length: 9000 }, (_, i) => outbox.add(0, text(`entry ${i}`))));
  for (const id of ids) outbox.done(id);
  // Nothing else was asked for: what was begun goes on by itself.
  for (let waited = 0; waited < 200; waited++) await setImmediate();
  const { counts } = await open(fs.crash(5));
  assert.ok(counts[0] < 3300, `${counts[0]} come again`);
});

test("ten thousand critical entries survive; only more than that push out the oldest", async () => {
  const fs = await dataFs();
  const outbox = await open(fs);
  const adds: Promise<number>[] = [];
  for (let i = 0; i < 10_002; i++) adds.push(outbox.add(0, text(`{"id":"01J8ZZZZZZ${i}","type":"cam.lost"}`)));
  await Promise.all(adds);
  assert.deepEqual(outbox.counts, { 0: 10_000, 1: 0, 2: 0 });
  assert.equal(outbox.dropped[0], 2);
  const survived = await open(fs.crash(7));
  const payloads = await waiting(survived);
  assert.equal(payloads.length, 10_000);
  assert.equal(payloads[0], '{"id":"01J8ZZZZZZ2","type":"cam.lost"}');
});

test("a week offline: bounded on disk and in memory, telemetry goes before events", async () => {
  const fs = await dataFs();
  const outbox = await open(fs);
  const document = "x".repeat(1500);
  for (let i = 0; i < 8000; i++) {
    await outbox.add(2, text(`tel ${i} ${document}`));
    if (i % 4 === 0) await outbox.add(1, text(`evt ${i}`));
    if (i % 50 === 0) await outbox.flush();
  }
  await outbox.flush();
  const sizes = await Promise.all(((await fs.list(DIRECTORY)) ?? []).map(({ name }) => fs.bytesOf(`${DIRECTORY}/${name}`)!.length));
  assert.ok(sizes.reduce((sum, size) => sum + size) < 9 << 20, `${sizes}`);
  assert.equal(outbox.counts[1], 2000);
  assert.equal(outbox.counts[2], 2000);
  assert.equal(outbox.dropped[2], 6000);
  const again = await waiting(await open(fs.crash(3)));
  assert.equal(again.filter((payload) => payload.startsWith("evt")).length, 2000);
  assert.equal(again.at(-1)!.slice(0, 8), "tel 7999");
});

test("entries that stay hold back no space: the log is written anew", async () => {
  const fs = await dataFs();
  const outbox = await open(fs);
  await outbox.add(0, text("stays"));
  for (let i = 0; i < 300; i++) {
    const id = await outbox.add(0, Buffer.alloc(60_000));
    outbox.done(id);
  }
  await outbox.flush();
  const names = ((await fs.list(DIRECTORY)) ?? []).length;
  assert.ok(names <= 10, `${names} segments`);
  assert.deepEqual(await waiting(await open(fs.crash(5))), ["stays"]);
});

test("whatever call the power is lost at, nothing that was safe is lost and nothing comes back that was given up before", async () => {
  const count = await run(Number.POSITIVE_INFINITY);
  assert.ok(count > 20);
  for (let n = 1; n <= count; n++) await run(n);
});

/** Adds, finishes and drops entries with the power cut at call n, then checks what the next boot finds. Returns the number of calls. */
async function run(n: number): Promise<number> {
  const fs = await dataFs();
  const before = fs.history.length;
  if (Number.isFinite(n)) fs.failAt(n, "crash");
  const safe = new Set<string>();
  const done = new Set<string>();
  const sent: string[] = [];
  const outbox = await open(fs);
  for (let i = 0; i < 12 && !fs.isDead; i++) {
    const payload = `crit ${i}`;
    const id = await outbox.add(0, text(payload));
    if (!fs.isDead) safe.add(payload);
    await outbox.add(1, Buffer.alloc(i === 5 ? 250_000 : 100, i));
    if (i % 3 !== 0) continue;
    sent.push(payload);
    outbox.done(id);
    await outbox.flush();
    if (!fs.isDead) done.add(payload);
  }
  const found = await waiting(await open(fs.crash(n)));
  for (const payload of safe) if (!sent.includes(payload)) assert.ok(found.includes(payload), `${payload} is lost at call ${n}`);
  for (const payload of done) assert.ok(!found.includes(payload), `${payload} is sent again at call ${n}`);
  assert.equal(
    new Set(found.filter((payload) => payload.startsWith("crit"))).size,
    found.filter((payload) => payload.startsWith("crit")).length,
  );
  return fs.history.length - before;
}

for (const fault of ["EIO", "ENOSPC", "EROFS", "short"] as const) {
  test(`${fault} at any call: entries wait in memory, and are written when the disk takes them again`, async () => {
    for (let n = 1; n <= 12; n++) {
      const fs = await dataFs();
      const log = collectedLog();
      fs.failAt(n, fault);
      const outbox = await open(fs, log);
      for (let i = 0; i < 4; i++) await outbox.add(0, text(`entry ${i}`));
      await outbox.flush();
      assert.deepEqual(await waiting(outbox), ["entry 0", "entry 1", "entry 2", "entry 3"], `call ${n}`);
      assert.deepEqual((await waiting(await open(fs.crash(n)))).sort(), ["entry 0", "entry 1", "entry 2", "entry 3"], `call ${n}`);
    }
  });
}

test("without a disk memory is bounded, and one line says so", async () => {
  const fs = await dataFs();
  fs.failAll("EROFS");
  const log = collectedLog();
  const outbox = await open(fs, log);
  for (let i = 0; i < 3000; i++) await outbox.add(i % 3 === 0 ? 0 : 2, Buffer.alloc(1000));
  assert.ok(outbox.counts[0] * 1000 <= 1 << 20);
  assert.equal(outbox.counts[0], 1000);
  assert.ok(outbox.dropped[2] > 1900);
  assert.equal(log.lines.length, 1);
});
