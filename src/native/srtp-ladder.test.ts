// Which rung is taken, and what becomes of it where OpenSSL fails or lies. That both rungs give the same bytes: protocols/webrtc/native-srtp.test.ts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadOpenSsl, type OpenSsl } from "./openssl.ts";
import { findSrtpLadder } from "./srtp-ladder.ts";

const openSsl = await loadOpenSsl();
const skip = typeof openSsl === "string" && openSsl;

const GCM = { profile: { aead: true }, cipherKey: Buffer.alloc(16, 1), authKey: Buffer.alloc(0) };
const COUNTER_MODE = { profile: { aead: false }, cipherKey: Buffer.alloc(16, 1), authKey: Buffer.alloc(20, 2) };

/** The machine's own, with some functions replaced. */
function faulty(calls: Partial<OpenSsl>): () => Promise<OpenSsl> {
  return async () => ({ ...(openSsl as OpenSsl), ...calls });
}

test("without the library it is node:crypto, and the reason is told", async () => {
  const { status, makeCipher } = await findSrtpLadder(undefined, async () => "koffi is not installed");
  assert.deepEqual(status, { rung: "node:crypto", reason: "koffi is not installed" });
  assert.equal(makeCipher, undefined);
});

test("off does not even load the library", async () => {
  const { status } = await findSrtpLadder("off", () => assert.fail("loaded"));
  assert.deepEqual(status, { rung: "node:crypto", reason: "CAMGATE_NATIVE=off" });
});

test("the other rungs of UDP do not matter here", { skip }, async () => {
  for (const wanted of [undefined, "gso", "sendmmsg"]) assert.deepEqual((await findSrtpLadder(wanted)).status, { rung: "openssl" });
});

test("an OpenSSL that gives other results, or none, is not used", { skip }, async () => {
  const real = openSsl as OpenSsl;
  const faults: Partial<OpenSsl>[] = [
    { newCipher: () => 0 },
    { newHmac: () => 0 },
    { encryptInit: () => 0 },
    { encryptUpdate: () => 0 },
    { encryptUpdate: () => 1 }, // says it did
    { encryptFinal: () => 0 },
    { controlCipher: () => 0 },
    { decryptInit: () => 0 },
    { decryptUpdate: () => 0 },
    { decryptFinal: () => 1 }, // takes anything for authentic
    { decryptFinal: () => 0 },
    { hmacInit: () => 0 },
    { hmacUpdate: () => 0 },
    { hmacFinal: () => 1 },
    { aes128Ctr: real.aes128Gcm },
  ];
  for (const fault of faults) {
    const { status, makeCipher } = await findSrtpLadder(undefined, faulty(fault));
    assert.deepEqual(status, { rung: "node:crypto", reason: "OpenSSL gives other results than it should" }, Object.keys(fault)[0]);
    assert.equal(makeCipher, undefined);
  }
});

test("contexts are freed once, and a closed cipher does nothing", { skip }, async () => {
  const real = openSsl as OpenSsl;
  const open = new Set<number>();
  const kept = (context: number): number => {
    open.add(context);
    return context;
  };
  const { makeCipher } = await findSrtpLadder(
    undefined,
    faulty({
      newCipher: () => kept(real.newCipher()),
      newHmac: () => kept(real.newHmac()),
      freeCipher: (context) => {
        assert.ok(open.delete(context));
        real.freeCipher(context);
      },
      freeHmac: (context) => {
        assert.ok(open.delete(context));
        real.freeHmac(context);
      },
    }),
  );
  assert.equal(open.size, 0, "those that were tried");
  for (const [keys, nonceBytes] of [
    [GCM, 12],
    [COUNTER_MODE, 16],
  ] as const) {
    const cipher = makeCipher!(keys, Buffer.alloc(nonceBytes));
    assert.equal(open.size, 2);
    cipher.close();
    cipher.close();
    assert.equal(open.size, 0);
    const packet = Buffer.alloc(100);
    assert.equal(cipher.seal(packet, 0, packet, 0, 12, 50, 0), false);
    assert.equal(cipher.open(packet, 0, 66, 12, 0), false);
  }
});

test("where contexts run out, nothing is sealed or opened", { skip }, async () => {
  let left = 4;
  const real = openSsl as OpenSsl;
  const { makeCipher } = await findSrtpLadder(undefined, faulty({ newCipher: () => (left-- > 0 ? real.newCipher() : 0) }));
  left = 1;
  const packet = Buffer.alloc(100);
  assert.equal(makeCipher!(GCM, Buffer.alloc(12)).seal(packet, 0, packet, 0, 12, 50, 0), false);
  assert.equal(makeCipher!(COUNTER_MODE, Buffer.alloc(16)).open(packet, 0, 66, 12, 0), false);
});
