// A config that cuts a gateway off from its broker, sent over that broker: the gateway undoes it by itself, also when it is killed anywhere on the way.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { canonicalJson, hashOf } from "#fleet/desired-document.ts";
import { freeTcpPort } from "#testing/free-ports.ts";
import { type Camgate, startCamgate } from "#testing/peers/camgate.ts";
import { mosquittoMissing, type Subscription, startMosquitto } from "#testing/peers/mosquitto.ts";
import { until } from "#testing/peers/until.ts";

const ROOT = "cg/v1/acme/gw-0001";
const PATIENCE_MS = 60_000;
const [GOOD, BAD] = [5, 7];

interface Site {
  readonly noc: Subscription;
  readonly camgate: Camgate;
  readonly config: string;
  /** Sends the one that leads to no broker; the broker keeps it. */
  cutOff(urls?: readonly string[]): Promise<void>;
  ping(id: string): Promise<void>;
}

/** A gateway that runs a desired config which is good. */
async function siteOn(t: TestContext): Promise<Site> {
  const broker = await startMosquitto(t);
  const noc = await broker.subscribe(`${ROOT}/up/#`);
  const config = `api: yes\nmqtt:\n  urls: [mqtt://127.0.0.1:${broker.port}]\n  tenant: acme\n  gatewayId: gw-0001\n  commands: broker\npaths: {gate: {}}\n`;
  const camgate = await startCamgate(t, { config });
  const desire = async (ver: number, probation: number, doc: object): Promise<void> => {
    const message = { v: 1, ver, hash: hashOf(canonicalJson(doc)), probation_s: probation, doc };
    await broker.publish(`${ROOT}/dn/cfg`, JSON.stringify(message), ["-r"]);
  };
  await noc.wait("the birth", ({ json }) => json?.online === true);
  await desire(GOOD, 1, { logLevel: "debug" });
  await noc.wait("the good one", ({ topic, json }) => topic === `${ROOT}/up/cfg` && json.st === "applied" && json.ver === GOOD);
  const nobody = await freeTcpPort(0);
  return {
    ...{ noc, camgate, config },
    cutOff: (urls = [`mqtt://127.0.0.1:${nobody}`]) => desire(BAD, 6, { logLevel: "debug", mqtt: { urls } }),
    async ping(id) {
      await broker.publish(`${ROOT}/dn/cmd`, JSON.stringify({ v: 1, id, op: "ping", exp: Date.now() + 600_000 }));
      await until("the answer", () => noc.messages().find(({ json }) => json?.id === id && json.st === "ok"), PATIENCE_MS);
    },
  };
}

const logLevelOf = async ({ apiOrigin }: Camgate): Promise<unknown> => {
  const answer = (await (await fetch(`${apiOrigin}/v3/config/global/get`)).json()) as Readonly<Record<string, unknown>>;
  return answer["logLevel"];
};

/** Reports of the config in sessions behind `sid`. */
function reportsBehind(noc: Subscription, sid: string) {
  return noc.messages().flatMap(({ topic, json }) => (topic === `${ROOT}/up/cfg` && json.sid > sid ? [json] : []));
}

for (const [name, urls] of [
  ["to a broker that is not there", undefined],
  ["to no broker at all", []],
] as const)
  test(`sent ${name}: the gateway is back at its broker by itself, says so, and does not try it again`, {
    skip: mosquittoMissing,
  }, async (t) => {
    const { noc, camgate, cutOff, ping } = await siteOn(t);
    const { sid } = noc.messages()[0]!.json;
    await cutOff(urls);
    await noc.wait("its last word", ({ json }) => json?.online === false && json.why === "shutdown");
    const report = await until("the report", () => reportsBehind(noc, sid).find(({ st }) => st === "rolled_back"), PATIENCE_MS);
    assert.deepEqual([report.about, report.ver, report.bad], [BAD, GOOD, [BAD]]);
    assert.match(report.err, /broker is not reached/);
    // The broker still holds it ready.
    const again = await until("its refusal", () => reportsBehind(noc, sid).find(({ st }) => st === "rejected"), PATIENCE_MS);
    assert.deepEqual([again.about, again.ver], [BAD, GOOD]);
    assert.match(again.err, /failed before/);
    assert.equal(await logLevelOf(camgate), "debug");
    await ping("01A");
    assert.ok(!reportsBehind(noc, sid).some(({ st }) => st === "probation"));
  });

const state = ({ folder }: Camgate): Promise<string> => readFile(join(folder, "camgate-data/fleet/desired.json"), "utf8");

/** Resolves when the gateway is to be killed. */
const moments: readonly [name: string, reached: (site: Site) => Promise<unknown>][] = [
  [
    "when it is taken down on the disk",
    ({ camgate }) => until("the file", async () => JSON.parse(await state(camgate)).candidate !== null, PATIENCE_MS),
  ],
  ["when the link to the broker ends", ({ noc }) => noc.wait("the last word", ({ json }) => json?.online === false)],
  ["while no broker is reached", ({ camgate }) => camgate.process.match(/no connection to mqtt/)],
  ["when it is given up", ({ camgate }) => camgate.process.match(/desired config 7 is given up/)],
  [
    "when that is taken down on the disk",
    ({ camgate }) => until("the file", async () => JSON.parse(await state(camgate)).bad.length > 0, PATIENCE_MS),
  ],
  ["when it has been told", ({ noc }) => noc.wait("the report", ({ json }) => json?.st === "rolled_back")],
];

for (const [name, reached] of moments) {
  test(`killed ${name}: the next run is at its broker, with the config of before`, { skip: mosquittoMissing }, async (t) => {
    const site = await siteOn(t);
    const { noc, camgate, config, cutOff, ping } = site;
    await cutOff();
    await reached(site);
    await camgate.process.kill();
    const sid = noc.messages().findLast(({ json }) => json?.sid !== undefined)!.json.sid as string;
    const again = await startCamgate(t, { config, folder: camgate.folder });
    const last = await until("its refusal", () => reportsBehind(noc, sid).find(({ st }) => st === "rejected"), PATIENCE_MS);
    assert.deepEqual([last.about, last.ver, last.bad], [BAD, GOOD, [BAD]]);
    assert.match(last.err, /failed before/);
    assert.equal(await logLevelOf(again), "debug");
    await ping("01B");
    assert.ok(!reportsBehind(noc, sid).some(({ st }) => st === "probation"));
  });
}
