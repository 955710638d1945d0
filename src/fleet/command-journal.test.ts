// The journal over a file system that fails and loses power at every call.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultFs } from "#testing/fault-fs.ts";
import { CommandJournal, JOURNAL_ENTRIES, type TakenCommand } from "./command-journal.ts";

const PATH = "/data/fleet/cmd.log";
const BOOT = "3f1c9d5e-0000-4000-8000-000000000001";

async function dataFs(): Promise<FaultFs> {
  const fs = new FaultFs();
  await fs.makeFolder("/data/fleet");
  await fs.syncFolder("/data");
  await fs.syncFolder("/");
  return fs;
}

const command = (n: number): TakenCommand => ({ id: `01J${n}`, op: "rec.lock", responseTopic: "t", bootId: BOOT, kid: "noc", ctr: n });

test("what was taken and answered is known after a restart", async () => {
  const fs = await dataFs();
  const journal = await CommandJournal.open(fs, PATH);
  for (const n of [1, 2, 3]) assert.equal(journal.windowOf("noc").accept(n), true);
  for (const n of [1, 2, 3]) await journal.take(command(n));
  await journal.finish("01J2", '{"st":"ok"}');
  const again = await CommandJournal.open(fs.crash(1), PATH);
  assert.deepEqual(again.get("01J2"), { ...command(2), answer: '{"st":"ok"}' });
  assert.deepEqual(
    again.unfinished.map(({ id }) => id),
    ["01J1", "01J3"],
  );
  assert.deepEqual(
    [again.windowOf("noc").accept(3), again.windowOf("noc").accept(4), again.windowOf("other").accept(3)],
    [false, true, true],
  );
  assert.equal(again.get("01J9"), undefined);
});

test("old answers are forgotten, what has not ended never is", async () => {
  const fs = await dataFs();
  const journal = await CommandJournal.open(fs, PATH);
  await journal.take(command(0));
  for (let n = 1; n < JOURNAL_ENTRIES + 200; n++) {
    await journal.take(command(n));
    await journal.finish(`01J${n}`, "x".repeat(200));
  }
  const size = fs.bytesOf(PATH)!.length;
  assert.ok(size < 1 << 20, `${size} bytes`);
  const again = await CommandJournal.open(fs.crash(2), PATH);
  assert.equal(again.get("01J0")?.answer, undefined);
  assert.deepEqual(
    again.unfinished.map(({ id }) => id),
    ["01J0"],
  );
  assert.equal(again.get(`01J${JOURNAL_ENTRIES + 199}`)?.answer, "x".repeat(200));
});

test("long answers are bounded in memory and on the disk, and rewritten now and then; no command is forgotten for it", async () => {
  const fs = await dataFs();
  const journal = await CommandJournal.open(fs, PATH);
  const answerOf = (n: number): string => JSON.stringify({ id: `01J${n}`, st: "ok", n: 2, res: { entries: "x".repeat(20_000) } });
  let writtenBytes = 0;
  for (let n = 1; n <= 300; n++) {
    const before = fs.history.length;
    await journal.take(command(n));
    await journal.finish(`01J${n}`, answerOf(n));
    for (const { kind, sizeBytes } of fs.history.slice(before)) if (kind === "write") writtenBytes += sizeBytes!;
  }
  assert.ok(fs.bytesOf(PATH)!.length < 1.1 * 2 ** 20, `${fs.bytesOf(PATH)!.length}`);
  assert.ok(writtenBytes < 3 * 300 * 20_000, `${writtenBytes} bytes were written for ${300 * 20_000}`);
  for (const known of [journal, await CommandJournal.open(fs.crash(6), PATH)]) {
    const answers = Array.from({ length: 300 }, (_, i) => known.get(`01J${i + 1}`)!.answer!);
    assert.ok(answers.reduce((sum, { length }) => sum + length, 0) < 400_000);
    assert.deepEqual(JSON.parse(answers[0]!), { id: "01J1", st: "ok", n: 2, msg: "its result is not kept any more" });
    assert.equal(answers.at(-1), answerOf(300));
  }
});

test("a power cut at any call: taken is taken, answered is answered, and a counter is used once", async () => {
  const steps = async (fs: FaultFs): Promise<{ readonly taken: string[]; readonly answered: string[] }> => {
    const [taken, answered]: [string[], string[]] = [[], []];
    try {
      const journal = await CommandJournal.open(fs, PATH);
      for (let n = 1; n <= 6; n++) {
        await journal.take(command(n));
        taken.push(`01J${n}`);
        if (n % 2 === 0) continue;
        await journal.finish(`01J${n}`, `answer ${n}`);
        answered.push(`01J${n}`);
      }
    } catch {
      // The power is gone.
    }
    return { taken, answered };
  };
  const calm = await dataFs();
  const before = calm.history.length;
  await steps(calm);
  const calls = calm.history.length - before;
  assert.ok(calls > 15);
  for (let n = 1; n <= calls; n++) {
    const fs = await dataFs();
    fs.failAt(n, "crash");
    const { taken, answered } = await steps(fs);
    const journal = await CommandJournal.open(fs.crash(n), PATH);
    for (const id of taken) assert.ok(journal.get(id), `${id} is forgotten after call ${n}`);
    for (const id of answered) assert.ok(journal.get(id)?.answer, `the answer of ${id} is forgotten after call ${n}`);
    for (const id of taken) assert.equal(journal.windowOf("noc").isFresh(Number(id.slice(3))), false, `${id} at call ${n}`);
  }
});

for (const fault of ["EIO", "ENOSPC", "EROFS", "short"] as const) {
  test(`${fault} at any call: what cannot be taken down is not taken, and the next is`, async () => {
    for (let n = 1; n <= 12; n++) {
      const fs = await dataFs();
      const journal = await CommandJournal.open(fs, PATH);
      fs.failAt(n, fault);
      const taken: string[] = [];
      for (let i = 1; i <= 4; i++)
        await journal.take(command(i)).then(
          ({ id }) => taken.push(id),
          () => {},
        );
      assert.ok(taken.length >= 3);
      for (let i = 1; i <= 4; i++) assert.equal(journal.get(`01J${i}`) !== undefined, taken.includes(`01J${i}`));
      const again = await CommandJournal.open(fs.crash(n), PATH);
      for (const id of taken) assert.ok(again.get(id), `${id} after ${fault} at call ${n}`);
    }
  });
}
