// A gateway that records is stopped and started: its NOC hears what that cost, once. On Debian's mosquitto, with a camera that goes on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startCameras } from "#testing/camera/cameras.ts";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { startCamgate } from "#testing/peers/camgate.ts";
import { mosquittoMissing, startMosquitto } from "#testing/peers/mosquitto.ts";
import { until } from "#testing/peers/until.ts";

const ROOT = "cg/v1/acme/gw-0001";

test("footage that a restart cost is told, with where it ended and goes on", { skip: mosquittoMissing }, async (t) => {
  const broker = await startMosquitto(t);
  const cameras = await startCameras({ port: 0, count: 1, login: { user: "admin", pass: "pass" } });
  t.after(() => cameras.close());
  const noc = await broker.subscribe(`${ROOT}/up/#`);
  const config =
    `mqtt:\n  urls: [mqtt://127.0.0.1:${broker.port}]\n  tenant: acme\n  gatewayId: gw-0001\n` +
    `paths:\n  gate: {source: 'rtsp://admin:pass@127.0.0.1:${cameras.port}/gate', rtspTransport: tcp, record: yes}\n`;
  let asked = 0;
  const recordedS = async (): Promise<number> => {
    const id = `01R${++asked}`;
    await broker.publish(`${ROOT}/dn/cmd`, JSON.stringify({ v: 1, id, op: "rec.list", args: { cam: "gate" }, exp: Date.now() + 60_000 }));
    const { json } = await noc.wait("the list", (message) => message.json?.id === id && message.json.st === "ok");
    return json.res.spans.reduce((sum: number, { from, to }: { from: number; to: number }) => sum + (to - from) / 1000, 0);
  };
  const first = await startCamgate(t, { config });
  await noc.wait("its birth", ({ json }) => json?.online === true);
  await until("footage", async () => (await recordedS()) > 2, 60_000);
  const stoppedMs = Date.now();
  await first.process.interrupt();
  await startCamgate(t, { config, folder: first.folder });
  const gap = await until(
    "the gap",
    () => noc.messages().find(({ topic, json }) => topic === `${ROOT}/up/evt` && json.type === "rec.gap"),
    60_000,
  );
  assert.deepEqual(contractFaults("up-evt", gap.json), []);
  const { from, to, cause } = gap.json.data;
  assert.deepEqual([gap.json.cam, cause], ["gate", "restart"]);
  assert.ok(from > stoppedMs - 10_000 && from < to && to <= Date.now(), `${from} to ${to}, stopped at ${stoppedMs}`);
  assert.equal(noc.messages().filter(({ topic, json }) => topic === `${ROOT}/up/evt` && json.type === "rec.gap").length, 1);
});
