// A gateway on Debian's mosquitto, as a NOC sees it: born, alive, asked, cut off, stopped.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { startCamgate } from "#testing/peers/camgate.ts";
import { type Mosquitto, mosquittoMissing, startMosquitto } from "#testing/peers/mosquitto.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";

const ROOT = "cg/v1/acme/gw-0001";

function configOf(port: number, more = ""): string {
  return `mqtt:\n  urls: [mqtt://127.0.0.1:${port}]\n  tenant: acme\n  gatewayId: gw-0001\n  telemetryInterval: 1s\n${more}paths: {cam: {}}\n`;
}

async function siteOn(t: TestContext, broker: Mosquitto, more = "") {
  const noc = await broker.subscribe("cg/#");
  const camgate = await startCamgate(t, { config: configOf(broker.port, more) });
  const birth = await noc.wait("the birth", ({ topic, json }) => topic === `${ROOT}/up/state` && json?.online === true);
  return { noc, camgate, birth };
}

const request = (fields: object): string => JSON.stringify({ v: 1, id: "01J8", op: "ping", exp: Date.now() + 60_000, ...fields });

for (const protocol of [5, 4]) {
  test(`MQTT ${protocol}: a birth before anything else, then telemetry, answers, and a last word`, {
    skip: mosquittoMissing,
  }, async (t) => {
    const broker = await startMosquitto(t);
    const { noc, camgate, birth } = await siteOn(t, broker, `  protocol: ${protocol}\n`);
    assert.equal(noc.messages()[0]?.payload, birth.payload);
    const { sid } = birth.json;
    assert.equal(sid, "00000001-0001");
    assert.deepEqual([birth.json.v, birth.json.seq, birth.json.boot, birth.json.why, birth.json.dirty], [1, 0, 1, "boot", false]);
    const telemetry = await noc.wait("telemetry", ({ topic }) => topic === `${ROOT}/up/tel`);
    assert.equal(telemetry.json.sid, sid);
    assert.ok(telemetry.json.sys.rss_mb > 0);
    assert.deepEqual(Object.keys(telemetry.json.mq), ["reconn", "outbox", "drop_tel", "drop_evt", "rtt_ms", "hints", "hints_refused"]);
    await broker.publish(`${ROOT}/dn/cmd`, request({ id: "01A" }));
    const pong = await noc.wait("the answer", ({ json }) => json?.id === "01A" && json.st === "ok");
    assert.equal(pong.topic, `${ROOT}/up/res`);
    assert.ok(Math.abs(pong.json.res.ts - Date.now()) < 60_000);
    const info = await noc.wait("the inventory", ({ topic }) => topic === `${ROOT}/up/info`);
    assert.match(info.json.keys.sealing, /^[A-Za-z0-9_-]{43}$/);
    assert.ok(info.json.ops.includes("ping"));
    assert.deepEqual(info.json.cams, { cam: { codec: null, rec: false } });
    await broker.publish("cg/v1/acme/_fleet/dn/cmd", request({ id: "01B", op: "rebirth" }));
    const again = await noc.wait("another birth", ({ json }) => json?.why === "rebirth");
    assert.equal(again.json.sid, sid);
    await camgate.process.interrupt();
    const last = await noc.wait("the last word", ({ json }) => json?.online === false);
    assert.deepEqual([last.topic, last.json.why, last.json.sid], [`${ROOT}/up/state`, "shutdown", sid]);
    for (const { topic, json } of noc.messages().filter((one) => one.topic.startsWith(`${ROOT}/up/`))) {
      const schema = topic.slice(ROOT.length + 1).replace("/", "-");
      assert.deepEqual(contractFaults(schema, json), [], schema);
    }
    const counted = noc
      .messages()
      .filter(({ topic, json }) => topic.startsWith(ROOT) && !topic.endsWith("/tel") && json?.seq !== undefined);
    assert.deepEqual(
      counted.map(({ json }) => json.seq),
      counted.map((_, i) => i),
      "no number is missing",
    );
    const late = await broker.subscribe(`${ROOT}/up/state`);
    const kept = await late.wait("what the broker keeps", ({ isRetained }) => isRetained);
    assert.equal(kept.json.why, "shutdown");
  });
}

test("killed: the broker tells it, and the next run says that it was cut off", { skip: mosquittoMissing }, async (t) => {
  const broker = await startMosquitto(t);
  const { noc, camgate, birth } = await siteOn(t, broker, "  protocol: 4\n"); // no delay of the will
  await camgate.process.kill();
  const will = await noc.wait("the will", ({ json }) => json?.online === false);
  assert.deepEqual(will.json, { v: 1, sid: birth.json.sid, online: false, why: "lwt" });
  await startCamgate(t, { config: configOf(broker.port), folder: camgate.folder });
  const reborn = await noc.wait("the next birth", ({ json }) => json?.online === true && json.sid !== birth.json.sid);
  assert.ok(reborn.json.sid > birth.json.sid);
  assert.deepEqual([reborn.json.why, reborn.json.dirty, reborn.json.prev_uptime_s], ["connect", true, null]);
});

test("events: booted, a camera lost and back, a config applied; each once, with one id, also over a restart", {
  skip: mosquittoMissing,
}, async (t) => {
  const broker = await startMosquitto(t);
  const noc = await broker.subscribe(`${ROOT}/up/evt`);
  const camera = await ScriptedCamera.start();
  const { port } = camera;
  await camera.close();
  const config = configOf(broker.port).replace("cam: {}", `cam: {source: 'rtsp://127.0.0.1:${port}/cam'}`);
  const camgate = await startCamgate(t, { config });
  const boot = await noc.wait("the boot", ({ json }) => json.type === "sys.boot");
  assert.deepEqual([boot.json.sev, boot.json.ph, boot.json.data], ["info", "new", { reset: "unknown" }]);
  const lost = await noc.wait("the loss", ({ json }) => json.type === "cam.lost");
  assert.deepEqual([lost.json.cam, lost.json.ph, lost.json.data.last_frame_ts], ["cam", "new", null]);
  assert.match(lost.json.data.err, /ECONNREFUSED|refused/);
  // Killed, and back: the camera is lost still, by the same event.
  await camgate.process.kill();
  const second = await startCamgate(t, { config, folder: camgate.folder });
  await noc.wait("the crash", ({ json }) => json.type === "sys.crash");
  const still = await noc.wait("the loss again", ({ json }) => json.type === "cam.lost" && json.ph === "update");
  assert.equal(still.json.ref, lost.json.id);
  const again = await ScriptedCamera.start({ port });
  t.after(() => again.close());
  const back = await noc.wait("its return", ({ json }) => json.type === "cam.back");
  assert.deepEqual([back.json.ph, back.json.ref, back.json.cam], ["end", lost.json.id, "cam"]);
  await writeFile(join(second.folder, "mediamtx.yml"), config.replace("paths:", "readTimeout: 7s\npaths:"));
  const applied = await noc.wait("the config", ({ json }) => json.type === "cfg.applied");
  assert.deepEqual(applied.json.data, { changed: ["readTimeout"] });
  for (const { json } of noc.messages()) assert.deepEqual(contractFaults("up-evt", json), []);
});
