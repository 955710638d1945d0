// The link over brokers that do as the test says: births, brokers in order, waits, versions, good-byes. Time is moved by the test.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { silentLog } from "#base/log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { FaultFs } from "#testing/fault-fs.ts";
import { ManualTimers } from "#testing/manual-timers.ts";
import { ScriptedBroker } from "#testing/scripted-broker.ts";
import { ConnectionLoss } from "./connection-loss.ts";
import { FleetLink, type FleetLinkOptions } from "./fleet-link.ts";
import type { ConnectionOptions, IncomingMessage } from "./mqtt-connection.ts";
import { Outbox } from "./outbox.ts";
import { ReconnectPolicy } from "./reconnect-policy.ts";
import { SessionCounter } from "./session-counter.ts";
import { Topics } from "./topics.ts";
import { Uplink } from "./uplink.ts";

const ROOT = "cg/v1/acme/gw-0001";
const FIRST = "mqtt://first";
const SECOND = "mqtt://second:1884";

async function setUp(t: TestContext, options: Partial<FleetLinkOptions> = {}) {
  const fs = new FaultFs();
  await fs.makeFolder("/data");
  const clock = new FakeClock();
  const timers = new ManualTimers(clock);
  const broker = new ScriptedBroker();
  const topics = new Topics({ tenant: "acme", gatewayId: "gw-0001" });
  const outbox = await Outbox.open({ fs, directory: "/data/outbox", log: silentLog, schedule: () => () => {} });
  const received: IncomingMessage[] = [];
  const born: string[] = [];
  const uplink = new Uplink({
    topics,
    outbox,
    log: silentLog,
    happened: () => ({ bootCounter: 1, monoUs: clock.nowUs() }),
    random: () => 1,
    schedule: timers.schedule,
  });
  const link = new FleetLink({
    urls: [FIRST, SECOND],
    protocol: "auto",
    clientId: "gw-0001",
    topics,
    connect: broker.connect,
    uplink,
    sessions: await SessionCounter.open({ fs, path: "/data/session", bootCounter: 42, log: silentLog }),
    policy: new ReconnectPolicy({ capMs: 300_000, random: () => 1 }),
    clock,
    schedule: timers.schedule,
    log: silentLog,
    credentials: async () => ({ username: "gw-0001", tls: {} }),
    birth: async () => ({ sw: "1.0.0" }),
    onMessage: async (message) => void received.push(message),
    onBorn: (why) => void born.push(why),
    ...options,
  });
  t.after(async () => {
    const closed = link.close("shutdown");
    for (let i = 0; i < 20; i++) {
      timers.passMs(5000);
      await setImmediate();
    }
    await closed;
  });
  return { link, broker, timers, clock, received, born, uplink };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await setImmediate();
}

const server = (): ConnectionLoss => new ConnectionLoss("server", "closed");
const urlsOf = (attempts: readonly ConnectionOptions[]) => attempts.map(({ url }) => url);

test("subscribes, then is born, and only then hears what came meanwhile", async (t) => {
  const { link, broker, received, born } = await setUp(t);
  let done = false;
  broker.onConnection = (connection) => {
    connection.acknowledges = false;
    void connection.send({ topic: `${ROOT}/dn/cmd` }).then(() => {
      done = true;
    });
  };
  link.start();
  await settle();
  const connection = broker.connections[0]!;
  const { url, will, username, clientId } = connection.options;
  assert.deepEqual([url, username, clientId, will!.topic, will!.delaySeconds], [FIRST, "gw-0001", "gw-0001", `${ROOT}/up/state`, 30]);
  assert.deepEqual(JSON.parse(will!.payload), { v: 1, sid: "0000002a-0001", online: false, why: "lwt" });
  assert.equal(connection.subscribed.length, 6);
  const [birth] = connection.published;
  assert.deepEqual([birth!.topic, birth!.retain, birth!.qos], [`${ROOT}/up/state`, true, 1]);
  const { sid, seq, online, why, sw } = birth!.json;
  assert.deepEqual([sid, seq, online, why, sw], ["0000002a-0001", 0, true, "boot", "1.0.0"]);
  assert.deepEqual([received.length, done, born], [0, false, []], "the birth is not acknowledged yet");
  connection.unacknowledged[0]!.resolve();
  await settle();
  assert.deepEqual([received.length, done, born], [1, true, ["boot"]]);
});

test("what is known of a connection is told after its end too; what was sent counts over all", async (t) => {
  const { link, broker, timers } = await setUp(t);
  const told = () => {
    const { roundTripMs, lookupMs, sentBytes, socket } = link.status;
    return [roundTripMs, lookupMs, sentBytes, socket?.descriptor];
  };
  link.start();
  await settle();
  assert.deepEqual(told(), [undefined, undefined, 0, undefined]);
  broker.connections[0]!.facts = { sentBytes: 100, lookupMs: 5, answerMs: 12.4, descriptor: 17 };
  assert.deepEqual(told(), [12, 5, 100, 17]);
  broker.connections[0]!.drop(server());
  await settle();
  assert.deepEqual(told(), [12, 5, 100, undefined]);
  timers.passMs(30_000);
  await settle();
  broker.connections[1]!.facts = { sentBytes: 30, lookupMs: undefined, answerMs: 0.3, descriptor: undefined };
  assert.deepEqual(told(), [0, 5, 130, undefined]);
});

test("each connection is a session of its own; a loss of the server's is waited out for up to 30 s, one of the link for 3", async (t) => {
  const { link, broker, timers, born } = await setUp(t);
  link.start();
  await settle();
  broker.connections[0]!.drop(server());
  await settle();
  timers.passMs(29_999);
  await settle();
  assert.equal(broker.connections.length, 1);
  timers.passMs(1);
  await settle();
  assert.equal(broker.connections[1]!.published[0]!.json.sid, "0000002a-0002");
  timers.passMs(120_000);
  broker.connections[1]!.drop(new ConnectionLoss("link", "gone"));
  await settle();
  timers.passMs(3000);
  await settle();
  assert.equal(broker.connections.length, 3);
  assert.deepEqual(born, ["boot", "connect", "connect"]);
  assert.equal(link.status.reconnects, 2);
});

test("brokers in order, at once; the wait comes after all of them, grows, and the first is asked first again", async (t) => {
  const { link, broker, timers } = await setUp(t);
  broker.refuses = () => new ConnectionLoss("link", "nothing listens there");
  link.start();
  await settle();
  assert.deepEqual(urlsOf(broker.attempts), [FIRST, SECOND]);
  const waits: number[] = [];
  for (let round = 0; round < 8; round++) {
    const [waitMs] = timers.delaysMs;
    waits.push(waitMs!);
    timers.passMs(waitMs!);
    await settle();
  }
  assert.deepEqual(waits, [6000, 11_000, 21_000, 41_000, 81_000, 161_000, 301_000, 301_000]);
  assert.equal(broker.attempts.length, 18);
  assert.equal(link.status.lastError, "nothing listens there");
  broker.refuses = ({ url }) => (url === FIRST ? server() : undefined);
  timers.passMs(301_000);
  await settle();
  assert.equal(link.status.url, SECOND);
});

test("refused credentials: a minute at least; where there are other brokers they are asked meanwhile", async (t) => {
  const alone = await setUp(t, { urls: [FIRST] });
  alone.broker.refuses = () => new ConnectionLoss("auth", "Not authorized");
  alone.link.start();
  await settle();
  assert.deepEqual(alone.timers.delaysMs, [60_000]);
  const { link, broker, timers } = await setUp(t);
  broker.refuses = ({ url }) => (url === FIRST ? new ConnectionLoss("auth", "Not authorized") : server());
  link.start();
  await settle();
  for (let i = 0; i < 4; i++) {
    timers.passMs(timers.delaysMs[0]!);
    await settle();
  }
  // After 6, 11, 21 and 41 s.
  assert.deepEqual(urlsOf(broker.attempts), [FIRST, SECOND, SECOND, SECOND, SECOND, FIRST, SECOND]);
});

test("a broker without MQTT 5 is asked once more, with 3.1.1, and from then on so", async (t) => {
  const { link, broker, timers } = await setUp(t);
  broker.refuses = ({ version }) => (version === 5 ? new ConnectionLoss("server", "version", { isVersionRefused: true }) : undefined);
  link.start();
  await settle();
  broker.connections[0]!.drop(server());
  await settle();
  timers.passMs(30_000);
  await settle();
  assert.deepEqual(
    broker.attempts.map(({ version }) => version),
    [5, 4, 4],
  );
  assert.equal(link.status.version, 4);
});

test("a version that is set is the only one", async (t) => {
  const { link, broker } = await setUp(t, { protocol: 5 });
  broker.refuses = () => new ConnectionLoss("server", "version", { isVersionRefused: true });
  link.start();
  await settle();
  assert.deepEqual(
    broker.attempts.map(({ version }) => version),
    [5, 5],
  );
});

test("a broker that sends us to another one: to one that is configured, and nowhere else", async (t) => {
  const third = "mqtts://third";
  for (const [elsewhere, urls] of [
    ["third", [FIRST, third, SECOND]],
    ["evil.example", [FIRST, SECOND, third]],
  ] as const) {
    const { link, broker } = await setUp(t, { urls: [FIRST, SECOND, third] });
    broker.refuses = ({ url }) => new ConnectionLoss("busy", "use another server", url === FIRST ? { elsewhere } : {});
    link.start();
    await settle();
    assert.deepEqual(urlsOf(broker.attempts), urls);
  }
});

test("a broker that takes no birth within 30 s is left for the next", async (t) => {
  const { link, broker, timers } = await setUp(t);
  broker.onConnection = (connection) => {
    connection.acknowledges = connection.options.url !== FIRST;
  };
  link.start();
  await settle();
  timers.passMs(30_000);
  await settle();
  assert.equal(link.status.url, SECOND);
});

test("somebody else with the same name: the next birth says so", async (t) => {
  const { link, broker, timers, born } = await setUp(t);
  link.start();
  await settle();
  broker.connections[0]!.drop(new ConnectionLoss("busy", "taken over", { isTakenOver: true }));
  await settle();
  timers.passMs(6000);
  await settle();
  assert.deepEqual(born, ["boot", "takeover"]);
});

test("files that cannot be read now are read at the next attempt", async (t) => {
  let readable = false;
  const credentials = async () => {
    if (!readable) throw new Error("mqtt.cert: /x cannot be read");
    return { tls: {} };
  };
  const { link, broker, timers } = await setUp(t, { credentials });
  link.start();
  await settle();
  assert.equal(broker.attempts.length, 0);
  assert.match(link.status.lastError ?? "", /mqtt.cert/);
  readable = true;
  timers.passMs(6000);
  await settle();
  assert.equal(broker.connections.length, 1);
});

test("rebirth: all again, in the session that stands", async (t) => {
  const { link, broker, born } = await setUp(t);
  link.start();
  await settle();
  await link.rebirth();
  const [, again] = broker.connections[0]!.published;
  const { sid, seq, why, online } = again!.json;
  assert.deepEqual([sid, seq, why, online, again!.retain], ["0000002a-0001", 1, "rebirth", true, true]);
  assert.deepEqual(born, ["boot", "rebirth"]);
});

test("the last word says why, and then the connection is closed, not dropped", async (t) => {
  const { link, broker, timers } = await setUp(t);
  link.start();
  await settle();
  const connection = broker.connections[0]!;
  await link.close("reboot");
  const { topic, retain, json } = connection.published.at(-1)!;
  assert.deepEqual([topic, retain, json.online, json.why, json.sid], [`${ROOT}/up/state`, true, false, "reboot", "0000002a-0001"]);
  assert.ok(connection.isClosed);
  assert.deepEqual(timers.delaysMs, [], "nothing is left to do");
});

test("a broker that does not answer keeps the gateway two seconds from its end", async (t) => {
  const { link, broker, timers } = await setUp(t);
  link.start();
  await settle();
  broker.connections[0]!.acknowledges = false;
  const closed = link.close("shutdown");
  await settle();
  timers.passMs(2000);
  await closed;
  assert.ok(broker.connections[0]!.isClosed);
});

test("closed while it waits, and while it connects", async (t) => {
  const waiting = await setUp(t);
  waiting.broker.refuses = server;
  waiting.link.start();
  await settle();
  await waiting.link.close("shutdown");
  const early = await setUp(t);
  early.link.start();
  await early.link.close("shutdown");
  assert.deepEqual([waiting.timers.delaysMs, early.timers.delaysMs], [[], []]);
});
