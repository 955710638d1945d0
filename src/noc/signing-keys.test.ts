// The folder of keys: what gateways are given has no secret, what signs is the first, and two are the most.
import assert from "node:assert/strict";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { NodeFs } from "#base/node-fs.ts";
import { signJws, verifyJws } from "#fleet/jws.ts";
import { parseKeyFile } from "#fleet/key-file.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { CommandCounter } from "./command-counter.ts";
import { SigningKeyFolder } from "./signing-keys.ts";

const fs = new NodeFs();

test("a key is made, followed by another, and dropped", async (t) => {
  const folder = join(await temporaryFolder(t), "noc");
  const keys = new SigningKeyFolder(fs, folder);
  assert.equal(await keys.signer(), undefined);
  await keys.make("noc-a");
  await keys.make("noc-b");
  assert.equal((await keys.signer())!.kid, "noc-a");
  await assert.rejects(keys.make("noc-c"), /2 keys at most: drop noc-a or noc-b first/);
  await assert.rejects(keys.make("noc-a"), /there is a key noc-a already/);
  await assert.rejects(keys.drop("noc-a"), /noc-a signs: .*say keys use noc-b first/);
  assert.equal((await stat(keys.privateFile("noc-a"))).mode & 0o777, 0o600);
  await keys.use("noc-b");
  const signer = (await keys.signer())!;
  assert.equal(signer.kid, "noc-b");
  const file = parseKeyFile((await readText(keys.publicFile)) ?? "");
  assert.ok("keys" in file);
  assert.deepEqual(verifyJws(signJws("{}", signer.kid, signer.privateKey), file.keys), { kid: "noc-b", payload: "{}" });
  assert.equal((await stat(keys.privateFile("noc-b"))).mode & 0o777, 0o600);
  await keys.drop("noc-a");
  assert.deepEqual(
    (await keys.list()).map(({ kid }) => kid),
    ["noc-b"],
  );
  await assert.rejects(stat(keys.privateFile("noc-a")), /ENOENT/);
  await assert.rejects(keys.drop("noc-b"), /the only key/);
  await assert.rejects(keys.use("noc-z"), /there is no key noc-z: there are noc-b/);
});

test("what is wrong with the files is said", async (t) => {
  const folder = join(await temporaryFolder(t), "noc");
  const keys = new SigningKeyFolder(fs, folder);
  for (const name of ["", "a b", "../x", "x".repeat(65)]) await assert.rejects(keys.make(name), /the name of a key/);
  await keys.make("noc-a");
  await keys.make("noc-b");
  await writeFile(keys.privateFile("noc-a"), (await readText(keys.privateFile("noc-b")))!);
  await assert.rejects(keys.signer(), /not the private part of noc-a/);
  await writeFile(keys.privateFile("noc-a"), "x");
  await assert.rejects(keys.signer(), /no private key in PEM/);
  await fs.remove(keys.privateFile("noc-a"));
  await assert.rejects(keys.signer(), /noc-a\.key is not there/);
  await writeFile(keys.publicFile, "{}");
  await assert.rejects(keys.signer(), /has to be a JWK set/);
});

test("numbers rise, each once, also for two at the same time", async (t) => {
  const folder = join(await temporaryFolder(t), "noc");
  await fs.makeFolder(folder);
  const counters = [new CommandCounter(fs, folder), new CommandCounter(fs, folder)];
  const taken: number[] = [];
  for (const counter of counters) taken.push(await counter.next());
  taken.push(...(await Promise.all(counters.flatMap((counter) => [counter.next(), counter.next(), counter.next()]))));
  assert.deepEqual(
    taken.sort((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  await writeFile(join(folder, "counter"), "many");
  await assert.rejects(counters[0]!.next(), /'many' is no number/);
});

test("a lock of a program that was killed holds nobody up", async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, "counter.lock"), "");
  assert.equal(await new CommandCounter(fs, folder, () => Date.now() + 60_000).next(), 1);
});

async function readText(path: string): Promise<string | undefined> {
  const file = await fs.open(path, "read");
  const bytes = Buffer.alloc(4096);
  const size = await file.read(bytes, 0);
  await file.close();
  return bytes.toString("utf8", 0, size);
}
