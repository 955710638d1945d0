// The audit log: what is kept and what is not, tampering, bounds, power cuts, and a disk that fails.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { silentLog } from "#base/log.ts";
import { FaultFs } from "#testing/fault-fs.ts";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { auditArguments } from "./audit-arguments.ts";
import { parseAuditLine } from "./audit-lines.ts";
import { AuditLog } from "./audit-log.ts";

const FOLDER = "/data/audit";
const PATH = `${FOLDER}/audit.log`;

async function dataFs(): Promise<FaultFs> {
  const fs = new FaultFs();
  await fs.makeFolder(FOLDER);
  for (const folder of ["/", "/data"]) await fs.syncFolder(folder);
  return fs;
}

let mono = 0;
const open = (fs: FaultFs): Promise<AuditLog> =>
  AuditLog.open({
    fs,
    directory: FOLDER,
    stamp: () => ({ ts: 1_795_360_000_000 + mono, tq: "ntp", boot: 1, mono: mono++ }),
    log: silentLog,
  });

async function overwrite(fs: FaultFs, path: string, text: string): Promise<void> {
  const file = await fs.open(path, "create");
  await file.write([Buffer.from(text)], 0);
  await file.sync();
  await file.close();
}

test("what was noted is there, in order, over restarts and power cuts, and its chain is whole", async () => {
  const fs = await dataFs();
  const log = await open(fs);
  log.note({ who: "noc-a", op: "rec.lock", st: "run", cam: "gate", data: { reason: "case 17" } });
  log.note({ who: "admin, 192.0.2.7", op: "login" });
  await log.saved();
  const again = await open(fs.crash(1));
  again.note({ who: "the gateway", op: "cfg.applied", data: { changed: ["record"] } });
  const { entries, next, head, broken } = await again.list(1, 10);
  assert.deepEqual(
    entries.map(({ n, who, op, cam }) => [n, who, op, cam]),
    [
      [1, "noc-a", "rec.lock", "gate"],
      [2, "admin, 192.0.2.7", "login", undefined],
      [3, "the gateway", "cfg.applied", undefined],
    ],
  );
  assert.deepEqual([next, broken, head], [null, null, { n: 3, h: entries[2]!.h }]);
  const page = await again.list(2, 1);
  assert.deepEqual([page.entries.map(({ n }) => n), page.next], [[2], 3]);
  await again.close();
  again.note({ who: "nobody", op: "late" });
});

test("tampering shows: a word changed, a line left out, put in, moved, or made anew with a hash of its own", async () => {
  const fs = await dataFs();
  const log = await open(fs);
  for (const op of ["one", "two", "three", "four"]) log.note({ who: "noc-a", op });
  await log.close();
  const text = fs.bytesOf(PATH)!.toString("utf8");
  const lines = text.trimEnd().split("\n");
  const brokenAfter = async (changed: readonly string[]): Promise<number | null> => {
    const copy = await dataFs();
    await overwrite(copy, PATH, `${changed.join("\n")}\n`);
    return (await (await open(copy)).list(1, 10)).broken;
  };
  assert.equal(await brokenAfter(lines), null);
  assert.equal(await brokenAfter(lines.map((line) => line.replace('"two"', '"2wo"'))), 2);
  assert.equal(await brokenAfter(lines.map((line) => line.replace('"op":"three"', '"op":"three","cam":"x"'))), 3);
  assert.equal(await brokenAfter([lines[0]!, lines[2]!, lines[3]!]), 3);
  assert.equal(await brokenAfter([lines[0]!, lines[2]!, lines[1]!, lines[3]!]), 3);
  assert.equal(await brokenAfter([lines[0]!, lines[1]!, lines[1]!, lines[2]!, lines[3]!]), 2);
  // Cut off at the end it is whole; whoever kept the head sees it.
  const cut = await dataFs();
  await overwrite(cut, PATH, `${lines.slice(0, 3).join("\n")}\n`);
  const { head, broken } = await (await open(cut)).list(1, 10);
  assert.deepEqual([broken, head.n], [null, 3]);
  assert.notEqual(head.h, log.head.h);
});

test("a page goes into a message, however much is in its entries", async () => {
  const log = await open(await dataFs());
  const data = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`field${i}`, "x".repeat(200)]));
  for (let n = 1; n <= 40; n++) log.note({ who: "noc-a", op: "config", data });
  const seen: number[] = [];
  for (let from: number | null = 1; from !== null; ) {
    const { entries, next } = await log.list(from, 100);
    assert.ok(JSON.stringify(entries).length < 80_000 && entries.length > 0);
    seen.push(...entries.map(({ n }) => n));
    from = next;
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 40 }, (_, i) => i + 1),
  );
  await log.close();
});

test("it is bounded, and whole over its files", async () => {
  const fs = await dataFs();
  const log = await open(fs);
  for (let i = 0; i < 40; i++) {
    for (let k = 0; k < 200; k++) log.note({ who: "noc-a", op: "x".repeat(150) });
    await log.saved();
  }
  const names = (await fs.list(FOLDER))!.map(({ name }) => name).sort();
  assert.deepEqual(names, ["audit.1.log", "audit.2.log", "audit.3.log", "audit.log"]);
  const bytes = names.reduce((sum, name) => sum + fs.bytesOf(`${FOLDER}/${name}`)!.length, 0);
  assert.ok(bytes < 1_400_000, `${bytes}`);
  const { entries, broken, head } = await log.list(1, 1);
  assert.ok(entries[0]!.n > 1);
  assert.deepEqual([broken, head.n], [null, 8000]);
  assert.equal((await (await open(fs.crash(4))).list(7999, 10)).entries.length, 2);
});

test("a disk that fails loses nothing that fits, and says what was lost", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const fs = await dataFs();
  const log = await open(fs);
  fs.failAt(1, "ENOSPC", ({ kind }) => kind === "write");
  log.note({ who: "a", op: "first" });
  await log.saved();
  for (let i = 0; i < 1005; i++) log.note({ who: "a", op: `op ${i}` });
  t.mock.timers.tick(60_000);
  await log.saved();
  const { entries, broken, head } = await log.list(1, 2000);
  assert.deepEqual([broken, head.n, entries[0]!.op, entries[0]!.data], [null, 1001, "audit.lost", { n: 6 }]);
});

test("what is noted at any moment of a write does not wait for the next note", async () => {
  // No call of this file system takes longer than a few microtasks.
  for (let moment = 0; moment < 200; moment++) {
    const log = await open(await dataFs());
    log.note({ who: "a", op: "one" });
    for (let i = 0; i < moment; i++) await Promise.resolve();
    if (moment === 199) assert.equal(log.head.n, 1, "the last moment is behind the write");
    log.note({ who: "a", op: "two" });
    await setImmediate();
    await log.saved();
    assert.equal(log.head.n, 2, `${moment}`);
  }
});

test("whoever reads while a file is full sees a whole chain", async () => {
  const fs = await dataFs();
  const log = await open(fs);
  for (let i = 0; i < 10; i++) {
    for (let k = 0; k < 200; k++) log.note({ who: "noc-a", op: "x".repeat(150) });
    await log.saved();
  }
  const { reached, release } = fs.stallNext(({ kind, path }) => kind === "facts" && path === PATH);
  const page = log.list(1, 1);
  await reached;
  log.note({ who: "noc-a", op: "into the next file" });
  await setImmediate();
  release();
  assert.equal((await page).broken, null);
  assert.equal((await log.list(2001, 1)).entries[0]!.op, "into the next file");
});

test("a power cut at any call: what was saved is there, and goes on", async () => {
  for (let n = 1; ; n++) {
    const fs = await dataFs();
    let calls = 0;
    fs.failAt(n, "crash", () => ++calls > 0);
    const log = await open(fs);
    log.note({ who: "a", op: "one" });
    await log.saved();
    const isSaved = log.head.n === 1;
    const again = await open(fs.crash(n));
    again.note({ who: "a", op: "two" });
    const { entries, broken } = await again.list(1, 10);
    assert.equal(broken, null);
    if (isSaved)
      assert.deepEqual(
        entries.map(({ op }) => op),
        ["one", "two"],
      );
    else assert.equal(entries.at(-1)!.op, "two");
    if (calls < n) break;
  }
});

test("no secret is kept: of commands what is named, of texts what is no password", async () => {
  assert.deepEqual(
    auditArguments({
      cam: "gate",
      source: "rtsp://admin:canary@192.0.2.9/main",
      url: "https://push.example/whip?token=canary",
      token: "canary",
      settings: { source: "rtsp://a:canary@b", record: true },
      dest: { put: "https://up.example/x?sig=canary", headers: { authorization: "canary" } },
      keys: [{ kid: "noc-b", x: "canary" }],
      cert: "canary",
      reason: "case 17",
      on: true,
    }),
    {
      source: "192.0.2.9",
      url: "push.example",
      settings: ["source", "record"],
      dest: "up.example",
      keys: ["noc-b"],
      reason: "case 17",
      on: true,
    },
  );
  for (const input of [undefined, null, 7, [], {}, { url: 7 }]) auditArguments(input);
  const fs = await dataFs();
  const log = await open(fs);
  log.note({
    who: "u",
    op: "GET rtsp://u:canary@h/x?token=canary",
    data: { deep: { a: "canary" }, list: ["rtsp://a:canary@b"], long: "y".repeat(5000) },
  });
  await log.saved();
  const text = fs.bytesOf(PATH)!.toString("utf8");
  assert.ok(!text.includes("canary") && text.length < 1000, text);
});

test("a file that holds anything is read as far as it goes; nothing throws", async () => {
  const first = await dataFs();
  const log = await open(first);
  for (let i = 0; i < 5; i++) log.note({ who: "a", op: `${i}` });
  await log.close();
  const good = first.bytesOf(PATH)!;
  const random = fuzzRandom(0x61_75_64_69);
  for (let round = 0; round < fuzzRounds(300); round++) {
    const fs = await dataFs();
    const damaged = mutate(good, random);
    await overwrite(fs, PATH, damaged.toString("latin1"));
    const again = await open(fs);
    again.note({ who: "a", op: "after" });
    assert.equal((await again.list(1, 100)).entries.at(-1)!.op, "after");
    parseAuditLine(damaged.toString("latin1"));
  }
});
