// Whom the gateway takes for its broker, over TLS and over WebSocket in TLS: the matrix of what a stranger could show.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { TlsOptions } from "node:tls";
import { makeSelfSigned, type SelfSigned } from "#testing/self-signed.ts";
import { tlsBroker } from "#testing/tls-broker.ts";
import type { ConnectionLoss } from "./connection-loss.ts";
import { type ConnectionOptions, connectMqtt, type TlsFiles } from "./mqtt-connection.ts";

const authority = makeSelfSigned({ name: "NOC CA", isAuthority: true });
const successor = makeSelfSigned({ name: "NOC CA 2", isAuthority: true });
const stranger = makeSelfSigned({ name: "NOC CA", isAuthority: true });
const good = makeSelfSigned({ name: "broker", issuer: authority });
const device = makeSelfSigned({ name: "gw-0001", issuer: authority });
const day = (days: number): Date => new Date(Date.now() + days * 86_400_000);

function connect(t: TestContext, url: string, tls: TlsFiles, more: Partial<ConnectionOptions> = {}) {
  const options = { url, version: 5, clientId: "gw-0001", tls, keepaliveSeconds: 60, timeoutMs: 20_000 } as const;
  const will = { topic: "x", payload: "{}", delaySeconds: 30 };
  return connectMqtt({ ...options, will, onMessage: async () => {}, ...more }, t.signal);
}

const files: TlsFiles = { ca: authority.cert, cert: device.cert, key: device.key };

const refused: readonly [name: string, shown: SelfSigned, loss: RegExp, more?: TlsOptions][] = [
  ["expired", makeSelfSigned({ name: "broker", issuer: authority, notAfter: day(-1) }), /expired/],
  ["not valid yet", makeSelfSigned({ name: "broker", issuer: authority, notBefore: day(1) }), /not yet valid/],
  ["for another host", makeSelfSigned({ name: "broker", issuer: authority, hosts: ["noc.example", "192.0.2.1"] }), /IP|altnames|Host/],
  [
    "for nobody, with the host as its common name",
    makeSelfSigned({ name: "127.0.0.1", issuer: authority, hosts: ["x"] }),
    /IP|altnames|Host/,
  ],
  ["of another authority with the same name", makeSelfSigned({ name: "broker", issuer: stranger }), /signature|verify|local issuer/],
  ["self-signed", makeSelfSigned({ name: "broker" }), /self.signed/],
  ["of an authority that is none", makeSelfSigned({ name: "sub", issuer: good }), /issuer|verify|CA/],
  ["TLS 1.1", good, /TLS|SSL|protocol|alert|version/i, { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }],
];
for (const scheme of ["mqtts", "wss"] as const) {
  for (const [name, shown, text, more] of refused) {
    test(`${scheme}: refused: ${name}`, async (t) => {
      const { port } = await tlsBroker(t, shown, more, scheme === "wss");
      const loss = await connect(t, `${scheme}://127.0.0.1:${port}`, files).then(
        () => assert.fail("it was taken for the broker"),
        (error: ConnectionLoss) => error,
      );
      assert.match(loss.message, text);
      assert.equal(loss.why, "auth");
    });
  }

  test(`${scheme}: taken: by name and by address, with our own certificate where it is asked for`, async (t) => {
    const { port } = await tlsBroker(t, good, { ca: authority.cert, requestCert: true, rejectUnauthorized: true }, scheme === "wss");
    for (const host of ["127.0.0.1", "localhost"]) await (await connect(t, `${scheme}://${host}:${port}`, files)).close();
    const loss = await connect(t, `${scheme}://127.0.0.1:${port}`, { ca: authority.cert }).catch((error: ConnectionLoss) => error);
    assert.ok(loss instanceof Error, "it came in without a certificate");
    assert.match(loss.message, /certificate required|bad certificate|alert|closed|reset/i);
  });

  test(`${scheme}: the authority changes: both are in the file, then the new one alone`, async (t) => {
    const url = (port: number): string => `${scheme}://127.0.0.1:${port}`;
    const { port: before } = await tlsBroker(t, good, {}, scheme === "wss");
    const { port: after } = await tlsBroker(t, makeSelfSigned({ name: "broker", issuer: successor }), {}, scheme === "wss");
    const both = { ca: Buffer.concat([authority.cert, successor.cert]) };
    for (const port of [before, after]) await (await connect(t, url(port), both)).close();
    await (await connect(t, url(after), { ca: successor.cert })).close();
    await assert.rejects(connect(t, url(before), { ca: successor.cert }));
  });

  test(`${scheme}: without a file of authorities the system's vouch`, async (t) => {
    const { port } = await tlsBroker(t, good, {}, scheme === "wss");
    await assert.rejects(connect(t, `${scheme}://127.0.0.1:${port}`, {}), /TLS: (unable to (verify|get)|self.signed)/);
  });
}

test("a session of TLS is taken up again", async (t) => {
  const { port } = await tlsBroker(t, good, { maxVersion: "TLSv1.2" });
  const sessions: Buffer[] = [];
  const onTlsSession = (session: Buffer): void => void sessions.push(session);
  const first = await connect(t, `mqtts://127.0.0.1:${port}`, files, { onTlsSession });
  await first.close();
  assert.ok(sessions.length > 0);
  const second = await connect(t, `mqtts://127.0.0.1:${port}`, files, { onTlsSession, tlsSession: sessions.at(-1)! });
  await second.close();
});

test("files that are no certificates say so", async (t) => {
  const { port } = await tlsBroker(t, good);
  for (const tls of [{ ca: Buffer.from("x") }, { cert: Buffer.from("x"), key: Buffer.from("y") }, { cert: device.cert, key: good.key }]) {
    const loss = await connect(t, `mqtts://127.0.0.1:${port}`, { ca: authority.cert, ...tls }).catch((error: ConnectionLoss) => error);
    assert.ok(loss instanceof Error);
    assert.equal((loss as ConnectionLoss).why, "auth", loss.message);
  }
});
