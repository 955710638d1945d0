// The NOC starts a gateway anew, and its machine: what is said before, how the process ends, and what the NOC hears of it afterwards. On Debian's mosquitto.
import assert from "node:assert/strict";
import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { NodeFs } from "#base/node-fs.ts";
import { writeBoot } from "#device/boot-identity.ts";
import { CommandJournal } from "#fleet/command-journal.ts";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { startCamgate } from "#testing/peers/camgate.ts";
import { mosquittoMissing, startMosquitto } from "#testing/peers/mosquitto.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";

const ROOT = "cg/v1/acme/gw-0001";
const BOOT_BEFORE = "11111111-2222-4333-8444-555555555555";
const ENDS = ["ok", "err", "rej", "lost", "cancel"];

async function siteOn(t: TestContext) {
  const broker = await startMosquitto(t);
  const noc = await broker.subscribe(`${ROOT}/#`);
  const config = `mqtt:\n  urls: [mqtt://127.0.0.1:${broker.port}]\n  tenant: acme\n  gatewayId: gw-0001\n  commands: broker\n  protocol: 4\npaths: {}\n`;
  const births = (): number => noc.messages().filter(({ json }) => json?.online === true).length;
  const start = async (env: Readonly<Record<string, string>>, folder?: string) => {
    const before = births();
    const camgate = await startCamgate(t, { config, env, ...(folder !== undefined && { folder }) });
    await noc.wait("its birth", () => births() > before);
    return camgate;
  };
  const send = (id: string, op: string, args: object) =>
    broker.publish(`${ROOT}/dn/cmd`, JSON.stringify({ v: 1, id, op, args, exp: Date.now() + 300_000 }));
  const endOf = async (id: string) =>
    (await noc.wait(`the end of ${id}`, ({ topic, json }) => topic === `${ROOT}/up/res` && json?.id === id && ENDS.includes(json.st))).json;
  const ask = async (id: string, op: string, args: object = {}) => {
    await send(id, op, args);
    return endOf(id);
  };
  return { noc, start, send, endOf, ask };
}

test("the process is started anew: a good-bye, an exit code for the supervisor, and the answer from the next one", {
  skip: mosquittoMissing,
}, async (t) => {
  const { noc, start, send, endOf, ask } = await siteOn(t);
  const supervised = { INVOCATION_ID: "0123456789abcdef0123456789abcdef" };
  const first = await start(supervised);
  await send("01A", "sys.restart_app", { why: "a test" });
  await noc.wait("its word that it goes", ({ json }) => json?.online === false && json.why === "shutdown");
  assert.deepEqual(await first.process.exited, { code: 80, signal: null });
  assert.match(first.process.stdout.toString("utf8"), /started anew, by the NOC: a test/);
  assert.ok(!noc.messages().some(({ json }) => json?.id === "01A" && ENDS.includes(json.st)), "nothing is done yet");

  await start(supervised, first.folder);
  const { st, res } = await endOf("01A");
  assert.deepEqual([st, res], ["ok", {}]);
  // Delivered again: answered as it was, and not done again.
  const answers = () => noc.messages().filter(({ json }) => json?.id === "01A" && json.st === "ok").length;
  const before = answers();
  await send("01A", "sys.restart_app", { why: "a test" });
  await noc.wait("the answer again", () => answers() > before);
  assert.equal((await ask("01B", "ping")).st, "ok");
  // Once in ten minutes, also over a start.
  const { e } = await ask("01C", "sys.restart_app");
  assert.equal(e.c, "E_RATE");
  assert.ok(e.retry_s > 500 && e.retry_s <= 600, String(e.retry_s));
  for (const { topic, json } of noc.messages().filter((message) => message.topic.startsWith(`${ROOT}/up/`)))
    assert.deepEqual(contractFaults(`up-${topic.split("/")[5]}`, json), []);
});

test("refused: without a supervisor, with wrong arguments; cancelled in the delay, nothing happens", {
  skip: mosquittoMissing,
}, async (t) => {
  const { noc, start, send, endOf, ask } = await siteOn(t);
  await start({ INVOCATION_ID: "" });
  const alone = await ask("01A", "sys.restart_app");
  assert.deepEqual([alone.st, alone.e.c], ["err", "E_BUSY"]);
  assert.match(alone.e.m, /nothing would start this gateway again/);
  assert.equal((await ask("01A2", "sys.restart_app")).e.c, "E_RATE");
  const none = await ask("01A3", "io.set", { pin: "siren", v: 1 });
  assert.deepEqual([none.st, none.e.c, none.e.m], ["err", "E_NOTFOUND", "this gateway has no outputs"]);

  await send("01B", "sys.reboot", { delay_s: 3600 });
  await noc.wait("that it waits", ({ json }) => json?.id === "01B" && json.st === "run");
  assert.equal((await ask("01C", "cmd.cancel", { id: "01B" })).st, "ok");
  assert.equal((await endOf("01B")).st, "cancel");
  assert.equal((await ask("01D", "ping")).st, "ok");
});

for (const [args, field] of [
  [{ delay_s: -1 }, "delay_s"],
  [{ delay_s: "soon" }, "delay_s"],
  [{ delay_s: 3601 }, "delay_s"],
  [{ why: 7 }, "why"],
  [{ why: "x".repeat(257) }, "why"],
  [{ now: true }, "now"],
] as const)
  test(`sys.reboot ${JSON.stringify(args).slice(0, 40)}: the fault names ${field}`, { skip: mosquittoMissing }, async (t) => {
    const { start, ask } = await siteOn(t);
    await start({});
    const { st, e } = await ask("01A", "sys.reboot", args);
    assert.deepEqual([st, e.c], ["err", "E_SCHEMA"]);
    assert.ok(e.m.startsWith(`${field}: `), e.m);
  });

test("the machine boots anew: asked through systemd, and done when another boot has begun", { skip: mosquittoMissing }, async (t) => {
  const { noc, start, send, endOf } = await siteOn(t);
  // As systemd does it: it agrees, and ends its services.
  const tools = await temporaryFolder(t);
  const systemctl = join(tools, "systemctl");
  await writeFile(systemctl, `#!/bin/sh\necho "$*" > '${tools}/asked'\nkill -TERM $PPID\n`);
  await chmod(systemctl, 0o755);
  const env = { PATH: `${tools}:${process.env["PATH"]}` };
  const first = await start(env);
  await send("01A", "sys.reboot", { delay_s: 0.1, why: "a test" });
  await noc.wait("its word that it goes", ({ json }) => json?.online === false && json.why === "reboot");
  assert.equal((await first.process.exited).code, 0);
  assert.equal(await readFile(join(tools, "asked"), "utf8"), "--no-ask-password --no-wall reboot\n");

  // All that was written is now of a boot before this one.
  const data = join(first.folder, "camgate-data");
  await writeFile(join(data, "boot-counter"), writeBoot({ bootCounter: 1, bootId: BOOT_BEFORE }));
  await rm(join(data, "clk.log"));
  const journal = await CommandJournal.open(new NodeFs(), join(data, "fleet", "cmd.log"));
  const { answer, ...taken } = journal.get("01A")!;
  assert.equal(answer, undefined);
  await journal.take({ ...taken, bootId: BOOT_BEFORE });
  await journal.close();

  await start(env, first.folder);
  assert.deepEqual((({ st, res }) => [st, res])(await endOf("01A")), ["ok", {}]);
  const birth = await noc.wait("the next birth", ({ json }) => json?.online === true && json.boot === 2);
  assert.deepEqual([birth.json.reset, birth.json.dirty], ["reboot_cmd", false]);
});

test("the machine may not be booted: the reason, and the gateway goes on", { skip: mosquittoMissing }, async (t) => {
  const { noc, start, ask } = await siteOn(t);
  const tools = await temporaryFolder(t);
  await writeFile(join(tools, "systemctl"), "#!/bin/sh\necho 'Call to Reboot failed: Access denied' >&2\nexit 1\n");
  await chmod(join(tools, "systemctl"), 0o755);
  const camgate = await start({ PATH: `${tools}:${process.env["PATH"]}` });
  const { st, e } = await ask("01A", "sys.reboot");
  assert.deepEqual([st, e.c], ["err", "E_DENIED"]);
  assert.match(e.m, /cannot be rebooted: systemctl refuses: Call to Reboot failed: Access denied/);
  await camgate.process.interrupt();
  const last = await noc.wait("its last word", ({ json }) => json?.online === false);
  assert.equal(last.json.why, "shutdown");
});
