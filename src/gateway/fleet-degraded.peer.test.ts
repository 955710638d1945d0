// A gateway whose data directory, keys or journals are damaged, full or read-only: cameras are served, what is wrong is said, and what can be had of the link is.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmdirSync } from "node:fs";
import { appendFile, mkdir, mkdtemp, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { signJws } from "#fleet/jws.ts";
import { type Camgate, startCamgate } from "#testing/peers/camgate.ts";
import { findPeer, missingOf } from "#testing/peers/find-peer.ts";
import { type Mosquitto, mosquittoMissing, type ReceivedMessage, type Subscription, startMosquitto } from "#testing/peers/mosquitto.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { WatchedReader } from "#testing/watched-reader.ts";

const ROOT = "cg/v1/acme/gw-0001";
const PATIENCE_MS = 60_000;
const noc = generateKeyPairSync("ed25519");
const tools = { mount: findPeer("mount"), umount: findPeer("umount") };
const smallDiskMissing = missingOf(tools.mount, tools.umount) || mountsMissing();

interface Site {
  readonly broker: Mosquitto;
  readonly noc: Subscription;
  readonly folder: string;
  /** `mqtt`: settings of the link besides. */
  start(mqtt?: string, data?: string): Promise<Camgate>;
  /** The last answer to a signed command. */
  ask(op: string, args?: object, id?: string): Promise<ReceivedMessage["json"]>;
  /** The birth of the `n`th session that was seen. */
  born(n: number): Promise<void>;
}

async function siteOn(t: TestContext): Promise<Site> {
  const [broker, folder] = [await startMosquitto(t), await temporaryFolder(t)];
  const watch = await broker.subscribe(`${ROOT}/up/#`);
  const camera = await ScriptedCamera.start({ frameMs: 40 });
  t.after(() => camera.close());
  await writeFile(join(folder, "keys.json"), JSON.stringify({ keys: [{ ...noc.publicKey.export({ format: "jwk" }), kid: "noc-a" }] }));
  const mqttOf = (more: string): string =>
    `mqtt:\n  urls: [mqtt://127.0.0.1:${broker.port}]\n  tenant: acme\n  gatewayId: gw-0001\n  commands: signed\n  commandKeys: [keys.json]\n${more}`;
  let [asked, counter] = [0, Date.now()];
  return {
    broker,
    noc: watch,
    folder,
    start: (more = "", data = "data") =>
      startCamgate(t, { config: `${mqttOf(more)}dataDirectory: '${data}'\npaths: {cam: {source: '${camera.url("cam")}'}}\n`, folder }),
    async ask(op, args = {}, id = `01D${++asked}`) {
      const before = watch.messages().length;
      const request = { v: 1, id, op, args, exp: Date.now() + 600_000, ctr: ++counter, aud: "acme/gw-0001" };
      await broker.publish(`${ROOT}/dn/cmd`, signJws(JSON.stringify(request), "noc-a", noc.privateKey));
      const isEnd = ({ json }: ReceivedMessage): boolean =>
        ["ok", "err", "rej", "lost"].includes(json?.st) && (json.id === id || json.id === null);
      return (await until(`the end of ${op}`, () => watch.messages().slice(before).find(isEnd), PATIENCE_MS)).json;
    },
    async born(n) {
      const births = (): number => watch.messages().filter(({ json }) => json?.online === true).length;
      await until(`birth ${n}`, () => births() >= n, PATIENCE_MS);
    },
  };
}

/** Resolves when the log says so. */
async function says({ process: program }: Camgate, pattern: RegExp): Promise<void> {
  await until(`${pattern} in the log`, () => pattern.test(program.stdout.toString()), PATIENCE_MS).catch((error: Error) => {
    throw new Error(`${error.message}\n${program.stdout}`);
  });
}

/** Whoever reads gets what the camera sends. */
async function serves(t: TestContext, camgate: Camgate): Promise<WatchedReader> {
  await says(camgate, /\[path cam\] stream is available/);
  const reader = await WatchedReader.start(Number(new URL(camgate.url("cam")).port), "cam");
  t.after(async () => reader.close());
  await reader.noticesNothing("the start");
  return reader;
}

const wrongKeys: readonly [name: string, make: (file: string) => Promise<unknown>, said: RegExp][] = [
  ["is not there", (file) => rm(file), /mqtt\.commandKeys: keys\.json: the key file is not there/],
  ["is a folder", (file) => rm(file).then(() => mkdir(file)), /mqtt\.commandKeys: keys\.json: /],
  ["is torn", (file) => readFile(file, "utf8").then((text) => writeFile(file, text.slice(0, 40))), /the key file cannot be read/],
];
for (const [name, make, said] of wrongKeys) {
  test(`the file of keys that sign ${name}: nobody may sign, and all else is there`, { skip: mosquittoMissing }, async (t) => {
    const { folder, start, born, ask } = await siteOn(t);
    await make(join(folder, "keys.json"));
    const camgate = await start();
    await says(camgate, said);
    await born(1);
    await serves(t, camgate);
    assert.equal((await ask("rec.set", { cam: "cam", on: true })).e.c, "E_SIG");
  });
}

test("a file of the link cannot be read: no link until it can, and cameras all the time", { skip: mosquittoMissing }, async (t) => {
  const { folder, start, born, ask } = await siteOn(t);
  const file = join(folder, "password");
  await mkdir(file);
  const camgate = await start("  username: gw-0001\n  passwordFile: password\n");
  await says(camgate, /no connection to mqtt:\S+: mqtt\.passwordFile: password/);
  const reader = await serves(t, camgate);
  await rmdir(file);
  await writeFile(file, "secret\n");
  await born(1);
  assert.equal((await ask("ping")).st, "ok");
  await reader.noticesNothing("a file that can be read again");
});

test("journals and files of state that a power cut tore: what was done is known as far as it was written, and the link is there", {
  skip: mosquittoMissing,
}, async (t) => {
  const { folder, start, born, ask } = await siteOn(t);
  const first = await start();
  await born(1);
  const done = await ask("rec.set", { cam: "cam", on: false }, "01DONE");
  assert.equal(done.st, "ok");
  await first.process.kill();
  const fleet = join(folder, "data/fleet");
  await appendFile(join(fleet, "cmd.log"), Buffer.alloc(37, 0xa5));
  for (const name of ["session", "desired.json", "job.json"]) await writeFile(join(fleet, name), '{"torn":');
  await appendFile(join(fleet, "outbox/00000001.log"), Buffer.alloc(11, 0xff));
  const second = await start();
  await serves(t, second);
  await born(2);
  const again = await ask("rec.set", { cam: "cam", on: false }, "01DONE");
  assert.deepEqual([again.st, again.n, again.res], [done.st, done.n, done.res]);
  assert.equal((await ask("rec.set", { cam: "cam", on: false })).st, "ok");
});

test("the gateway's keys are damaged: it is no other gateway, it has no link, and cameras are served", {
  skip: mosquittoMissing,
}, async (t) => {
  const { folder, start, noc: watch } = await siteOn(t);
  const identity = join(folder, "data/fleet/identity.key");
  await mkdir(join(folder, "data/fleet"), { recursive: true });
  await writeFile(identity, "-----BEGIN PRIVATE KEY-----\nMC4C");
  const camgate = await start();
  await says(camgate, /there is no link: the gateway's key \S+identity\.key/);
  await serves(t, camgate);
  assert.equal(await readFile(identity, "utf8"), "-----BEGIN PRIVATE KEY-----\nMC4C", "nothing was put in its place");
  assert.deepEqual(watch.messages(), []);
});

function mountsMissing(): string | false {
  if (process.getuid?.() !== 0) return "only root may mount";
  const folder = mkdtempSync(join(tmpdir(), "camgate-mount-"));
  try {
    execFileSync(tools.mount.file, ["-t", "tmpfs", "tmpfs", folder], { stdio: "pipe" });
    execFileSync(tools.umount.file, [folder]);
    return false;
  } catch {
    return "nothing can be mounted here";
  } finally {
    rmdirSync(folder);
  }
}

/** A disk of `sizeKib` for data. */
async function mountData(t: TestContext, sizeKib: number): Promise<string> {
  const data = await mkdtemp(join(tmpdir(), "camgate-data-"));
  execFileSync(tools.mount.file, ["-t", "tmpfs", "-o", `size=${sizeKib}k`, "tmpfs", data]);
  t.after(async () => {
    execFileSync(tools.umount.file, ["-l", data]); // who wrote there is killed later
    await rmdir(data);
  });
  return data;
}

test("a data directory that is read-only from the start: cameras are served, and the log says why there is no link", {
  skip: mosquittoMissing || smallDiskMissing,
}, async (t) => {
  const { start, noc: watch } = await siteOn(t);
  const data = await mountData(t, 256);
  execFileSync(tools.mount.file, ["-o", "remount,ro", data]);
  const camgate = await start("", data);
  await says(camgate, /there is no link: .*EROFS/);
  await serves(t, camgate);
  assert.deepEqual(watch.messages(), []);
});

test("a data directory that fills up under a gateway: born and asked all the same, privileged commands when there is room", {
  skip: mosquittoMissing || smallDiskMissing,
}, async (t) => {
  const { start, born, ask } = await siteOn(t);
  const data = await mountData(t, 512);
  const camgate = await start("", data);
  await born(1);
  assert.equal((await ask("rec.set", { cam: "cam", on: false })).st, "ok");
  const reader = await serves(t, camgate);
  await fill(join(data, "filler"));
  // Files may have some room in what they have.
  const refusals: string[] = [];
  for (let i = 0; i < 200 && refusals.length < 3; i++) {
    const { st, e } = await ask("rec.set", { cam: "cam", on: i % 2 === 0 });
    if (st !== "ok") refusals.push(`${st} ${e.c}`);
  }
  assert.deepEqual(refusals, ["rej E_IO", "rej E_IO", "rej E_IO"]);
  await rm(join(data, "filler"));
  assert.equal((await ask("rec.set", { cam: "cam", on: false })).st, "ok");
  await reader.noticesNothing("a full disk");
});

test("a data directory that is full at a start after others: born, asked, and cameras are served", {
  skip: mosquittoMissing || smallDiskMissing,
}, async (t) => {
  const { start, born, ask, broker, noc: watch } = await siteOn(t);
  const data = await mountData(t, 512);
  const first = await start("", data);
  await born(1);
  await first.process.kill();
  await fill(join(data, "filler"));
  const second = await start("", data);
  await born(2);
  await serves(t, second);
  const id = "01FULL";
  await broker.publish(`${ROOT}/dn/cmd`, JSON.stringify({ v: 1, id, op: "ping", exp: Date.now() + 600_000 }));
  await until("an answer", () => watch.messages().find(({ json }) => json?.id === id && json.st === "ok"), PATIENCE_MS);
  await rm(join(data, "filler"));
  assert.equal((await ask("rec.set", { cam: "cam", on: false })).st, "ok");
});

/** To the last page. */
async function fill(path: string): Promise<void> {
  for (const sizeBytes of [65_536, 4096]) {
    let isFull = false;
    for (let i = 0; i < 1000 && !isFull; i++) {
      isFull = await appendFile(path, Buffer.alloc(sizeBytes)).then(
        () => false,
        () => true,
      );
    }
    assert.ok(isFull);
  }
}
