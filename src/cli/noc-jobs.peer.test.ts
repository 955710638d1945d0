// `camgate noc jobs` as an operator runs it, a program of its own, on Debian's mosquitto: with simulated gateways and with a real one.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { startCamgate } from "#testing/peers/camgate.ts";
import { findPeer, missingOf } from "#testing/peers/find-peer.ts";
import { mosquittoMissing, type ReceivedMessage, type Subscription, startMosquitto } from "#testing/peers/mosquitto.ts";
import { startNoc } from "#testing/peers/noc.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";

const PATIENCE_MS = 60_000;
const sites = (count: number): string[] => Array.from({ length: count }, (_, i) => `sim-0000${i + 1}`);

async function setUp(t: TestContext, count: number) {
  const broker = await startMosquitto(t);
  const folder = join(await temporaryFolder(t), "noc");
  const env = { CAMGATE_NOC_BROKER: `mqtt://127.0.0.1:${broker.port}`, CAMGATE_NOC_TENANT: "acme", CAMGATE_NOC_DIRECTORY: folder };
  const noc = (...words: readonly string[]) => startNoc(t, words, env);
  const run = async (...words: readonly string[]) => {
    const program = noc(...words);
    const { code } = await program.exited;
    return { code, text: program.stdout.toString("utf8") };
  };
  assert.equal((await run("keys", "make", "noc-a")).code, 0);
  const watched = await broker.subscribe("cg/v1/acme/+/+/#");
  if (count > 0) {
    const keys = ["--command-keys", join(folder, "command-keys.json")];
    noc("simulate", "--sites", String(count), "--spread", "0", "--interval", "3600", ...keys);
    for (const gateway of sites(count))
      await watched.wait(
        `the birth of ${gateway}`,
        ({ topic, json }) => topic === `cg/v1/acme/${gateway}/up/state` && json?.online === true,
      );
  }
  const planned = async (plan: object): Promise<string> => {
    const file = join(folder, "plan.yml");
    await writeFile(file, JSON.stringify(plan));
    return file;
  };
  const news = (gateway: string, st: string): ReceivedMessage[] =>
    watched.messages().filter(({ topic, json }) => topic === `cg/v1/acme/${gateway}/up/job` && json.st === st);
  const sent = (gateway: string): ReceivedMessage[] =>
    watched.messages().filter(({ topic, payload }) => topic === `cg/v1/acme/${gateway}/dn/job` && payload !== "");
  const until60 = (what: string, look: () => boolean) => until(what, look, PATIENCE_MS);
  /** The broker keeps no job for anybody. */
  const isWiped = async (): Promise<boolean> => {
    const late = await broker.subscribe("cg/v1/acme/+/dn/job", "cg/v1/acme/+/up/state");
    await late.wait("what the broker keeps", ({ isRetained, topic }) => isRetained && topic.endsWith("/up/state"));
    return !late.messages().some(({ topic }) => topic.endsWith("/dn/job"));
  };
  return { broker, folder, noc, run, planned, watched, news, sent, until60, isWiped };
}

test("ring by ring: the next one when everybody is done, each once, signed, and nothing left at the broker", {
  skip: mosquittoMissing,
}, async (t) => {
  const { run, planned, watched, sent, isWiped } = await setUp(t, 5);
  const plan = { job: "j-1", op: "cam.restart", args: { cam: "gate" }, rings: [["sim-00003"], "60%", "100%"], spread_s: 0.1 };
  const { code, text } = await run("jobs", "start", await planned(plan));
  assert.equal(code, 0, text);
  assert.match(text, /^j-1: cam.restart, done \(every gateway has come to an end\), ring 3 of 3, 5 ok and 0 failed of 5$/m);
  const order: string[] = [];
  for (const { topic, payload, json } of watched.messages()) {
    const [, gateway, direction] = /\/(sim-\d+)\/(up|dn)\/job$/.exec(topic) ?? [];
    if (direction === "dn" && payload !== "") order.push(`sent ${gateway}`);
    else if (direction === "up" && json.st === "ok") order.push(`ok ${gateway}`);
  }
  const isSent = (line: string): boolean => line.startsWith("sent ");
  assert.deepEqual(order.slice(0, 2), ["sent sim-00003", "ok sim-00003"]);
  assert.equal(order.filter(isSent).length, 5, order.join(", "));
  // The second ring has 60 % but for whom the first one had: whoever is sent behind them is sent behind their ends.
  const inFirstTwo = 1 + Number(/^2 +(\d) /m.exec(text)![1]);
  const firstOfThird = order.indexOf(order.filter(isSent)[inFirstTwo]!);
  assert.equal(order.slice(0, firstOfThird).filter((line) => !isSent(line)).length, inFirstTwo, order.join(", "));
  const [first] = sent("sim-00003");
  const payload = JSON.parse(Buffer.from(first!.payload.split(".")[1]!, "base64url").toString());
  assert.deepEqual(contractFaults("dn-job", payload), []);
  assert.deepEqual([payload.aud, payload.job, payload.spread_s], ["acme/sim-00003", "j-1", 0.1]);
  assert.ok(await isWiped());
  const again = await run("jobs", "start", await planned(plan));
  assert.equal(again.code, 1);
  assert.match(again.text, /there is a job j-1 already/);
  assert.match((await run("jobs", "list")).text, /^j-1: cam.restart, done/m);
  assert.match((await run("jobs", "show", "j-1")).text, /^sim-00005 {2}ok$/m);
});

test("it stops by itself when too many fail, takes back what has not begun, and goes on when it is told to", {
  skip: mosquittoMissing,
}, async (t) => {
  const { run, planned, sent, isWiped } = await setUp(t, 4);
  const failing = ["sim-00001", "sim-00002"];
  const args = { simulatedFaultAt: failing, simulatedStepMs: 10 };
  const plan = { job: "j-1", op: "upd.install", args, rings: [failing, "100%"], tries: 1, max_failed: 0 };
  const stopped = await run("jobs", "start", await planned(plan));
  assert.equal(stopped.code, 2, stopped.text);
  assert.match(stopped.text, /stopped \([12] of 2 failed, and 0 may\)/);
  assert.match(stopped.text, /^sim-0000[12] {2}err {2}E_IO: it fails here, as it was asked to$/m);
  assert.deepEqual([sent("sim-00003"), sent("sim-00004")], [[], []]);
  const ended = await run("jobs", "resume", "j-1");
  assert.ok(ended.code === 3 || ended.code === 2, ended.text);
  // The second one may have failed behind the stop: then it counts by itself.
  const { code, text } = ended.code === 3 ? ended : await run("jobs", "resume", "j-1");
  assert.equal(code, 3, text);
  assert.match(text, /done .*, 2 ok and 2 failed of 4$/m);
  assert.ok(await isWiped());
});

test("killed in the middle: another run finds out what was done meanwhile, and sends nothing twice", {
  skip: mosquittoMissing,
}, async (t) => {
  const { noc, run, planned, sent, news, until60, isWiped } = await setUp(t, 3);
  const plan = { job: "j-1", op: "upd.install", args: { simulatedStepMs: 100 }, rings: [["sim-00001", "sim-00002"], "100%"] };
  const first = noc("jobs", "start", await planned(plan));
  await until60("that it runs", () => news("sim-00001", "run").length > 0 || news("sim-00002", "run").length > 0);
  await first.kill();
  await until60("the ends that nobody hears", () => news("sim-00001", "ok").length + news("sim-00002", "ok").length === 2);
  assert.equal(sent("sim-00003").length, 0, "nobody went on");
  const { code, text } = await run("jobs", "resume", "j-1");
  assert.equal(code, 0, text);
  for (const gateway of sites(3)) assert.deepEqual([sent(gateway).length, news(gateway, "ok").length], [1, 1], gateway);
  assert.ok(await isWiped());
});

test("paused by another program: what waits is taken back; gone on with it is sent again; cancelled it is gone", {
  skip: mosquittoMissing,
}, async (t) => {
  const { noc, run, planned, news, until60, isWiped } = await setUp(t, 2);
  const plan = { job: "j-1", op: "rec.set", args: { cam: "gate", on: true }, rings: ["100%"], not_before: Date.now() + 86_400_000 };
  const runner = noc("jobs", "start", await planned(plan));
  const waits = (times: number): Promise<unknown> =>
    until60(`waiting, ${times} times`, () => sites(2).every((gateway) => news(gateway, "wait").length === times));
  await waits(1);
  assert.equal((await run("jobs", "resume", "j-1")).code, 1, "another program runs it");
  assert.equal((await run("jobs", "pause", "j-1")).code, 0);
  assert.equal((await runner.exited).code, 4);
  await until60("that both were taken back", () => sites(2).every((gateway) => news(gateway, "cancel").length === 1));
  assert.ok(await isWiped());
  const again = noc("jobs", "resume", "j-1");
  await waits(2);
  // An interrupt ends the program alone: the job stays.
  assert.equal((await again.interrupt()).code, 7);
  assert.ok(!(await isWiped()));
  const cancelled = await run("jobs", "cancel", "j-1");
  assert.equal(cancelled.code, 0, cancelled.text);
  assert.match(cancelled.text, /j-1: rec.set, cancelled \(by the operator\)/);
  await until60("that both were cancelled", () => sites(2).every((gateway) => news(gateway, "cancel").length === 2));
  assert.ok(await isWiped());
  assert.match((await run("jobs", "resume", "j-1")).text, /it is cancelled: start another one/);
});

test("the broker is restarted under it: it goes on", { skip: mosquittoMissing }, async (t) => {
  const { broker, noc, planned, until60 } = await setUp(t, 0);
  const plan = { job: "j-1", op: "cam.restart", args: { cam: "gate" }, gateways: ["gw-0001"], rings: ["100%"] };
  const before = await broker.subscribe("cg/v1/acme/+/dn/job");
  const file = await planned(plan);
  const runner = noc("jobs", "start", file);
  await before.wait("the job", ({ payload }) => payload !== "");
  await broker.process.kill();
  await runner.match(/the broker is away: /);
  const second = await startMosquitto(t, { port: broker.port });
  const watched = await second.subscribe("cg/v1/acme/+/dn/job");
  // A broker that forgot what it kept is told once more.
  await until60("the job at the second broker", () =>
    watched.messages().some(({ topic, payload }) => topic === "cg/v1/acme/gw-0001/dn/job" && payload !== ""),
  );
  assert.equal((await runner.interrupt()).code, 7);
});

/** A job that has a deadline waits for a clock that was set; the machine that tests run on may have none. */
async function knowsTime(watched: Subscription, gateway: string, tell: () => Promise<unknown>): Promise<void> {
  await tell();
  const isKnown = ({ topic, json }: ReceivedMessage): boolean =>
    topic === `cg/v1/acme/${gateway}/up/tel` && ["ntp", "ptp", "rtc", "hint"].includes(json?.tq);
  await until(`that ${gateway} knows the time`, () => watched.messages().some(isKnown), PATIENCE_MS);
}

test("a real gateway does jobs, and refuses an update with the reason", { skip: mosquittoMissing }, async (t) => {
  const { broker, folder, run, planned, watched, isWiped } = await setUp(t, 0);
  const config =
    `mqtt:\n  urls: [mqtt://127.0.0.1:${broker.port}]\n  tenant: acme\n  gatewayId: gw-0001\n  commands: broker\n` +
    `  commandKeys: [${join(folder, "command-keys.json")}]\n  telemetryInterval: 1s\npaths:\n  gate: {}\n`;
  await startCamgate(t, { config });
  await watched.wait("the birth", ({ topic, json }) => topic.endsWith("/gw-0001/up/state") && json?.online === true);
  await knowsTime(watched, "gw-0001", () => run("time", "gw-0001"));
  const update = { job: "j-1", op: "upd.install", args: { ver: "1.5.0" }, max_failed: "100%" };
  const refused = await run("jobs", "start", await planned(update), "--unsigned");
  assert.equal(refused.code, 3, refused.text);
  assert.match(refused.text, /^gw-0001 {2}rej {2}E_UNSUPPORTED: nothing here installs updates/m);
  const recording = { job: "j-2", op: "rec.set", args: { cam: "gate", on: false } };
  const done = await run("jobs", "start", await planned(recording), "--unsigned");
  assert.equal(done.code, 0, done.text);
  assert.ok(await isWiped());
});

test("every gateway sends a bundle of diagnostics, each to a place of its own", {
  skip: missingOf(findPeer("openssl")) || mosquittoMissing,
}, async (t) => {
  const { noc, run, planned, folder } = await setUp(t, 0);
  for (const words of [["ca"], ["broker", "127.0.0.1"], ["receiver", "127.0.0.1"]]) assert.equal((await run("enrol", ...words)).code, 0);
  const ca = join(folder, "ca", "ca.pem");
  // Whom `ca` vouches for is the broker and the receiver.
  const broker = await startMosquitto(t, {
    config: `allow_anonymous true\ncertfile ${join(folder, "ca", "broker.crt")}\nkeyfile ${join(folder, "ca", "broker.key")}`,
    clientWords: ["--cafile", ca],
  });
  const watched = await broker.subscribe("cg/v1/acme/+/up/state", "cg/v1/acme/+/up/tel");
  const url = `mqtts://127.0.0.1:${broker.port}`;
  const received = join(folder, "received");
  const receiver = noc("receive", "--folder", received, "--listen", "127.0.0.1:0");
  const [, port] = await receiver.match(/:(\d+):/);
  const names = ["gw-0001", "gw-0002"];
  for (const name of names) {
    const config =
      `destinationHosts: [127.0.0.1]\nmqtt:\n  urls: [${url}]\n  tenant: acme\n  gatewayId: ${name}\n  commands: signed\n` +
      `  commandKeys: [${join(folder, "command-keys.json")}]\n  ca: ${ca}\n  telemetryInterval: 1s\npaths: {}\n`;
    await startCamgate(t, { config });
    await watched.wait(`the birth of ${name}`, ({ topic, json }) => topic.endsWith(`/${name}/up/state`) && json?.online === true);
    await knowsTime(watched, name, () => run("time", name, "--broker", url, "--ca", ca));
  }
  const receive = { url: `https://127.0.0.1:${port}`, name: "{gateway}/bundle.tar.gz" };
  const file = await planned({ job: "j-1", op: "diag.bundle", receive, rings: ["50%", "100%"] });
  const { code, text } = await run("jobs", "start", file, "--broker", url, "--ca", ca);
  assert.equal(code, 0, text);
  for (const name of names) {
    const bytes = await readFile(join(received, name, "bundle.tar.gz"));
    assert.match(gunzipSync(bytes).toString("latin1"), new RegExp(`"gateway": ?"acme/${name}"`));
  }
});
