import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { DtlsClient, RTCDtlsTransport } from "werift";
import { deferred } from "#base/deferred.ts";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import type { DtlsOptions, SrtpKeys } from "./endpoint.ts";
import { makeIdentity } from "./identity.ts";
import { DtlsServer } from "./server.ts";

const identity = makeIdentity();
const certificate = await RTCDtlsTransport.SetupCertificate();
const certificateDer = Buffer.from(certificate.certPem.replace(/-----[^-]+-----|\s/g, ""), "base64");
const fingerprints = [{ algorithm: "sha-256", digest: createHash("sha256").update(certificateDer).digest() }];

type Client = DtlsClient & { readonly wire: { onData(data: Buffer, from: readonly [string, number]): void } };

/** werift's client on a wire without a network. `fromClient` and `fromServer` see each datagram, and may leave it out or change it. */
function setUp(
  options: {
    profiles?: (1 | 7)[];
    clientKey?: string;
    fingerprints?: DtlsOptions["fingerprints"];
    fromClient?: (datagram: Buffer) => readonly Buffer[];
    fromServer?: (datagram: Buffer) => readonly Buffer[];
  } = {},
) {
  const { fromClient = (one) => [one], fromServer = (one) => [one] } = options;
  const connected = deferred<SrtpKeys>();
  const ended = deferred<string | undefined>();
  const wire = {
    type: "udp",
    closed: false,
    address: { address: "127.0.0.1", family: "IPv4", port: 1 },
    onData: (_data: Buffer, _from: readonly [string, number]) => {},
    send: async (datagram: Buffer) => {
      setImmediate(() => {
        for (const one of fromClient(Buffer.from(datagram))) server.receive(one);
      });
    },
    close: async () => {},
  };
  const server = new DtlsServer({
    identity,
    fingerprints: options.fingerprints ?? fingerprints,
    send: (datagram) => {
      setImmediate(() => {
        for (const one of fromServer(Buffer.from(datagram))) wire.onData(one, ["127.0.0.1", 1]);
      });
    },
    onConnected: connected.resolve,
    onEnd: ended.resolve,
  });
  const client = new DtlsClient({
    cert: certificate.certPem,
    key: options.clientKey ?? certificate.privateKey,
    signatureHash: certificate.signatureHash,
    srtpProfiles: options.profiles ?? [7, 1],
    extendedMasterSecret: true,
    transport: wire as never,
  }) as Client;
  return { server, client, wire, connected: connected.promise, ended: ended.promise };
}

for (const [profile, name, keyBytes, saltBytes] of [
  [7, "SRTP_AEAD_AES_128_GCM", 16, 12],
  [1, "SRTP_AES128_CM_HMAC_SHA1_80", 16, 14],
] as const) {
  test(`both sides have the same keys: ${name}`, async () => {
    const { server, client, connected } = setUp({ profiles: [profile] });
    const clientConnected = deferred<void>();
    client.onConnect.once(() => clientConnected.resolve());
    void client.connect();
    const keys = await connected;
    await clientConnected.promise;
    const theirs = client.extractSessionKeys(keyBytes, saltBytes);
    assert.equal(keys.local.profile.name, name);
    assert.deepEqual([keys.local.masterKey, keys.local.masterSalt], [theirs.remoteKey, theirs.remoteSalt]);
    assert.deepEqual([keys.remote.masterKey, keys.remote.masterSalt], [theirs.localKey, theirs.localSalt]);
    server.close();
  });
}

/** Leaves out the datagrams with these numbers. */
function without(...numbers: readonly number[]): (datagram: Buffer) => readonly Buffer[] {
  let count = 0;
  return (datagram) => (numbers.includes(count++) ? [] : [datagram]);
}

for (const [lost, faults] of [
  ["the cookie", { fromServer: without(0) }],
  ["the server's certificate", { fromServer: without(1) }],
  ["the server's last word", { fromServer: without(2) }],
  ["the second hello", { fromClient: without(1) }],
  ["what the client says last", { fromClient: without(2) }],
] as const) {
  test(`a datagram is lost: ${lost}`, async () => {
    const { server, client, connected } = setUp(faults);
    const clientConnected = deferred<void>();
    client.onConnect.once(() => clientConnected.resolve());
    void client.connect();
    await connected;
    await clientConnected.promise;
    server.close();
  });
}

test("every datagram comes twice, after garbage", async () => {
  const random = fuzzRandom(3);
  const garbage = (datagram: Buffer): readonly Buffer[] => [datagram.subarray(0, 20), Buffer.alloc(0), datagram, Buffer.from(datagram)];
  const { server, client, connected } = setUp({ fromClient: (one) => [mutate(one, random).subarray(0, 12), ...garbage(one)] });
  void client.connect();
  await connected;
  server.close();
});

test("a certificate that is not the one of the offer", async () => {
  const { client, ended } = setUp({ fingerprints: [{ algorithm: "sha-256", digest: Buffer.alloc(32) }] });
  void client.connect();
  assert.match((await ended)!, /not the one of its offer/);
});

test("a client that shows another's certificate", async () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { client, ended } = setUp({ clientKey: privateKey.export({ format: "pem", type: "pkcs8" }).toString() });
  void client.connect();
  assert.equal(await ended, "the client does not own its certificate");
});

test("a handshake that somebody changes on the way", async () => {
  // The client's SRTP profiles stand in both of its hellos: the cookie makes it repeat them.
  const profiles = Buffer.from("000e000700040007000100", "hex");
  const weakened = Buffer.from("000e000700040001000100", "hex");
  const { client, ended } = setUp({
    fromClient: (datagram) => {
      const at = datagram.indexOf(profiles);
      if (at >= 0) weakened.copy(datagram, at);
      return [datagram];
    },
  });
  void client.connect();
  // What the client signs is not what the server heard.
  assert.equal(await ended, "the client does not own its certificate");
});

test("damaged datagrams of a client: nothing throws, hangs or grows, at any step of the handshake", async () => {
  const recorded: Buffer[] = [];
  const { server, client, connected } = setUp({
    fromClient: (datagram) => {
      recorded.push(Buffer.from(datagram));
      return [datagram];
    },
  });
  void client.connect();
  await connected;
  server.close();
  const random = fuzzRandom(4);
  let answers = 0;
  for (let round = fuzzRounds(300); round > 0; round--) {
    const victim = new DtlsServer({ identity, fingerprints, send: () => answers++, onConnected: () => {}, onEnd: () => {} });
    for (const datagram of recorded) victim.receive(random(3) === 0 ? datagram : mutate(datagram, random));
    victim.close();
  }
  assert.ok(answers > 100, String(answers));
});
