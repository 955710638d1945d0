// An operator with `camgate noc`, a gateway, and Debian's mosquitto between them: signed commands, a desired config, the table of sites.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { operationByName } from "#fleet/contract/operations.table.ts";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { nocRun } from "#testing/noc-run.ts";
import { startCamgate } from "#testing/peers/camgate.ts";
import { mosquittoMissing, startMosquitto } from "#testing/peers/mosquitto.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";

test("an operator asks a gateway, changes its config, and sees it", { skip: mosquittoMissing }, async (t) => {
  const broker = await startMosquitto(t);
  const folder = join(await temporaryFolder(t), "noc");
  const env = { CAMGATE_NOC_BROKER: `mqtt://127.0.0.1:${broker.port}`, CAMGATE_NOC_TENANT: "acme", CAMGATE_NOC_DIRECTORY: folder };
  const run = (...words: readonly string[]) => nocRun(env, ...words);
  await run("keys", "make", "noc-a");
  const mqtt =
    `mqtt:\n  urls: [mqtt://127.0.0.1:${broker.port}]\n  tenant: acme\n  gatewayId: gw-0001\n  commands: signed\n` +
    `  commandKeys: ['${join(folder, "command-keys.json")}']\n  telemetryInterval: 1s\n`;
  const wire = await broker.subscribe("cg/v1/acme/gw-0001/up/#");
  const camgate = await startCamgate(t, { config: `api: yes\n${mqtt}paths: {gate: {}}\n` });
  await wire.wait("its birth", ({ json }) => json?.online === true);

  assert.equal((await run("send", "gw-0001", "ping")).code, 0);
  const unsigned = await run("send", "gw-0001", "rec.set", "cam=gate", "on=false", "--unsigned");
  assert.deepEqual(unsigned, { code: 2, text: "rej E_SIG: rec.set has to be signed" });
  assert.equal((await run("send", "gw-0001", "rec.set", "cam=gate", "on=false")).code, 0);
  const failed = await run("send", "gw-0001", "cam.restart", "cam=gate");
  assert.deepEqual(failed, { code: 3, text: "err E_BUSY: nothing is pulled to path 'gate' now" });

  const file = join(folder, "site.yml");
  await writeFile(file, "logLevel: debug\n");
  const set = await run("config", "set", "gw-0001", file);
  assert.equal(set.code, 0);
  assert.match(set.text, /(?:^|\n)version 1: applied$/);
  await writeFile(file, "logLevel: loud\n");
  const wrong = await run("config", "set", "gw-0001", file);
  assert.equal(wrong.code, 2);
  assert.match(wrong.text, /(?:^|\n)version 2: rejected, .*logLevel.*$/);

  const { text } = await run("watch", "--once", "2");
  assert.match(text, /^acme\/gw-0001 +up .*1 rejected/m);

  // What a gateway really says is what the contract says.
  await camgate.process.interrupt();
  await wire.wait("its last word", ({ json }) => json?.why === "shutdown");
  const kinds = new Set<string>();
  for (const { topic, json } of wire.messages()) {
    const kind = topic.split("/up/")[1]!.split("/")[0]!;
    assert.deepEqual(contractFaults(`up-${kind}`, json), [], `${topic} ${JSON.stringify(json)}`);
    kinds.add(kind);
  }
  for (const kind of ["state", "tel", "res", "cfg"]) assert.ok(kinds.has(kind), kind);
});

test("every command of the gateway stands in the contract, with who has to sign", async (t) => {
  const camgate = await startCamgate(t, { config: "api: yes\npaths: {}\n" });
  const list = (await (await fetch(`${camgate.apiOrigin}/camgate/v1/commands/list`)).json()) as { name: string; scope: string }[];
  assert.ok(list.length > 10);
  for (const { name, scope } of list) assert.equal(operationByName.get(name)?.isPrivileged, scope !== "read", name);
});
