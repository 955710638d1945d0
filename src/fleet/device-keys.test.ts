import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { test } from "node:test";
import { FaultFs } from "#testing/fault-fs.ts";
import { type DeviceKeys, openDeviceKeys, publicText } from "./device-keys.ts";

const DIRECTORY = "/data/fleet";

function texts({ identity, sealing }: DeviceKeys): string {
  return `${publicText(identity)} ${publicText(sealing)}`;
}

async function put(fs: FaultFs, name: string, text: string): Promise<void> {
  await fs.makeFolder(DIRECTORY);
  const file = await fs.open(`${DIRECTORY}/${name}`, "create");
  await file.write([Buffer.from(text)], 0);
  await file.close();
}

test("made where there are none, the same ever after", async () => {
  const fs = new FaultFs();
  const keys = await openDeviceKeys(fs, DIRECTORY);
  assert.deepEqual([keys.identity.asymmetricKeyType, keys.sealing.asymmetricKeyType], ["ed25519", "x25519"]);
  assert.equal(texts(await openDeviceKeys(fs, DIRECTORY)), texts(keys));
  const signature = sign(null, Buffer.from("x"), (await openDeviceKeys(fs, DIRECTORY)).identity);
  assert.ok(verify(null, Buffer.from("x"), createPublicKey(keys.identity), signature));
  assert.notEqual(texts(await openDeviceKeys(new FaultFs(), DIRECTORY)), texts(keys));
});

test("nobody but the owner may read what is made", async () => {
  const fs = new FaultFs();
  await openDeviceKeys(fs, DIRECTORY);
  for (const name of ["identity.key", "sealing.key"])
    assert.match(
      fs.bytesOf(`${DIRECTORY}/${name}`)!.toString("latin1"),
      /^-----BEGIN PRIVATE KEY-----\n[\s\S]+-----END PRIVATE KEY-----\n$/,
    );
  const made: string[] = [];
  const watched = new Proxy(new FaultFs(), {
    get: (target, name) => {
      if (name === "open") {
        return (path: string, mode: "read" | "create-private") => {
          if (mode !== "read") made.push(mode);
          return target.open(path, mode);
        };
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  await openDeviceKeys(watched, DIRECTORY);
  assert.deepEqual(made, ["create-private", "create-private"]);
});

test("public keys as a JWK has them", () => {
  for (const { publicKey, privateKey } of [generateKeyPairSync("ed25519"), generateKeyPairSync("x25519")]) {
    assert.equal(publicText(privateKey), publicKey.export({ format: "jwk" }).x);
    assert.match(publicText(privateKey), /^[A-Za-z0-9_-]{43}$/);
  }
});

test("a key that is there and is none is no reason to be another gateway", async () => {
  const other = generateKeyPairSync("x25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  for (const [text, words] of [
    ["", /identity\.key: /],
    ["-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", /identity\.key: /],
    [other, /identity\.key: has to be a ed25519 key/],
    ["x".repeat(5000), /identity\.key: it is larger than 4096 bytes/],
  ] as const) {
    const fs = new FaultFs();
    await put(fs, "identity.key", text);
    await assert.rejects(openDeviceKeys(fs, DIRECTORY), words);
    assert.equal(fs.bytesOf(`${DIRECTORY}/identity.key`)?.toString(), text, "it is left as it is");
  }
});

test("a medium that fails gives no key: neither a new one in memory, nor one in place of the old", async () => {
  for (const fault of ["EIO", "ENOSPC", "EROFS"] as const) {
    for (let n = 1; ; n++) {
      const fs = new FaultFs();
      fs.failAt(n, fault);
      const first = await openDeviceKeys(fs, DIRECTORY).catch(() => undefined);
      if (fs.history.every(({ error }) => error === undefined)) break;
      const second = await openDeviceKeys(fs, DIRECTORY);
      if (first !== undefined) assert.equal(texts(second), texts(first), `${fault} at call ${n}`);
    }
  }
});

test("a power cut at any call: keys that were handed out are those of the next start", async () => {
  for (let n = 1; ; n++) {
    const fs = new FaultFs();
    fs.failAt(n, "crash");
    const keys = await openDeviceKeys(fs, DIRECTORY).catch(() => undefined);
    const wasCut = fs.isDead;
    const after = await openDeviceKeys(fs.crash(n), DIRECTORY);
    if (keys !== undefined) assert.equal(texts(after), texts(keys), `after call ${n}`);
    if (!wasCut) return;
  }
});
