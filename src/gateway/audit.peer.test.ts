// Who did what to a gateway, as its NOC reads it: commands, logins, changes of the config, refusals; no secrets; over restarts; tampering shows. On Debian's mosquitto.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { AuditPage } from "#control/audit-log.ts";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { startCamgate } from "#testing/peers/camgate.ts";
import { mosquittoMissing, startMosquitto } from "#testing/peers/mosquitto.ts";
import { until } from "#testing/peers/until.ts";

const ROOT = "cg/v1/acme/gw-0001";
const CANARY = "canary-4711";

async function siteOn(t: TestContext) {
  const broker = await startMosquitto(t);
  const noc = await broker.subscribe(`${ROOT}/#`);
  const config =
    `api: yes\nmqtt:\n  urls: [mqtt://127.0.0.1:${broker.port}]\n  tenant: acme\n  gatewayId: gw-0001\n  commands: broker\n` +
    `authInternalUsers:\n- {user: admin, pass: ${CANARY}, permissions: [{action: api}]}\npaths: {gate: {}}\n`;
  const births = () => noc.messages().filter(({ topic, json }) => topic === `${ROOT}/up/state` && json?.online === true);
  const start = async (folder?: string) => {
    const before = births().length;
    const camgate = await startCamgate(t, { config, ...(folder !== undefined && { folder }) });
    await until("its birth", () => births().length > before);
    return { camgate, birth: births().at(-1)!.json };
  };
  let asked = 0;
  const ask = async (op: string, args: object = {}) => {
    const id = `01Q${++asked}`;
    await broker.publish(`${ROOT}/dn/cmd`, JSON.stringify({ v: 1, id, op, args, exp: Date.now() + 60_000 }));
    return (await noc.wait(`the end of ${op}`, ({ json }) => json?.id === id && ["ok", "err", "rej"].includes(json.st))).json;
  };
  const audit = async (args: object = {}): Promise<AuditPage> => {
    const answer = await ask("audit.list", args);
    assert.equal(answer.st, "ok", JSON.stringify(answer));
    assert.deepEqual(contractFaults("op.audit.list.res", answer.res), []);
    return answer.res;
  };
  return { noc, config, start, ask, audit, broker };
}

test("commands, logins, changes over the API and in the file, and refusals are there, with who and when", {
  skip: mosquittoMissing,
}, async (t) => {
  const { config, start, ask, audit } = await siteOn(t);
  const { camgate, birth } = await start();
  assert.deepEqual(contractFaults("up-state", birth), []);
  await ask("cam.add", { cam: "yard", source: `rtsp://u:${CANARY}@192.0.2.9/main` });
  await ask("cam.restart", { cam: "gate" });
  await ask("key.rotate", { keys: [] });
  const basic = { authorization: `Basic ${Buffer.from(`admin:${CANARY}`).toString("base64")}` };
  for (let i = 0; i < 3; i++) await fetch(`${camgate.apiOrigin}/v3/paths/list`, { headers: basic });
  const patched = await fetch(`${camgate.apiOrigin}/v3/config/global/patch`, {
    method: "PATCH",
    headers: { ...basic, "content-type": "application/json" },
    body: JSON.stringify({ readTimeout: "7s" }),
  });
  assert.equal(patched.status, 200);
  await writeFile(join(camgate.folder, "mediamtx.yml"), config.replace("paths:", "writeTimeout: 8s\npaths:"));
  const { entries, broken } = await until("the change of the file", async () => {
    const page = await audit();
    return page.entries.some(({ data }) => JSON.stringify(data?.["changed"]) === '["writeTimeout"]') && page;
  });
  assert.equal(broken, null);
  const found = entries.filter(({ op }) => op !== "audit.list").map(({ who, op, st, cam, data }) => ({ who, op, st, cam, data }));
  for (const wanted of [
    { who: "the NOC", op: "cam.add", st: "run", cam: undefined, data: { source: "192.0.2.9" } },
    { who: "the NOC", op: "cam.restart", st: "err", cam: "gate", data: { why: "nothing is pulled to path 'gate' now" } },
    { who: "a stranger", op: "cmd.denied", st: undefined, cam: undefined, data: { code: "E_SIG", op: "key.rotate" } },
    { who: "admin, 127.0.0.1", op: "PATCH /v3/config/global/patch", st: undefined, cam: undefined, data: undefined },
    { who: "the gateway", op: "config", st: undefined, cam: undefined, data: { changed: ["readTimeout"] } },
  ])
    assert.ok(
      found.some((entry) => JSON.stringify(entry) === JSON.stringify(wanted)),
      `${JSON.stringify(wanted)} in ${JSON.stringify(found)}`,
    );
  assert.equal(found.filter(({ op }) => op === "login").length, 1, "once an hour");
  assert.ok(!(await readFile(join(camgate.folder, "camgate-data", "audit", "audit.log"), "utf8")).includes(CANARY));
});

test("it goes on after a crash; what is cut off or changed meanwhile is seen", { skip: mosquittoMissing }, async (t) => {
  const { start, ask, audit } = await siteOn(t);
  const first = await start();
  await ask("rec.set", { cam: "gate", on: false });
  const before = await audit();
  await first.camgate.process.kill();
  const second = await start(first.camgate.folder);
  const after = await audit();
  assert.equal(after.broken, null);
  assert.equal(after.entries.find(({ n }) => n === before.head.n)?.h, before.head.h, "the chain that the NOC knows");
  assert.ok(second.birth.audit.n >= before.head.n);
  await second.camgate.process.kill();
  const file = join(first.camgate.folder, "camgate-data", "audit", "audit.log");
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace('"op":"rec.set"', '"op":"rec.bet"'));
  await start(first.camgate.folder);
  const tampered = await audit();
  assert.equal(tampered.broken, tampered.entries.find(({ op }) => op === "rec.bet")?.n);
  const page = await audit({ from: 2, max: 1 });
  assert.deepEqual([page.entries.map(({ n }) => n), page.next], [[2], 3]);
  assert.equal((await ask("audit.list", { from: 0 })).e.c, "E_SCHEMA");
});
