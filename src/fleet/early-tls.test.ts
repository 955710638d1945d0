// Whom the gateway takes for its broker while its clock is wrong: dates aside, whoever it takes otherwise, and nobody else.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { TlsOptions } from "node:tls";
import { makeSelfSigned, type SelfSigned, type SelfSignedOptions } from "#testing/self-signed.ts";
import { tlsBroker } from "#testing/tls-broker.ts";
import type { ConnectionLoss } from "./connection-loss.ts";
import type { EarlyTime } from "./early-tls.ts";
import { type Connection, connectMqtt, type TlsFiles } from "./mqtt-connection.ts";

const BUILT_MS = Date.UTC(2026, 0, 1);
const utc = (year: number): Date => new Date(Date.UTC(year, 5, 1));
const authority = makeSelfSigned({ name: "NOC CA", isAuthority: true, notBefore: utc(2024), notAfter: utc(2060) });
const stranger = makeSelfSigned({ name: "NOC CA", isAuthority: true, notBefore: utc(2024), notAfter: utc(2060) });
const shownBy = (options: SelfSignedOptions = {}): SelfSigned =>
  makeSelfSigned({ name: "broker", issuer: authority, notBefore: utc(2040), notAfter: utc(2050), ...options });
/** From 2040 to 2050: to the clock of the machine that runs this test, it is of the future. */
const good = shownBy();
const unknown: EarlyTime = { nowMs: undefined, leastMs: BUILT_MS };

function connect(
  t: TestContext,
  port: number,
  time: EarlyTime | undefined,
  tls: TlsFiles = { ca: authority.cert },
  place = "mqtts://127.0.0.1",
): Promise<Connection> {
  const options = {
    url: `${place}:${port}`,
    version: 5,
    clientId: "gw-0001",
    tls,
    keepaliveSeconds: 60,
    timeoutMs: 20_000,
  } as const;
  return connectMqtt({ ...options, password: "secret", username: "gw", onMessage: async () => {}, ...(time && { time }) }, t.signal);
}

for (const scheme of ["mqtts", "wss"] as const)
  test(`${scheme}: a certificate of the future is taken while the time is unknown, by address and by name, and not otherwise`, async (t) => {
    const { port } = await tlsBroker(t, good, {}, scheme === "wss");
    for (const host of ["127.0.0.1", "localhost"]) {
      const connection = await connect(t, port, unknown, undefined, `${scheme}://${host}`);
      assert.equal(connection.datesFault?.(utc(2045).getTime()), undefined);
      assert.match(connection.datesFault?.(utc(2039).getTime()) ?? "", /not yet valid/);
      assert.match(connection.datesFault?.(utc(2051).getTime()) ?? "", /expired/);
      await connection.close();
    }
    await assert.rejects(connect(t, port, undefined, undefined, `${scheme}://127.0.0.1`), /not yet valid/);
  });

test("with a time of its own the gateway checks dates by that", async (t) => {
  const { port } = await tlsBroker(t, good);
  await (await connect(t, port, { nowMs: utc(2045).getTime(), leastMs: BUILT_MS })).close();
  for (const [year, words] of [
    [2039, /not yet valid/],
    [2051, /expired/],
  ] as const)
    await assert.rejects(connect(t, port, { nowMs: utc(year).getTime(), leastMs: BUILT_MS }), words);
});

const refused: readonly [name: string, shown: SelfSigned, words: RegExp, more?: TlsOptions][] = [
  ["expired before this version was made", shownBy({ notBefore: utc(2020), notAfter: utc(2025) }), /expired/],
  ["that ends before it begins", shownBy({ notBefore: utc(2050), notAfter: utc(2040) }), /holds at no time/],
  ["for another host", shownBy({ hosts: ["noc.example"] }), /IP|altnames/],
  ["with the host as its common name alone", shownBy({ name: "127.0.0.1", hosts: ["x"] }), /IP|altnames/],
  ["of another authority with the same name", shownBy({ issuer: stranger }), /no authority of mqtt\.ca vouches/],
  ["self-signed", makeSelfSigned({ name: "broker" }), /no authority of mqtt\.ca vouches/],
  ["signed by one that is no authority", shownBy({ issuer: good }), /no authority of mqtt\.ca vouches/],
  ["TLS 1.1", good, /TLS|SSL|protocol|alert|version/i, { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }],
];
for (const [name, shown, words, more] of refused)
  test(`refused, and told nothing: ${name}`, async (t) => {
    for (const scheme of ["mqtts", "wss"] as const) {
      const { port, received } = await tlsBroker(t, shown, more, scheme === "wss");
      const loss = await connect(t, port, unknown, undefined, `${scheme}://127.0.0.1`).then(
        () => assert.fail("it was taken for the broker"),
        (error: ConnectionLoss) => error,
      );
      assert.match(loss.message, words);
      assert.equal(loss.why, "auth");
      assert.deepEqual(received, []);
    }
  });

test("without authorities in the config nothing is relaxed", async (t) => {
  const { port, received } = await tlsBroker(t, good);
  await assert.rejects(connect(t, port, unknown, {}), /TLS: /);
  assert.deepEqual(received, []);
});

test("what an authority in between has signed is taken with it, and nobody's that is none", async (t) => {
  const between = makeSelfSigned({ name: "sub", isAuthority: true, issuer: authority, notBefore: utc(2040), notAfter: utc(2050) });
  const leaf = shownBy({ issuer: between });
  const whole = await tlsBroker(t, { ...leaf, cert: Buffer.concat([leaf.cert, between.cert]) });
  await (await connect(t, whole.port, unknown)).close();
  const alone = await tlsBroker(t, leaf);
  await assert.rejects(connect(t, alone.port, unknown), /vouches/);
  const another = await tlsBroker(t, shownBy({ issuer: good }));
  const named = { ca: Buffer.concat([authority.cert, good.cert]) };
  await assert.rejects(connect(t, another.port, unknown, named), /vouches/, "another broker that mqtt.ca names is no authority");
});

test("what comes in place of a broker ends the attempt, and so does whoever waits", async (t) => {
  const { port, sockets } = await tlsBroker(t, good);
  const stop = new AbortController();
  stop.abort();
  const options = {
    url: `mqtts://127.0.0.1:${port}`,
    version: 5,
    clientId: "g",
    tls: { ca: authority.cert },
    keepaliveSeconds: 60,
    timeoutMs: 20_000,
  } as const;
  await assert.rejects(connectMqtt({ ...options, time: unknown, onMessage: async () => {} }, stop.signal), /closed/);
  assert.equal(sockets.size, 0, "one that was closed before connects to nobody");
  await assert.rejects(connect(t, 1, unknown), /nothing listens|does not answer/);
  await assert.rejects(connect(t, port, unknown, { ca: authority.cert, cert: Buffer.from("x"), key: Buffer.from("y") }));
});
