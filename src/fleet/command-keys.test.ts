// Which keys may sign: of files, rotated, rooted; after power cuts, and with whatever the file of rotated keys holds.
import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { test } from "node:test";
import type { CallerFault } from "#base/errors.ts";
import { type CollectedLog, collectedLog } from "#testing/collected-log.ts";
import { FaultFs } from "#testing/fault-fs.ts";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import type { CommandFault } from "./command-fault.ts";
import { CommandKeys } from "./command-keys.ts";

const pairs = new Map(["a", "b", "c", "root"].map((kid) => [kid, generateKeyPairSync("ed25519").publicKey]));
const jwk = (kid: string, key: KeyObject = pairs.get(kid)!): object => ({ ...key.export({ format: "jwk" }), kid });
const setOf = (...kids: readonly string[]): string => JSON.stringify({ keys: kids.map((kid) => jwk(kid)) });
const PATH = "/data/fleet/command-keys.json";

async function writeText(fs: FaultFs, path: string, text: string): Promise<void> {
  const bytes = Buffer.from(text);
  const file = await fs.open(path, "create");
  await file.truncate(0);
  await file.write([bytes], 0);
  await file.sync();
  await file.close();
}

async function siteWith(files: Readonly<Record<string, string>>): Promise<FaultFs> {
  const fs = new FaultFs();
  for (const folder of ["/etc", "/data", "/data/fleet"]) await fs.makeFolder(folder);
  for (const [path, text] of Object.entries(files)) await writeText(fs, path, text);
  for (const folder of ["/", "/etc", "/data", "/data/fleet"]) await fs.syncFolder(folder);
  return fs;
}

const open = (fs: FaultFs, log: CollectedLog = collectedLog(), rootFile = ""): Promise<CommandKeys> =>
  CommandKeys.open({ fs, files: ["/etc/keys.json"], rootFile, path: PATH, log });
const kids = ({ signing }: CommandKeys): string[] => [...signing.keys()].sort();

test("rotated keys take the place of the files', over restarts, until the files change", async () => {
  const fs = await siteWith({ "/etc/keys.json": setOf("a") });
  const keys = await open(fs);
  assert.deepEqual(kids(keys), ["a"]);
  await keys.rotate([jwk("a"), jwk("b")]);
  await keys.rotate([jwk("b")]);
  assert.deepEqual([kids(keys), [...keys.all.keys()]], [["b"], ["b"]]);
  const after = fs.crash(1);
  assert.deepEqual(kids(await open(after)), ["b"]);
  await writeText(after, "/etc/keys.json", setOf("c"));
  const log = collectedLog();
  assert.deepEqual(kids(await open(after, log)), ["c"]);
  assert.match(log.lines.join("\n"), /the files count/);
});

test("the root key signs a rotation and nothing else, and brings the first keys too", async () => {
  const fs = await siteWith({ "/etc/root.json": setOf("root") });
  const log = collectedLog();
  const keys = await CommandKeys.open({ fs, files: [], rootFile: "/etc/root.json", path: PATH, log });
  assert.deepEqual([kids(keys), [...keys.all.keys()]], [[], ["root"]]);
  assert.deepEqual(
    [keys.maySign("root", "key.rotate"), keys.maySign("root", "sys.reboot"), keys.maySign("root", "ping")],
    [true, false, false],
  );
  await keys.rotate([jwk("a")]);
  assert.deepEqual([keys.maySign("a", "key.rotate"), keys.maySign("a", "sys.reboot")], [true, true]);
  assert.deepEqual([kids(keys), [...keys.all.keys()].sort()], [["a"], ["a", "root"]]);
});

test("a root key under the name of one that signs is none", async () => {
  const fs = await siteWith({ "/etc/keys.json": setOf("a"), "/etc/root.json": setOf("a") });
  const log = collectedLog();
  const keys = await open(fs, log, "/etc/root.json");
  assert.match(log.lines.join("\n"), /mqtt\.rootKey: a is the name of a key that signs/);
  assert.deepEqual([...keys.all.keys()], ["a"]);
});

test("what cannot be is refused by the field's name, and changes nothing", async () => {
  const fs = await siteWith({ "/etc/keys.json": setOf("a"), "/etc/root.json": setOf("root") });
  const keys = await open(fs, collectedLog(), "/etc/root.json");
  const { d } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  for (const [list, words] of [
    [undefined, /^keys: /],
    [[], /one or 2 keys/],
    [[jwk("a"), jwk("b"), jwk("c")], /one or 2 keys/],
    [[{ ...jwk("b"), d }], /private key in keys\[0\]/],
    [[jwk("a", pairs.get("b")!)], /a is the name of another key already/],
    [[jwk("root")], /root is the name of the root key/],
  ] as const) {
    await assert.rejects(keys.rotate(list), (error: CallerFault) => error.field === "keys" && words.test(error.message));
    assert.deepEqual(kids(keys), ["a"]);
  }
  fs.failAt(1, "ENOSPC", ({ kind }) => kind === "write");
  await assert.rejects(keys.rotate([jwk("b")]));
  assert.deepEqual([kids(keys), kids(await open(fs.crash(2)))], [["a"], ["a"]]);
});

test("a power cut at any call leaves the keys of before or of after", async () => {
  for (let n = 1; ; n++) {
    const fs = await siteWith({ "/etc/keys.json": setOf("a") });
    const keys = await open(fs);
    fs.failAt(n, "crash");
    const done = await keys.rotate([jwk("b")]).then(
      () => true,
      () => false,
    );
    const now = kids(await open(fs.crash(n)));
    assert.ok(now.join() === "b" || (!done && now.join() === "a"), `after call ${n}: ${now}`);
    if (done) return;
  }
});

test("a file that cannot be read for a while brings nobody back who was rotated out, then or later", async () => {
  const fs = await siteWith({ "/etc/keys.json": setOf("a"), "/etc/more.json": setOf("b"), "/etc/root.json": setOf("root") });
  const files = ["/etc/keys.json", "/etc/more.json"];
  const start = (): Promise<CommandKeys> => CommandKeys.open({ fs, files, rootFile: "/etc/root.json", path: PATH, log: collectedLog() });
  const unreadable = (): (() => void) => fs.failAll("EIO", ({ kind, path }) => kind === "read" && path === "/etc/more.json");
  const mendFirst = unreadable();
  const first = await start();
  await assert.rejects(first.rotate([jwk("c")]), (fault: CommandFault) => fault.error.c === "E_IO");
  assert.deepEqual(kids(first), ["a"]);
  mendFirst();
  await (await start()).rotate([jwk("c")]);
  const mend = unreadable();
  const meanwhile = await start();
  assert.deepEqual(kids(meanwhile), ["c"], "neither is the NOC locked out");
  const next = generateKeyPairSync("ed25519").publicKey;
  await meanwhile.rotate([jwk("d", next)]);
  mend();
  assert.deepEqual(kids(await start()), ["d"]);
});

test("of two rotations at once one follows the other: what counts now counts after the next start", async () => {
  const fs = await siteWith({ "/etc/keys.json": setOf("a") });
  const keys = await open(fs);
  await Promise.all([keys.rotate([jwk("a"), jwk("b")]), keys.rotate([jwk("c")])]);
  assert.deepEqual([kids(keys), kids(await open(fs.crash(5)))], [["c"], ["c"]]);
});

test("files that are not there, or hold anything, let nobody sign; nothing throws", async () => {
  const log = collectedLog();
  assert.deepEqual(kids(await open(await siteWith({}), log)), []);
  assert.match(log.lines.join("\n"), /mqtt\.commandKeys: \/etc\/keys\.json: the key file is not there/);
  const first = await siteWith({ "/etc/keys.json": setOf("a") });
  await (await open(first)).rotate([jwk("b")]);
  const good = first.bytesOf(PATH)!;
  const random = fuzzRandom(0x6b65_7973);
  for (let round = 0; round < fuzzRounds(300); round++) {
    const fs = await siteWith({ "/etc/keys.json": setOf("a") });
    await writeText(fs, PATH, mutate(good, random).toString("latin1"));
    assert.ok(kids(await open(fs)).length <= 2);
  }
});
