// A gateway's way to its NOC over a day without a broker, in simulated time, on a real file system: prints what it costs. Started with --expose-gc, and
// --no-flush-bytecode: code that is given up on the way would be taken for memory that was gained.
import { randomUUID } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { setTimeout as delay, setImmediate } from "node:timers/promises";
import { silentLog } from "#base/log.ts";
import { ConnectionLoss } from "#fleet/connection-loss.ts";
import { FleetLink } from "#fleet/fleet-link.ts";
import { Outbox } from "#fleet/outbox.ts";
import { ReconnectPolicy } from "#fleet/reconnect-policy.ts";
import { SessionCounter } from "#fleet/session-counter.ts";
import { TelemetryFeed } from "#fleet/telemetry-feed.ts";
import { Topics } from "#fleet/topics.ts";
import { ulid } from "#fleet/ulid.ts";
import { Uplink } from "#fleet/uplink.ts";
import { SimulatedHealth } from "#noc/simulated-health.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { ManualTimers } from "#testing/manual-timers.ts";
import { seededRandom } from "#testing/mutate.ts";
import { ScriptedBroker } from "#testing/scripted-broker.ts";
import { CountedFs } from "./counted-fs.ts";

const [folder = "", hours = "24", eventsPerHour = "1"] = process.argv.slice(2);
const WARM_HOURS = 3;
const MINUTE_MS = 60_000;
const CAMERAS = 4;

interface Day {
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly writtenBytes: number;
  readonly syncs: number;
  readonly waiting: number;
}

const collect = (globalThis as { readonly gc?: () => void }).gc!;

/** What is freed outside of the heap is so a little later. */
async function memoryBytes(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    collect();
    await delay(100);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function offline(directory: string, hours: number, eventsPerHour: number): Promise<Day> {
  const fs = new CountedFs();
  await fs.makeFolder(directory);
  const clock = new FakeClock();
  const timers = new ManualTimers(clock);
  const broker = new ScriptedBroker();
  const next = seededRandom(3);
  const random = (): number => next(10_000) / 10_000;
  const topics = new Topics({ tenant: "acme", gatewayId: "gw-0001" });
  const happened = () => ({ bootCounter: 1, monoUs: clock.nowUs() });
  const nowMs = (): number => clock.nowUs() / 1000;
  const outbox = await Outbox.open({ fs, directory: `${directory}/outbox`, log: silentLog, schedule: timers.schedule });
  const uplink = new Uplink({ topics, outbox, log: silentLog, happened, random, schedule: timers.schedule });
  const link = new FleetLink({
    ...{ urls: ["mqtt://a", "mqtt://b"], protocol: "auto", clientId: "gw-0001", topics, uplink, clock, log: silentLog },
    schedule: timers.schedule,
    connect: broker.connect,
    sessions: await SessionCounter.open({ fs, path: `${directory}/session`, bootCounter: 1, log: silentLog }),
    policy: new ReconnectPolicy({ capMs: 300_000, random }),
    credentials: async () => ({ tls: {} }),
    birth: async () => ({}),
    onMessage: async () => {},
    onBorn: () => {},
  });
  const health = new SimulatedHealth(CAMERAS, random, nowMs());
  const telemetry = new TelemetryFeed({
    uplink,
    intervalMs: () => MINUTE_MS,
    read: async () => health.read(nowMs(), 1_700_000_000_000 + nowMs()),
    happenedAt: (ms) => ({ bootCounter: 1, monoUs: ms * 1000 }),
    nowMs,
    schedule: timers.schedule,
    log: silentLog,
  });
  const settle = async (): Promise<void> => {
    for (let quiet = 0; quiet < 20; quiet = fs.pending === 0 ? quiet + 1 : 0) await setImmediate();
  };
  const event = (critical: boolean): void => {
    const body = {
      id: ulid(1_700_000_000_000 + nowMs()),
      type: "cam.lost",
      sev: "warn",
      ph: "new",
      cam: "gate",
      data: { err: randomUUID() },
    };
    void uplink.add(critical ? 0 : 1, { topic: "evt", happened: happened(), body });
  };

  link.start();
  telemetry.sendNow();
  await settle();
  broker.refuses = () => new ConnectionLoss("link", "nothing listens there");
  broker.connections[0]!.drop(new ConnectionLoss("server", "gone"));
  await settle();
  const before = await memoryBytes();
  let [due, count] = [0, 0];
  for (let minute = 0; minute < hours * 60; minute++) {
    for (due += eventsPerHour / 60; due >= 1; due--) event(++count % 20 === 0);
    timers.passMs(MINUTE_MS);
    // What a test keeps of attempts is not the gateway's.
    broker.attempts.length = 0;
    await settle();
  }
  await outbox.flush();
  const sizes = readdirSync(`${directory}/outbox`).map((name) => statSync(`${directory}/outbox/${name}`).size);
  const { counts } = outbox;
  const result = {
    memoryBytes: (await memoryBytes()) - before,
    diskBytes: sizes.reduce((sum, size) => sum + size, 0),
    writtenBytes: fs.writtenBytes,
    syncs: fs.syncs,
    waiting: counts[0] + counts[1] + counts[2],
  };
  const closed = link.close("shutdown");
  timers.passMs(5000);
  await closed;
  telemetry.close();
  await outbox.close();
  return result;
}

// The first compiles the code, and makes what is made once.
await offline(`${folder}/first`, WARM_HOURS, 10);
process.stdout.write(`${JSON.stringify(await offline(`${folder}/second`, Number(hours), Number(eventsPerHour)))}\n`);
