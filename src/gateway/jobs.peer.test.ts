// Jobs of the NOC on Debian's mosquitto: done, refused, not done again, listed in the inventory.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startCameras } from "#testing/camera/cameras.ts";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { startCamgate } from "#testing/peers/camgate.ts";
import { mosquittoMissing, startMosquitto } from "#testing/peers/mosquitto.ts";

const ROOT = "cg/v1/acme/gw-0001";

test("a job restarts a camera, once, whatever is restarted; updates are refused by name", { skip: mosquittoMissing }, async (t) => {
  const broker = await startMosquitto(t);
  const cameras = await startCameras({ port: 0, count: 1, login: { user: "admin", pass: "pass" } });
  t.after(() => cameras.close());
  const config =
    `mqtt:\n  urls: [mqtt://127.0.0.1:${broker.port}]\n  tenant: acme\n  gatewayId: gw-0001\n  commands: broker\n` +
    `pathDefaults: {rtspTransport: tcp}\npaths:\n  gate: {source: 'rtsp://admin:pass@127.0.0.1:${cameras.port}/gate'}\n`;
  const noc = await broker.subscribe("cg/#");
  const camgate = await startCamgate(t, { config });
  await camgate.process.match(/\[path gate\] stream is available/);
  const send = (job: object) => broker.publish(`${ROOT}/dn/job`, JSON.stringify({ v: 1, ...job }), ["-r"]);
  const end = async (name: string) => {
    const { json } = await noc.wait(
      `the end of ${name}`,
      ({ topic, json: update }) => topic === `${ROOT}/up/job` && update.job === name && ["ok", "err", "rej"].includes(update.st),
    );
    assert.deepEqual(contractFaults("up-job", json), []);
    return json;
  };

  await send({ job: "j-update", op: "upd.install", args: { bundle: "https://x/y", sha256: "", size: 1, compat: "gw", ver: "1.5.0" } });
  const refused = await end("j-update");
  assert.deepEqual([refused.st, refused.e.c], ["rej", "E_UNSUPPORTED"]);
  assert.match(refused.e.m, /installs updates/);
  await send({ job: "j-wrong", op: "cam.restart", args: { camera: "gate" } });
  assert.match((await end("j-wrong")).e.m, /^camera: /);
  await send({ job: "j-away", op: "cam.restart", args: { cam: "nowhere" }, tries: 1 });
  assert.deepEqual((await end("j-away")).e.c, "E_NOTFOUND");
  await send({ job: "j-restart", op: "cam.restart", args: { cam: "gate" } });
  assert.equal((await end("j-restart")).st, "ok");
  const listed = await noc.wait(
    "the job in the inventory",
    ({ topic, json }) => topic === `${ROOT}/up/info` && json.jobs[0]?.job === "j-restart" && json.jobs[0].st === "ok",
  );
  assert.deepEqual(contractFaults("up-info", listed.json), []);
  assert.equal(listed.json.jobs[1].e.c, "E_NOTFOUND");

  // Its slot holds it still: another run of the gateway finds it there, and does not do it again.
  await camgate.process.kill();
  const later = await broker.subscribe("cg/#");
  await startCamgate(t, { config, folder: camgate.folder });
  const again = await later.wait(
    "the inventory of the next run",
    ({ isRetained, topic, json }) => !isRetained && topic === `${ROOT}/up/info` && json.jobs.length > 0,
  );
  assert.deepEqual(
    again.json.jobs.map(({ job, st }: { readonly job: string; readonly st: string }) => [job, st]),
    [
      ["j-restart", "ok"],
      ["j-away", "err"],
      ["j-wrong", "rej"],
      ["j-update", "rej"],
    ],
  );
  await send({ job: "j-restart", op: "cam.restart", args: { cam: "gate" } });
  await send({ job: "j-last", op: "rec.set", args: { cam: "gate", on: false } });
  await later.wait("the job behind it", ({ topic, json }) => topic === `${ROOT}/up/job` && json.job === "j-last" && json.st !== "queued");
  assert.ok(!later.messages().some(({ topic, json, isRetained }) => !isRetained && topic === `${ROOT}/up/job` && json.job === "j-restart"));
});

test("a job starts the gateway anew: the next run tells its end, and does not start anew once more", {
  skip: mosquittoMissing,
}, async (t) => {
  const broker = await startMosquitto(t);
  const config = `mqtt:\n  urls: [mqtt://127.0.0.1:${broker.port}]\n  tenant: acme\n  gatewayId: gw-0001\n  commands: broker\npaths: {}\n`;
  const noc = await broker.subscribe(`${ROOT}/up/#`);
  const env = { INVOCATION_ID: "0123456789abcdef0123456789abcdef" }; // as under systemd
  const first = await startCamgate(t, { config, env });
  await broker.publish(`${ROOT}/dn/job`, JSON.stringify({ v: 1, job: "j-1", op: "sys.restart_app", args: { why: "a test" } }), ["-r"]);
  assert.deepEqual(await first.process.exited, { code: 80, signal: null });
  assert.match(first.process.stdout.toString("utf8"), /started anew, by a job of the NOC: a test/);
  await startCamgate(t, { config, env, folder: first.folder });
  // The update may wait, and come in a bulk; the inventory tells it in any case.
  await noc.wait("its end", ({ topic, json }) => topic === `${ROOT}/up/info` && json.jobs[0]?.job === "j-1" && json.jobs[0].st === "ok");
  await broker.publish(`${ROOT}/dn/cmd`, JSON.stringify({ v: 1, id: "01A", op: "ping", exp: Date.now() + 300_000 }));
  await noc.wait("an answer of the second run", ({ json }) => json?.id === "01A" && json.st === "ok");
  const births = noc.messages().filter(({ json }) => json?.online === true && json.why !== "rebirth");
  assert.equal(births.length, 2);
});
