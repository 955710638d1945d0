import assert from "node:assert/strict";
import { test } from "node:test";
import { collectedLog } from "#testing/collected-log.ts";
import { FaultFs } from "#testing/fault-fs.ts";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { SessionCounter } from "./session-counter.ts";

const PATH = "/data/fleet/session";

function open(fs: FaultFs, bootCounter = 42, log = collectedLog()): Promise<SessionCounter> {
  return SessionCounter.open({ fs, path: PATH, bootCounter, log });
}

async function put(fs: FaultFs, bytes: Buffer): Promise<void> {
  await fs.makeFolder("/data/fleet");
  const file = await fs.open(PATH, "create");
  await file.write([bytes], 0);
  await file.close();
}

test("connections of a boot are numbered, over restarts; another boot begins anew", async () => {
  const fs = new FaultFs();
  const first = await open(fs);
  assert.deepEqual([first.isFresh, first.lastRun], [true, undefined]);
  assert.equal(await first.next(), "0000002a-0001");
  assert.equal(first.isFresh, false);
  assert.equal(await first.next(), "0000002a-0002");
  const second = await open(fs);
  assert.equal(second.isFresh, false);
  assert.equal(await second.next(), "0000002a-0003");
  const rebooted = await open(fs, 43);
  assert.equal(rebooted.isFresh, true);
  assert.equal(await rebooted.next(), "0000002b-0001");
});

test("how the last run ended: said good-bye, or cut off", async () => {
  const fs = new FaultFs();
  const first = await open(fs);
  await first.next();
  assert.deepEqual((await open(fs)).lastRun, { bootCounter: 42, clean: undefined });
  await first.end(86_400.4, "reboot");
  const second = await open(fs, 43);
  assert.deepEqual(second.lastRun, { bootCounter: 42, clean: { uptimeS: 86_400, why: "reboot" } });
  await second.next();
  assert.deepEqual((await open(fs, 43)).lastRun, { bootCounter: 43, clean: undefined }, "a run that goes on has no end");
});

test("a number rises also where it cannot be kept, and that is told", async () => {
  const fs = new FaultFs();
  fs.failAll("EROFS");
  const log = collectedLog();
  const counter = await open(fs, 42, log);
  assert.deepEqual([await counter.next(), await counter.next()], ["0000002a-0001", "0000002a-0002"]);
  await counter.end(1, "shutdown");
  assert.equal(log.lines.length, 3);
  assert.match(log.lines[0]!, /the number of this session cannot be kept/);
});

test("a power cut at any call: no number is given twice", async () => {
  for (let n = 1; ; n++) {
    const fs = new FaultFs();
    await (await open(fs)).next();
    const counter = await open(fs);
    fs.failAt(n, "crash");
    const given = await counter.next();
    const wasCut = fs.isDead;
    const after = await (await open(fs.crash(n))).next();
    // One that the power took was never used: nothing is connected under it before it is kept, but then the process is gone.
    assert.ok(wasCut ? after >= given : after > given, `after call ${n}: ${given}, then ${after}`);
    if (!wasCut) return;
  }
});

test("a file that holds anything else begins anew, and nothing throws", async () => {
  for (const text of ["", "null", "[]", "{}", '{"boot":42}', '{"boot":"42","connection":1}', '{"boot":42,"connection":1.5}']) {
    const fs = new FaultFs();
    await put(fs, Buffer.from(text));
    const counter = await open(fs);
    assert.deepEqual([counter.lastRun, await counter.next()], [undefined, "0000002a-0001"], text);
  }
  const good = Buffer.from('{"boot":42,"connection":7,"end":{"uptimeS":12,"why":"shutdown"}}\n');
  const random = fuzzRandom(0x7369_6473);
  for (let round = fuzzRounds(300); round > 0; round--) {
    const fs = new FaultFs();
    await put(fs, mutate(good, random));
    assert.match(await (await open(fs)).next(), /^0000002a-[0-9a-f]{4}$/);
  }
});

test("an end that is damaged is none, its numbers still count", async () => {
  const fs = new FaultFs();
  await put(fs, Buffer.from('{"boot":42,"connection":7,"end":{"uptimeS":"12"}}'));
  const counter = await open(fs);
  assert.deepEqual(counter.lastRun, { bootCounter: 42, clean: undefined });
  assert.equal(await counter.next(), "0000002a-0008");
});
