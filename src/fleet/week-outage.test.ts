// A week without a broker, in simulated time, with cameras that come and go and telemetry every minute: what is tried, what is kept, and what arrives afterwards.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { silentLog } from "#base/log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { FaultFs } from "#testing/fault-fs.ts";
import { ManualTimers } from "#testing/manual-timers.ts";
import { seededRandom } from "#testing/mutate.ts";
import { ScriptedBroker } from "#testing/scripted-broker.ts";
import { ConnectionLoss } from "./connection-loss.ts";
import { EventFeed } from "./event-feed.ts";
import { FleetLink } from "./fleet-link.ts";
import { OpenConditions } from "./open-conditions.ts";
import { Outbox } from "./outbox.ts";
import { ReconnectPolicy } from "./reconnect-policy.ts";
import { SessionCounter } from "./session-counter.ts";
import { TelemetryFeed } from "./telemetry-feed.ts";
import { Topics } from "./topics.ts";
import { Uplink } from "./uplink.ts";

const MINUTES = 7 * 24 * 60;
const CAP_MS = 300_000;

async function settle(): Promise<void> {
  for (let i = 0; i < 6; i++) await setImmediate();
}

test("a week without broker, names or network: bounded, and all that matters arrives once, in order", async (t) => {
  const fs = new FaultFs();
  await fs.makeFolder("/data/outbox");
  const clock = new FakeClock();
  const timers = new ManualTimers(clock);
  const broker = new ScriptedBroker();
  const random = (
    (next) => () =>
      next(1 << 20) / (1 << 20)
  )(seededRandom(27));
  const nowMs = (): number => clock.nowUs() / 1000;
  const happenedAt = (ms: number) => ({ bootCounter: 1, monoUs: ms * 1000 });
  const topics = new Topics({ tenant: "acme", gatewayId: "gw-0001" });
  const outbox = await Outbox.open({ fs, directory: "/data/outbox", log: silentLog, schedule: timers.schedule });
  const uplink = new Uplink({ topics, outbox, log: silentLog, happened: () => happenedAt(nowMs()), random, schedule: timers.schedule });
  const conditions = await OpenConditions.open({ fs, path: "/data/open-events.json", log: silentLog });
  const utcMs = (atUs: number): number => clock.utcOf(atUs).utcUs / 1000;
  const events = new EventFeed({
    ...{ uplink, conditions, log: silentLog, nowMs, utcMs, schedule: timers.schedule },
    happenedAt: (atUs) => ({ bootCounter: 1, monoUs: atUs }),
  });
  const telemetry = new TelemetryFeed({
    ...{ uplink, happenedAt, nowMs, schedule: timers.schedule, log: silentLog },
    intervalMs: () => 60_000,
    read: async () => ({ sys: { cpu_pct: Math.round(random() * 100), rss_mb: 118 }, filler: { text: "x".repeat(1200) } }),
  });
  const link = new FleetLink({
    ...{ urls: ["mqtts://noc.example", "mqtts://192.0.2.1"], protocol: "auto", clientId: "gw-0001", topics, connect: broker.connect },
    ...{ uplink, clock, schedule: timers.schedule, log: silentLog },
    sessions: await SessionCounter.open({ fs, path: "/data/session", bootCounter: 1, log: silentLog }),
    policy: new ReconnectPolicy({ capMs: CAP_MS, random }),
    credentials: async () => ({ tls: {} }),
    birth: async () => ({}),
    onMessage: async () => {},
    onBorn: () => telemetry.sendNow(),
  });
  broker.refuses = ({ url }) => new ConnectionLoss("link", url.includes("example") ? "its name is not known" : "there is no network");
  link.start();
  telemetry.sendNow();
  const critical: number[] = [];
  const diskBytes = async (): Promise<number> => {
    const files = (await fs.list("/data/outbox")) ?? [];
    return files.reduce((sum, { name }) => sum + (fs.bytesOf(`/data/outbox/${name}`)?.length ?? 0), 0);
  };
  for (let minute = 0; minute < MINUTES; minute++) {
    timers.passMs(60_000);
    if (minute % 5 === 0) events.onEvent({ type: "cam.params", severity: "info", phase: "new", data: { minute }, atUs: clock.nowUs() });
    if (minute % 360 === 0) {
      critical.push(minute);
      events.onEvent({ type: "sys.power", severity: "crit", phase: "new", data: { minute }, atUs: clock.nowUs() });
    }
    await settle();
    if (minute % 1440 === 1439) assert.ok((await diskBytes()) <= 8 << 20, `day ${minute / 1440}`);
  }
  assert.deepEqual([outbox.dropped[0], outbox.dropped[1], outbox.dropped[2]], [0, 0, 0]);
  assert.equal(outbox.counts[0], critical.length);
  assert.equal(outbox.counts[1], Math.ceil(MINUTES / 5));
  // An hour of minutes, a day of ten minutes, then hours.
  assert.ok(outbox.counts[2] > 300 && outbox.counts[2] < 400, `${outbox.counts[2]} telemetries`);
  // Both brokers at each attempt, half of the cap between two on the average, once it is reached.
  const attempts = broker.attempts.length / 2;
  assert.ok(attempts > (MINUTES * 60_000) / CAP_MS && attempts < (4 * MINUTES * 60_000) / CAP_MS, `${attempts} attempts`);

  broker.refuses = () => undefined;
  for (let minute = 0; minute < 120 && outbox.counts[0] + outbox.counts[1] + outbox.counts[2] > 0; minute++) {
    for (let second = 0; second < 60; second++) {
      timers.passMs(1000);
      await settle();
    }
  }
  assert.deepEqual(outbox.counts, { 0: 0, 1: 0, 2: 0 });
  const sent = broker.connections.flatMap(({ published }) => published);
  const lines = sent.flatMap(({ topic, payload, json }) =>
    topic.endsWith("/up/bulk")
      ? gunzipSync(payload as Buffer)
          .toString("utf8")
          .split("\n")
          .flatMap((line) => (line === "" ? [] : [JSON.parse(line)]))
      : [{ t: topic.split("/").at(-1), ...json }],
  );
  const minutesOf = (type: string): number[] =>
    lines.filter((line) => line.t === "evt" && line.type === type).map(({ data }) => data.minute);
  assert.deepEqual(minutesOf("sys.power"), critical);
  assert.deepEqual(
    minutesOf("cam.params"),
    Array.from({ length: Math.ceil(MINUTES / 5) }, (_, i) => 5 * i),
  );
  assert.equal(new Set(lines.filter(({ t }) => t === "evt").map(({ id }) => id)).size, critical.length + Math.ceil(MINUTES / 5));
  t.diagnostic(`${attempts} attempts, ${sent.length} messages afterwards`);
  telemetry.close();
  events.close();
  const closed = link.close("shutdown");
  for (let i = 0; i < 20; i++) {
    timers.passMs(5000);
    await setImmediate();
  }
  await closed;
});
