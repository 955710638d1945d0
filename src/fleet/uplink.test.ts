// What goes up, in which order and how fast: over a connection that does as the test says, with time that the test moves.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { silentLog } from "#base/log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { FaultFs } from "#testing/fault-fs.ts";
import { ManualTimers } from "#testing/manual-timers.ts";
import { until } from "#testing/peers/until.ts";
import { ScriptedConnection } from "#testing/scripted-broker.ts";
import { ConnectionLoss } from "./connection-loss.ts";
import { SessionStamps } from "./envelope.ts";
import { type ConnectionOptions, PublishRefusal } from "./mqtt-connection.ts";
import { Outbox } from "./outbox.ts";
import { Topics } from "./topics.ts";
import { Uplink } from "./uplink.ts";

const ROOT = "cg/v1/acme/gw-0001";

async function setUp() {
  const fs = new FaultFs();
  await fs.makeFolder("/data");
  const clock = new FakeClock();
  const timers = new ManualTimers(clock);
  const outbox = await Outbox.open({ fs, directory: "/data/outbox", log: silentLog, schedule: () => () => {} });
  const happened = () => ({ bootCounter: clock.bootCounter, monoUs: clock.nowUs() });
  const uplink = new Uplink({
    topics: new Topics({ tenant: "acme", gatewayId: "gw-0001" }),
    outbox,
    log: silentLog,
    happened,
    random: () => 0.5,
    schedule: timers.schedule,
  });
  let session = 0;
  const open = (change: (connection: ScriptedConnection) => void = () => {}): ScriptedConnection => {
    const connection = new ScriptedConnection({ version: 5 } as ConnectionOptions);
    change(connection);
    uplink.open({ connection, stamps: new SessionStamps(`session-${++session}`, clock) });
    return connection;
  };
  const event = (id: number, more = {}) => uplink.add(1, { topic: "evt", happened: happened(), body: { id, ...more } });
  const result = (id: number) => uplink.add(0, { topic: "res", to: `${ROOT}/up/res/x`, happened: happened(), body: { id } });
  return { uplink, outbox, clock, timers, open, event, result, happened };
}

/** Until nothing more happens by itself: gzip works in another thread. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await setImmediate();
}

const idsOf = (connection: ScriptedConnection) => connection.published.map(({ json }) => json?.id);

async function bulkOf(connection: ScriptedConnection): Promise<{ readonly id: number; readonly seq: number; readonly t: string }[]> {
  await until("a bulk", () => connection.published.some(({ topic }) => topic.endsWith("/bulk"))); // zlib works in a thread
  const messages = connection.published.filter(({ topic }) => topic.endsWith("/bulk"));
  return messages.flatMap(({ payload }) =>
    gunzipSync(payload as Buffer)
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
  );
}

test("what happens while the link stands goes out at once, numbered, and is forgotten when it is acknowledged", async () => {
  const { open, event, result, outbox, uplink } = await setUp();
  const connection = open();
  await event(1);
  await result(2);
  await uplink.say({ topic: "res", body: { id: 3 } });
  await settle();
  assert.deepEqual(idsOf(connection), [1, 2, 3]);
  assert.deepEqual(
    connection.published.map(({ topic, json }) => [topic, json.seq, json.sid]),
    [
      [`${ROOT}/up/evt`, 0, "session-1"],
      [`${ROOT}/up/res/x`, 1, "session-1"],
      [`${ROOT}/up/res`, 2, "session-1"],
    ],
  );
  assert.deepEqual(outbox.counts, { 0: 0, 1: 0, 2: 0 });
});

test("after an outage: results and the critical at once, one by one, then what is new, and behind it the backlog in one message", async () => {
  const { open, event, result, timers, outbox } = await setUp();
  for (const id of [1, 2, 3]) await event(id);
  await result(4);
  timers.passMs(60_000);
  const connection = open();
  await settle();
  assert.deepEqual(idsOf(connection), [4]);
  await event(5);
  await settle();
  assert.deepEqual(idsOf(connection), [4, 5]);
  timers.passMs(59_999);
  await settle();
  assert.deepEqual(idsOf(connection), [4, 5], "the backlog waits for a random time of up to two minutes");
  timers.passMs(1);
  const lines = await bulkOf(connection);
  assert.deepEqual(
    lines.map(({ id, t, seq }) => [id, t, seq]),
    [
      [1, "evt", 2],
      [2, "evt", 2],
      [3, "evt", 2],
    ],
  );
  await settle();
  assert.deepEqual(outbox.counts, { 0: 0, 1: 0, 2: 0 });
});

test("what happened in the minute before is no backlog: it goes out at once", async () => {
  const { open, event, timers, outbox } = await setUp();
  await event(1);
  timers.passMs(60_000);
  await event(2);
  timers.passMs(59_999);
  await event(3);
  const connection = open();
  await settle();
  assert.deepEqual(idsOf(connection), [2, 3]);
  timers.passMs(60_000);
  assert.deepEqual(
    (await bulkOf(connection)).map(({ id }) => id),
    [1],
  );
  await settle();
  assert.equal(outbox.counts[1], 0);
});

test("a long backlog is paced: 32 kB a second", async () => {
  const { open, event, timers, outbox } = await setUp();
  const noise = (): string => Array.from({ length: 2000 }, () => Math.random().toString(36).slice(2, 12)).join("");
  for (let id = 0; id < 6; id++) await event(id, { noise: noise() });
  timers.passMs(60_000);
  const connection = open();
  timers.passMs(60_000);
  const [first] = await bulkOf(connection);
  const pauseMs = await until("a pause", () => timers.delaysMs.find((delayMs) => delayMs > 0 && delayMs < 30_000));
  assert.equal(first!.id, 0);
  const { length } = connection.published[0]!.payload as Buffer;
  assert.equal(Math.round(pauseMs), Math.round((length / 32_768) * 1000));
  assert.ok(outbox.counts[1] > 0);
});

test("no more is on its way than the broker takes, and ten of the outbox", async () => {
  const { open, result, uplink } = await setUp();
  for (let id = 0; id < 50; id++) await result(id);
  const connection = open((one) => {
    one.acknowledges = false;
    one.receiveMaximum = 12;
  });
  await settle();
  assert.equal(connection.published.length, 10);
  for (let id = 100; id < 110; id++) void uplink.say({ topic: "res", body: { id } });
  await settle();
  assert.deepEqual(idsOf(connection).slice(10), [100, 101]);
  connection.unacknowledged[0]!.resolve();
  await settle();
  assert.equal(connection.published.length, 13);
});

test("a broker that acknowledges nothing is left after 30 s; what it was sent is sent again", async () => {
  const { open, event, timers, uplink } = await setUp();
  const connection = open((one) => {
    one.acknowledges = false;
  });
  await event(1);
  await settle();
  timers.passMs(29_999);
  assert.equal(await Promise.race([connection.ended, "stands"]), "stands");
  timers.passMs(1);
  assert.match((await connection.ended).message, /not acknowledged a message within 30 s/);
  uplink.close();
  await settle();
  timers.passMs(60_000);
  const second = open();
  timers.passMs(60_000);
  assert.deepEqual(
    (await bulkOf(second)).map(({ id }) => id),
    [1],
  );
});

test("what the broker refuses is kept, passed over, and offered again after five minutes", async () => {
  const { open, result, timers, outbox } = await setUp();
  await result(1);
  await result(2);
  const connection = open();
  const publish = connection.publish.bind(connection);
  connection.publish = async (message) => {
    await publish(message);
    if (connection.published.at(-1)!.json?.id === 1) throw new PublishRefusal("Not authorized");
  };
  await settle();
  assert.deepEqual(idsOf(connection), [1, 2]);
  assert.equal(outbox.counts[0], 1);
  timers.passMs(300_000);
  await settle();
  assert.deepEqual(idsOf(connection), [1, 2, 1]);
});

test("while the NOC takes nothing in, answers go out and nothing else; then all that waited", async () => {
  const { open, event, result, uplink, timers, outbox } = await setUp();
  const connection = open();
  uplink.isPaused = true;
  await event(1);
  await uplink.add(0, { topic: "evt", happened: { bootCounter: 1, monoUs: 0 }, body: { id: 2 } });
  await result(3);
  await settle();
  timers.passMs(600_000);
  await settle();
  assert.deepEqual(idsOf(connection), [3]);
  uplink.isPaused = false;
  await settle();
  assert.deepEqual(idsOf(connection), [3, 2]);
  timers.passMs(60_000);
  assert.deepEqual(
    (await bulkOf(connection)).map(({ id }) => id),
    [1],
  );
  await settle();
  assert.deepEqual(outbox.counts, { 0: 0, 1: 0, 2: 0 });
});

test("without a connection nothing is said, and nothing waits for it", async () => {
  const { uplink, open } = await setUp();
  await assert.rejects(uplink.say({ topic: "state", body: {} }), ConnectionLoss);
  uplink.tell({ topic: "tel", body: { id: 1 } });
  const connection = open((one) => {
    one.acknowledges = false;
  });
  const said = uplink.say({ topic: "state", body: { id: 2 }, retain: true });
  await settle();
  assert.deepEqual(idsOf(connection), [2]);
  connection.drop(new ConnectionLoss("server", "gone"));
  uplink.close();
  await assert.rejects(said, /gone/);
});

test("what is said is bounded while a broker is slow", async () => {
  const { uplink, open } = await setUp();
  open((one) => {
    one.acknowledges = false;
  });
  const said = Array.from({ length: 300 }, (_, id) => uplink.say({ topic: "res", body: { id } }).catch((error: unknown) => error));
  await settle();
  const refused = await Promise.all(said.slice(-20));
  assert.ok(refused.every((error) => error instanceof PublishRefusal));
  assert.ok(uplink.droppedSayings >= 20);
});
