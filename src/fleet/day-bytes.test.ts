import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultFs } from "#testing/fault-fs.ts";
import { DayBytes } from "./day-bytes.ts";

const PATH = "/data/fleet/bytes-up";
const MINUTE_MS = 60_000;

function setUp(time: string, fs = new FaultFs()) {
  const clock = { utcMs: Date.parse(time), monoMs: 0 };
  const open = () => DayBytes.open({ fs, path: PATH, utcMs: () => clock.utcMs, nowMs: () => clock.monoMs });
  const pass = (ms: number): void => {
    clock.utcMs += ms;
    clock.monoMs += ms;
  };
  const writes = () => fs.history.filter(({ kind }) => kind === "write").length;
  return { fs, clock, open, pass, writes };
}

test("bytes of a day, from midnight on", async () => {
  const { open, pass } = setUp("2026-11-30T23:50:00Z");
  const day = await open();
  day.add(1000);
  pass(5 * MINUTE_MS);
  day.add(500);
  assert.equal(day.today, 1500);
  pass(10 * MINUTE_MS);
  assert.equal(day.today, 0);
  day.add(7);
  assert.equal(day.today, 7);
});

test("a restart goes on; another day begins anew", async () => {
  const { open, pass } = setUp("2026-11-30T12:00:00Z");
  const first = await open();
  first.add(1000);
  await first.close();
  const second = await open();
  assert.equal(second.today, 1000);
  second.add(1);
  await second.close();
  pass(86_400_000);
  assert.equal((await open()).today, 0);
});

test("it is written every quarter of an hour at most", async () => {
  const { open, pass, writes } = setUp("2026-11-30T00:00:00Z");
  const day = await open();
  for (let minute = 0; minute < 24 * 60 - 1; minute++) {
    pass(MINUTE_MS);
    day.add(400);
  }
  await day.close();
  assert.ok(writes() > 0 && writes() <= 96, String(writes()));
});

test("a clock that is set back a little over midnight does not forget the day; one that was years off does", async () => {
  const { open, clock } = setUp("2026-12-01T00:00:05Z");
  const day = await open();
  day.add(10);
  clock.utcMs -= 10_000;
  day.add(10);
  assert.equal(day.today, 20);
  clock.utcMs = Date.parse("2026-01-01T00:00:00Z");
  assert.equal(day.today, 0);
});

test("what cannot be read counts from now; what cannot be written is counted on", async () => {
  for (const text of ["", "null", '{"day":1.5,"bytes":2}', '{"day":20000,"bytes":-1}']) {
    const { fs, open } = setUp("2026-11-30T12:00:00Z");
    await fs.makeFolder("/data/fleet");
    const file = await fs.open(PATH, "create");
    await file.write([Buffer.from(text)], 0);
    await file.close();
    assert.equal((await open()).today, 0, text);
  }
  const { fs, open, pass } = setUp("2026-11-30T12:00:00Z");
  fs.failAll("EROFS");
  const day = await open();
  day.add(5);
  pass(20 * MINUTE_MS);
  day.add(5);
  await day.close();
  assert.equal(day.today, 10);
});
