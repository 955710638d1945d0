// `camgate noc jobs` as an operator runs it, a program of its own, on Debian's mosquitto, with simulated gateways.
import assert from "node:assert/strict";
import { test } from "node:test";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { mosquittoMissing, startMosquitto } from "#testing/peers/mosquitto.ts";
import { startRolloutFleet as setUp, simulatedSites as sites } from "#testing/peers/rollout-fleet.ts";

test("ring by ring: the next one when everybody is done, each once, signed, and nothing left at the broker", {
  skip: mosquittoMissing,
}, async (t) => {
  const { run, planned, watched, sent, isWiped } = await setUp(t, 5);
  const plan = { job: "j-1", op: "cam.restart", args: { cam: "gate" }, rings: [["sim-00003"], "60%", "100%"], spread_s: 0.1 };
  const { code, text } = await run("jobs", "start", await planned(plan));
  assert.equal(code, 0, text);
  const end = /^j-1: cam.restart, done \(every gateway has come to an end\), ring 3 of 3, 5 ok and 0 failed of 5$/gm;
  assert.equal(text.match(end)?.length, 1, text);
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
  const plan = { job: "j-1", op: "upd.install", args: { simulatedStepMs: 500 }, rings: [["sim-00001", "sim-00002"], "100%"] };
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
