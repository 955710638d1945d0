// A gateway's way to its broker and nothing else, as a process that a test may kill: `node outbox-program.ts <directory> <broker> <first id> <how many>`.
// Takes down so many critical events, prints the number of each that is safe, sends them, and prints `empty` when the broker has all.
import { setTimeout as delay } from "node:timers/promises";
import { monotonicUs } from "#base/clock.ts";
import { silentLog } from "#base/log.ts";
import { NodeFs } from "#base/node-fs.ts";
import { afterDelay } from "#base/schedule.ts";
import { FleetLink } from "#fleet/fleet-link.ts";
import { connectMqtt } from "#fleet/mqtt-connection.ts";
import { Outbox } from "#fleet/outbox.ts";
import { ReconnectPolicy } from "#fleet/reconnect-policy.ts";
import { SessionCounter } from "#fleet/session-counter.ts";
import { Topics } from "#fleet/topics.ts";
import { Uplink } from "#fleet/uplink.ts";

const [directory = "", broker = "", first = "0", count = "0"] = process.argv.slice(2);
const AT_ONCE = 50;

const fs = new NodeFs();
const topics = new Topics({ tenant: "acme", gatewayId: "gw-0001" });
const happened = () => ({ bootCounter: 1, monoUs: monotonicUs() });
const outbox = await Outbox.open({ fs, directory: `${directory}/outbox`, log: silentLog });
const uplink = new Uplink({ topics, outbox, log: silentLog, happened, random: () => 0, schedule: afterDelay });
const clock = {
  bootCounter: 1,
  nowUs: monotonicUs,
  utcOfStamp: () => ({ utcUs: Date.now() * 1000, quality: "est", errorMs: undefined }) as const,
};
const link = new FleetLink({
  ...{ urls: [broker], protocol: 5, clientId: "gw-0001", topics, uplink, clock, schedule: afterDelay, log: silentLog },
  connect: connectMqtt,
  sessions: await SessionCounter.open({ fs, path: `${directory}/session`, bootCounter: 1, log: silentLog }),
  policy: new ReconnectPolicy({ capMs: 1000, random: () => 0 }),
  credentials: async () => ({ tls: {} }),
  birth: async () => ({}),
  onMessage: async () => {},
  onBorn: () => {},
});
if (broker !== "-") link.start();

async function take(id: number): Promise<void> {
  await uplink.add(0, { topic: "evt", happened: happened(), body: { id } });
  process.stdout.write(`${id}\n`);
}

for (let id = Number(first); id < Number(first) + Number(count); id += AT_ONCE)
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, Number(first) + Number(count) - id) }, (_, i) => take(id + i)));
process.stdout.write("taken\n");
if (broker !== "-") while (outbox.counts[0] > 0) await delay(20);
process.stdout.write("empty\n");
await link.close("shutdown");
await outbox.close();
