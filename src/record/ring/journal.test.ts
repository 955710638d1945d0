import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultFs } from "#testing/fault-fs.ts";
import { type IndexRecord, RECORD_BYTES, writeIndexRecord } from "./index-record.ts";
import { Journal, replayLog } from "./journal.ts";
import { dropRecord } from "./ring-index.ts";
import { SlotPair } from "./slot-pair.ts";

const record = (gen: number): IndexRecord => ({ ...dropRecord(gen % 7, gen), type: "alloc", cameraId: 1 });
const gens = (records: readonly IndexRecord[]) => records.map(({ gen }) => gen);

async function made(fs = new FaultFs()): Promise<{ fs: FaultFs; journal: Journal }> {
  await fs.makeFolder("/idx");
  const journal = new Journal(fs, "/idx", 8);
  await journal.create(8);
  await journal.checkpoint([]);
  for (const folder of ["/", "/idx"]) await fs.syncFolder(folder);
  return { fs, journal };
}

async function gensIn(fs: FaultFs): Promise<number[] | string> {
  const loaded = await new Journal(fs, "/idx", 8).load();
  return loaded.kind === "whole" ? gens(loaded.records) : loaded.why;
}

test("checkpoint and log together; what was appended is durable", async () => {
  const { fs, journal } = await made();
  await journal.append([record(1), record(2)]);
  await journal.append([record(3)]);
  assert.deepEqual(await gensIn(fs.crash(1)), [1, 2, 3]);
});

test("a checkpoint begins the log anew, in place: what is left of the old one is not taken", async () => {
  const { fs, journal } = await made();
  for (let gen = 1; gen <= 20; gen++) await journal.append([record(gen)]);
  await journal.checkpoint([record(20)]);
  assert.deepEqual(await gensIn(fs), [20]);
  await journal.append([record(21)]);
  const next = fs.crash(1);
  assert.deepEqual(await gensIn(next), [20, 21]);
  assert.ok(!next.history.some(({ kind }) => kind === "truncate"));
});

test("power may go at any operation of appends and checkpoints: all that was acknowledged is there", async () => {
  for (let at = 1; at < 40; at++) {
    const { fs, journal } = await made();
    let acknowledged = 0;
    fs.failAt(at, "crash");
    try {
      for (let gen = 1; gen <= 6; gen++) {
        await journal.append([record(gen)]);
        acknowledged = gen;
        if (gen % 2 === 0) await journal.checkpoint(Array.from({ length: gen }, (_, i) => record(i + 1)));
      }
    } catch {
      // Power is gone.
    }
    for (let seed = 1; seed < 6; seed++) {
      const found = await gensIn(fs.crash(seed));
      assert.ok(Array.isArray(found), `operation ${at}: ${found}`);
      assert.deepEqual(
        found,
        Array.from({ length: found.length }, (_, i) => i + 1),
      );
      assert.ok(found.length >= acknowledged, `operation ${at}: ${found.length} < ${acknowledged}`);
    }
  }
});

test("a hole in the log, or a log that follows a checkpoint that is gone, is damage", async () => {
  const log = (epochs: readonly number[]) =>
    Buffer.concat(epochs.map((epoch, i) => (epoch < 0 ? Buffer.alloc(RECORD_BYTES) : writeIndexRecord(record(i), epoch))));
  assert.deepEqual(gens(replayLog(log([4, 4, 3, 3]), 4).records), [0, 1]);
  assert.equal(replayLog(log([4, 4, 3, -1]), 4).fault, undefined);
  assert.match(replayLog(log([4, -1, 4]), 4).fault ?? "", /missing/);
  assert.match(replayLog(log([5, 5]), 4).fault ?? "", /cannot be read/);
  const { fs, journal } = await made();
  await journal.checkpoint([record(1)]);
  await journal.append([record(2)]);
  const slot = await fs.open("/idx/ckpt.1", "update");
  await slot.write([Buffer.from("damage")], 60);
  assert.match(String(await gensIn(fs)), /cannot be read/);
});

test("after both checkpoints were lost the next one is not mixed up with the old log", async () => {
  const { fs, journal } = await made();
  for (let gen = 1; gen <= 5; gen++) await journal.checkpoint([record(gen)]);
  await journal.append([record(6), record(7), record(8)]);
  for (const slot of ["/idx/ckpt.0", "/idx/ckpt.1"]) await (await fs.open(slot, "update")).write([Buffer.alloc(64)], 0);
  const next = new Journal(fs, "/idx", 8);
  assert.equal((await next.load()).kind, "damaged");
  await next.checkpoint([record(20)]);
  assert.deepEqual(await gensIn(fs), [20]);
  await next.append([record(21)]);
  assert.deepEqual(await gensIn(fs), [20, 21]);
});

test("a pair of slots: the newer whole one counts, and the older is the one that is written over", async () => {
  const fs = new FaultFs();
  const slots = new SlotPair(fs, "/s");
  await slots.create(100);
  assert.equal(await slots.load(), undefined);
  for (const text of ["one", "two", "three"]) await slots.save(Buffer.from(text));
  assert.deepEqual(await new SlotPair(fs, "/s").load(), { version: 3, payload: Buffer.from("three") });
  const torn = await fs.open("/s.0", "update");
  await torn.write([Buffer.from("x")], 65);
  const next = new SlotPair(fs, "/s");
  assert.deepEqual(await next.load(), { version: 2, payload: Buffer.from("two") });
  await next.save(Buffer.from("four"));
  assert.deepEqual(await new SlotPair(fs, "/s").load(), { version: 3, payload: Buffer.from("four") });
});
