import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { DtlsClient, RTCDtlsTransport } from "werift";
import { deferred } from "#base/deferred.ts";
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
    key: certificate.privateKey,
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
