// A gateway that booted in 1970 (libfaketime), and Debian's mosquitto with TLS: it comes in, is told the time, and believes nobody who is not to be believed.
import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { signJws } from "#fleet/jws.ts";
import { freeTcpPort } from "#testing/free-ports.ts";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { nocRun } from "#testing/noc-run.ts";
import { startCamgate } from "#testing/peers/camgate.ts";
import { fakeWallClock, findFaketime } from "#testing/peers/faketime.ts";
import { mosquittoMissing, startMosquitto } from "#testing/peers/mosquitto.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { makeSelfSigned, type SelfSignedOptions } from "#testing/self-signed.ts";

const ROOT = "cg/v1/acme/gw-0001";
const WAIT_MS = 60_000;
const faketime = findFaketime();
const skip = mosquittoMissing || faketime.missing;

/** Gateways come with TLS, the test without. */
async function siteIn1970(t: TestContext, shown: SelfSignedOptions) {
  const folder = await temporaryFolder(t);
  const authority = makeSelfSigned({ name: "NOC CA", isAuthority: true });
  const pair = makeSelfSigned({ name: "broker", issuer: authority, ...shown });
  for (const [name, bytes] of Object.entries({ "ca.pem": authority.cert, "broker.crt": pair.cert, "broker.key": pair.key }))
    await writeFile(join(folder, name), bytes);
  const clientPort = await freeTcpPort(0);
  const broker = await startMosquitto(t, {
    clientPort,
    config: `allow_anonymous true\ncertfile ${folder}/broker.crt\nkeyfile ${folder}/broker.key\nlistener ${clientPort} 127.0.0.1`,
  });
  const noc = join(folder, "noc");
  const env = { CAMGATE_NOC_BROKER: `mqtt://127.0.0.1:${clientPort}`, CAMGATE_NOC_TENANT: "acme", CAMGATE_NOC_DIRECTORY: noc };
  const run = (...words: readonly string[]) => nocRun(env, ...words);
  assert.equal((await run("keys", "make", "noc-a")).code, 0);
  const wire = await broker.subscribe(`${ROOT}/up/#`);
  const clock = await fakeWallClock(t, faketime, Math.round(1000 - Date.now() / 1000));
  const config =
    `mqtt:\n  urls: [mqtts://localhost:${broker.port}]\n  tenant: acme\n  gatewayId: gw-0001\n  commands: signed\n  telemetryInterval: 1s\n` +
    `  commandKeys: ['${join(noc, "command-keys.json")}']\n  ca: ${folder}/ca.pem\npaths: {}\n`;
  const camgate = await startCamgate(t, { config, env: clock.env });
  const privateKey = createPrivateKey(await readFile(join(noc, "noc-a.key")));
  const tell = (payload: string, words: readonly string[] = []) => broker.publish(`${ROOT}/dn/time`, payload, ["-q", "0", ...words]);
  const sign = (fields: object, key: KeyObject = privateKey): string =>
    signJws(JSON.stringify({ v: 1, ts: Date.now(), ctr: 1, aud: "acme/gw-0001", ...fields }), "noc-a", key);
  const told = (what: string, fits: (telemetry: { tq: string; ts: number; mq: { hints: number; hints_refused: number } }) => boolean) =>
    until(
      what,
      () => wire.messages().find(({ topic, json }) => topic === `${ROOT}/up/tel` && json?.mq !== undefined && fits(json)),
      WAIT_MS,
    );
  return { wire, run, camgate, tell, sign, told };
}

test("it comes in, and takes the time from whoever signs, once, and from nobody else", { skip }, async (t) => {
  const { wire, run, tell, sign, told } = await siteIn1970(t, {});
  const birth = await until("its birth", () => wire.messages().find(({ json }) => json?.online === true), WAIT_MS);
  assert.equal(birth.json.tq, "none");
  const stranger = generateKeyPairSync("ed25519").privateKey;
  let refused = 0;
  const hints: readonly (readonly [what: string, payload: string, words?: readonly string[]])[] = [
    ["unsigned", JSON.stringify({ v: 1, ts: Date.now(), ctr: 1, aud: "acme/gw-0001" })],
    ["signed by a stranger", sign({}, stranger)],
    ["for another gateway", sign({ aud: "acme/gw-0002" })],
    ["before this version was made", sign({ ts: Date.UTC(2025, 0, 1) })],
    ["no time", sign({ ts: "noon" })],
    ["too large", `${"x".repeat(5000)}.a.b`],
    ["retained", sign({}), ["-r"]],
  ];
  for (const [what, payload, words] of hints) {
    await tell(payload, words);
    refused++;
    await told(`one that is ${what} is counted`, ({ mq }) => mq.hints_refused === refused && mq.hints === 0);
  }
  assert.ok(wire.messages().every(({ json }) => json?.tq === undefined || json.tq === "none"));

  assert.deepEqual(await run("time", "gw-0001"), { code: 0, text: "gw-0001: told" });
  const { json } = await told("the time", ({ tq }) => tq === "hint");
  assert.ok(Math.abs(json.ts - Date.now()) < 60_000, String(json.ts));
  assert.equal(json.mq.hints, 1);
  assert.deepEqual(contractFaults("up-tel", json), []);
  // The number was used; and what is signed for later is checked by the time from now on.
  await tell(sign({ ts: Date.now() + 3_600_000, ctr: 1 }));
  await tell(sign({ ts: Date.now() - 3_600_000, ctr: 5 }));
  await told("both are counted", ({ mq }) => mq.hints_refused === refused + 2 && mq.hints === 1);
});

test("a broker whose certificate turns out to have run out is left once the time is known", { skip }, async (t) => {
  const yesterday = new Date(Date.now() - 86_400_000);
  const { wire, camgate, run } = await siteIn1970(t, { notAfter: yesterday });
  await until("its birth", () => wire.messages().find(({ json }) => json?.online === true), WAIT_MS);
  assert.equal((await run("time", "gw-0001")).code, 0);
  await camgate.process.match(/is lost: TLS: now that the time is known: a certificate has expired/);
  await camgate.process.match(/no connection to mqtts:.*: TLS: a certificate has expired/);
});

test("a broker that no authority of ours vouches for stays out, whatever the clock says", { skip }, async (t) => {
  const { wire, camgate } = await siteIn1970(t, { issuer: makeSelfSigned({ name: "NOC CA", isAuthority: true }) });
  await camgate.process.match(/no connection to mqtts:.*: TLS: no authority of mqtt\.ca vouches/);
  assert.deepEqual(wire.messages(), []);
});
