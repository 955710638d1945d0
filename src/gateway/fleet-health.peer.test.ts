// What telemetry tells of the way to the broker and of the gateway's starts, on Debian's mosquitto; how often it comes by a schedule.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { startCamgate } from "#testing/peers/camgate.ts";
import { mosquittoMissing, startMosquitto } from "#testing/peers/mosquitto.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { trustClock } from "#testing/trusted-clock.ts";

const TEL = "cg/v1/acme/gw-0001/up/tel";

test("the way to the broker, bytes of the day, starts; telemetry every second because a schedule says so", {
  skip: mosquittoMissing,
}, async (t) => {
  const broker = await startMosquitto(t);
  const noc = await broker.subscribe("cg/#");
  const folder = await temporaryFolder(t);
  await trustClock(join(folder, "camgate-data"));
  const hourAgo = new Date(Date.now() - 3_600_000);
  const config = `
mqtt: {urls: ['mqtt://localhost:${broker.port}'], tenant: acme, gatewayId: gw-0001, telemetryInterval: 6h}
schedules: [{cron: '${hourAgo.getUTCMinutes()} ${hourAgo.getUTCHours()} * * *', do: telemetry, value: 1s}]
paths: {cam: {}}
`;
  const first = await startCamgate(t, { config, folder });
  const telemetry = () => noc.messages().filter(({ topic }) => topic === TEL);
  const more = (seen: number) => noc.wait("telemetry", ({ topic }) => topic === TEL && telemetry().length > seen);
  await more(3);
  const { json } = telemetry().at(-1)!;
  assert.deepEqual(contractFaults("up-tel", json), []);
  assert.equal(json.sys.restarts, 0);
  assert.equal(json.rec.wq_bytes, 0);
  for (const ms of [json.net.rtt_ms, json.net.dns_ms, json.mq.rtt_ms]) assert.ok(Number.isFinite(ms) && ms >= 0, JSON.stringify(json.net));
  assert.ok(json.net.loss_pct === null || (json.net.loss_pct >= 0 && json.net.loss_pct <= 100));
  assert.ok(json.net.bytes_up_day > 500, String(json.net.bytes_up_day));
  await first.process.interrupt();
  const sentBefore = json.net.bytes_up_day;
  const seen = telemetry().length;
  const again = await startCamgate(t, { config, folder });
  await more(seen + 1);
  const last = telemetry().at(-1)!.json;
  assert.equal(last.sys.restarts, 1);
  const isSameDay = new Date(last.ts).getUTCDate() === new Date(json.ts).getUTCDate();
  assert.ok(!isSameDay || last.net.bytes_up_day > sentBefore, "a restart goes on counting");
  await again.process.interrupt();
});
