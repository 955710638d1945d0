// The active side of DTLS against our own passive side and werift's, over a wire that loses, repeats, reorders and damages.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { DtlsServer as WeriftServer } from "werift";
import { deferred } from "#base/deferred.ts";
import { fuzzRandom, fuzzRounds, mutate, type Random } from "#testing/mutate.ts";
import { makeSelfSigned } from "#testing/self-signed.ts";
import { DtlsClient } from "./client.ts";
import type { DtlsOptions, SrtpKeys } from "./endpoint.ts";
import { makeIdentity } from "./identity.ts";
import { DtlsServer } from "./server.ts";

const clientIdentity = makeIdentity();
const serverIdentity = makeIdentity();
const fingerprintOf = (certificate: Buffer) => ({ algorithm: "sha-256", digest: createHash("sha256").update(certificate).digest() });

/** What the network does to a datagram: it comes so often, in this state. */
type Network = (datagram: Buffer) => readonly Buffer[];
const PERFECT: Network = (datagram) => [datagram];

interface Side {
  readonly connected: Promise<SrtpKeys>;
  readonly ended: Promise<string | undefined>;
}

function side(options: Pick<DtlsOptions, "identity" | "fingerprints" | "send">): Side & { readonly options: DtlsOptions } {
  const connected = deferred<SrtpKeys>();
  const ended = deferred<string | undefined>();
  return {
    connected: connected.promise,
    ended: ended.promise,
    options: { ...options, onConnected: connected.resolve, onEnd: ended.resolve },
  };
}

/** Our client and our server. */
function pair(toServer: Network = PERFECT, toClient: Network = PERFECT, fingerprints?: DtlsOptions["fingerprints"]) {
  const clientSide = side({
    identity: clientIdentity,
    fingerprints: fingerprints ?? [fingerprintOf(serverIdentity.certificate)],
    send: (datagram) => {
      for (const one of toServer(Buffer.from(datagram))) setImmediate(() => server.receive(one));
    },
  });
  const serverSide = side({
    identity: serverIdentity,
    fingerprints: [fingerprintOf(clientIdentity.certificate)],
    send: (datagram) => {
      for (const one of toClient(Buffer.from(datagram))) setImmediate(() => client.receive(one));
    },
  });
  const client: DtlsClient = new DtlsClient(clientSide.options);
  const server: DtlsServer = new DtlsServer(serverSide.options);
  const close = (): void => {
    client.close();
    server.close();
  };
  return { client, server, clientSide, serverSide, close };
}

function assertSameKeys(client: SrtpKeys, server: SrtpKeys): void {
  assert.deepEqual(client.local, server.remote);
  assert.deepEqual(client.remote, server.local);
}

test("both sides have the same keys, and a goodbye is heard", async () => {
  const { client, clientSide, serverSide, close } = pair();
  client.start();
  assertSameKeys(await clientSide.connected, await serverSide.connected);
  assert.equal(client.connected, true);
  client.close();
  assert.equal(await serverSide.ended, undefined);
  close();
});

test("a server's goodbye is heard", async () => {
  const { client, server, clientSide, close } = pair();
  client.start();
  await clientSide.connected;
  server.close();
  assert.equal(await clientSide.ended, undefined);
  assert.equal(client.connected, false);
  close();
});

for (const [how, network] of [
  [
    "every second datagram lost",
    (random: Random): Network =>
      (datagram) =>
        random(2) === 0 ? [] : [datagram],
  ],
  ["every datagram comes twice", (): Network => (datagram) => [datagram, datagram]],
  [
    "damaged copies come first",
    (random: Random): Network =>
      (datagram) => [mutate(datagram, random), datagram],
  ],
] as const) {
  test(`the handshake gets there: ${how}`, async () => {
    const random = fuzzRandom(how.length);
    // What anybody can damage in the clear may end the handshake of one attempt: that is DTLS. Records that do not parse never do.
    const isDamaging = how.startsWith("damaged");
    for (let attempt = 0; ; attempt++) {
      const { client, clientSide, serverSide, close } = pair(network(random), network(random));
      client.start();
      const outcome = await Promise.race([Promise.all([clientSide.connected, serverSide.connected]), clientSide.ended, serverSide.ended]);
      close();
      if (isDamaging && !Array.isArray(outcome) && attempt < 50) continue;
      assert.ok(Array.isArray(outcome), String(outcome));
      assertSameKeys(...(outcome as [SrtpKeys, SrtpKeys]));
      return;
    }
  });
}

test("datagrams of a flight in any order", async () => {
  const random = fuzzRandom(7);
  const shuffled = (): Network => {
    const held: Buffer[] = [];
    return (datagram) => {
      held.push(datagram);
      if (held.length < 2 && random(2) === 0) return [];
      return held.splice(0).reverse();
    };
  };
  const { client, clientSide, serverSide, close } = pair(shuffled(), shuffled());
  client.start();
  assertSameKeys(await clientSide.connected, await serverSide.connected);
  close();
});

test("a server with another certificate than the one of its answer", async () => {
  const { client, clientSide, close } = pair(PERFECT, PERFECT, [fingerprintOf(clientIdentity.certificate)]);
  client.start();
  assert.match((await clientSide.ended)!, /not the one of its answer/);
  close();
});

test("a server that does not own the certificate it shows", async () => {
  const { certificate } = serverIdentity;
  const thief = { ...makeIdentity(), certificate };
  const serverSide = side({ identity: thief, fingerprints: [], send: (datagram) => setImmediate(() => client.receive(datagram)) });
  const server = new DtlsServer(serverSide.options);
  const clientSide = side({
    identity: clientIdentity,
    fingerprints: [fingerprintOf(certificate)],
    send: (datagram) => setImmediate(() => server.receive(datagram)),
  });
  const client: DtlsClient = new DtlsClient(clientSide.options);
  client.start();
  assert.match((await clientSide.ended)!, /does not own its certificate/);
  server.close();
});

test("the handshake is refused where one byte of it was changed on the way", async () => {
  // The first byte of the client's random, seen by the server only.
  const { client, clientSide, serverSide, close } = pair((datagram) => {
    if (datagram[13] === 1) datagram[27]! ^= 1;
    return [datagram];
  });
  client.start();
  const fault = await Promise.race([clientSide.ended, serverSide.ended]);
  assert.match(fault!, /does not own its certificate|tampered/);
  close();
});

const rsa = makeSelfSigned({ rsa: true });

for (const [profile, name] of [
  [7, "SRTP_AEAD_AES_128_GCM"],
  [1, "SRTP_AES128_CM_HMAC_SHA1_80"],
] as const) {
  test(`werift's server with an RSA certificate: ${name}`, async () => {
    const certificate = rsa.cert.toString();
    const der = Buffer.from(certificate.replace(/-----[^-]+-----|\s/g, ""), "base64");
    const wire = {
      type: "udp",
      closed: false,
      address: { address: "127.0.0.1", family: "IPv4", port: 1 },
      onData: (_data: Buffer, _from: readonly [string, number]) => {},
      send: async (datagram: Buffer) => void setImmediate(() => client.receive(Buffer.from(datagram))),
      close: async () => {},
    };
    const server = new WeriftServer({
      cert: certificate,
      key: rsa.key.toString(),
      signatureHash: { hash: 4, signature: 1 } as never,
      srtpProfiles: [profile],
      extendedMasterSecret: true,
      certificateRequest: true,
      transport: wire as never,
    });
    const clientSide = side({
      identity: clientIdentity,
      fingerprints: [fingerprintOf(der)],
      send: (datagram) => setImmediate(() => wire.onData(Buffer.from(datagram), ["127.0.0.1", 1])),
    });
    const client: DtlsClient = new DtlsClient(clientSide.options);
    const serverConnected = deferred<void>();
    server.onConnect.once(() => serverConnected.resolve());
    client.start();
    const keys = await clientSide.connected;
    await serverConnected.promise;
    const theirs = server.extractSessionKeys(16, profile === 7 ? 12 : 14);
    assert.equal(keys.local.profile.name, name);
    assert.deepEqual([keys.local.masterKey, keys.local.masterSalt], [theirs.remoteKey, theirs.remoteSalt]);
    assert.deepEqual([keys.remote.masterKey, keys.remote.masterSalt], [theirs.localKey, theirs.localSalt]);
    client.close();
  });
}

test("damaged datagrams of a server: nothing throws, hangs or grows, at any step of the handshake", async () => {
  const random = fuzzRandom(9);
  const recorded: Buffer[] = [];
  const { client, clientSide, close } = pair(PERFECT, (datagram) => {
    recorded.push(datagram);
    return [datagram];
  });
  client.start();
  await clientSide.connected;
  close();
  for (let round = fuzzRounds(300); round > 0; round--) {
    const sent: Buffer[] = [];
    const victim = new DtlsClient({
      identity: clientIdentity,
      fingerprints: [fingerprintOf(serverIdentity.certificate)],
      send: (datagram) => sent.push(datagram),
      onConnected: () => assert.fail("connected to damage"),
      onEnd: () => {},
    });
    victim.start();
    for (const datagram of recorded) victim.receive(random(3) === 0 ? datagram : mutate(datagram, random));
    victim.close();
    assert.ok(sent.length <= 2 + recorded.length, `${sent.length} datagrams`);
  }
});
