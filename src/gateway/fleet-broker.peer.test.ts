// What a broker can do to a gateway: begin anew, stand still, be another one, be behind WebSockets. The gateway goes on, and what happened meanwhile arrives once.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { freeTcpPort } from "#testing/free-ports.ts";
import { type Camgate, startCamgate } from "#testing/peers/camgate.ts";
import { type Mosquitto, mosquittoMissing, type ReceivedMessage, type Subscription, startMosquitto } from "#testing/peers/mosquitto.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { makeSelfSigned } from "#testing/self-signed.ts";
import { TcpFaultProxy } from "#testing/tcp-fault-proxy.ts";

const ROOT = "cg/v1/acme/gw-0001";
const PATIENCE_MS = 60_000;

const configOf = (url: string, mqtt = "", rest = ""): string =>
  `mqtt:\n  urls: ['${url}']\n  tenant: acme\n  gatewayId: gw-0001\n${mqtt}${rest}paths: {cam: {}}\n`;

async function change({ folder, process }: Camgate, config: string): Promise<void> {
  const before = countOf(process.stdout.toString(), /configuration reloaded/g);
  await writeFile(join(folder, "mediamtx.yml"), config);
  await until("the reload", () => countOf(process.stdout.toString(), /configuration reloaded/g) > before, PATIENCE_MS);
}

const countOf = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

const seen = (noc: Subscription, what: string, fits: (message: ReceivedMessage) => boolean): Promise<ReceivedMessage> =>
  until(what, () => noc.messages().find(fits), PATIENCE_MS);

const isBirth = ({ topic, json }: ReceivedMessage): boolean => topic === `${ROOT}/up/state` && json?.online === true;

const birthsOf = (noc: Subscription): string[] => noc.messages().flatMap((message) => (isBirth(message) ? [message.json.sid] : []));

/** Ids of the events about changes of the config, one for each time they came. */
const changesOf = (noc: Subscription): string[] =>
  noc.messages().flatMap(({ json }) => (json?.type === "cfg.applied" ? [`${json.id} ${json.data.changed}`] : []));

let asked = 0;
async function ask(broker: Mosquitto, noc: Subscription, op: string, args: object = {}): Promise<ReceivedMessage> {
  const id = `01E${++asked}`;
  await broker.publish(`${ROOT}/dn/cmd`, JSON.stringify({ v: 1, id, op, args, exp: Date.now() + 600_000 }));
  return seen(noc, `the end of ${op}`, ({ json }) => json?.id === id && json.st === "ok");
}

test("the broker is killed and begins anew: the gateway is born again there, and what happened meanwhile comes once", {
  skip: mosquittoMissing,
}, async (t) => {
  const first = await startMosquitto(t);
  const proxy = await TcpFaultProxy.listen({ target: { host: "127.0.0.1", port: first.port } });
  t.after(() => proxy.close());
  const noc = await first.subscribe(`${ROOT}/up/#`);
  const config = configOf(`mqtt://127.0.0.1:${proxy.port}`);
  const camgate = await startCamgate(t, { config });
  await seen(noc, "the birth", isBirth);
  await ask(first, noc, "backoff", { min_s: 0, max_s: 0.2, ttl_s: 3600 });
  await proxy.refuse();
  await first.process.kill();
  await camgate.process.match(/the connection to mqtt:\S+ is lost/);
  await change(camgate, config.replace("paths:", "readTimeout: 7s\npaths:"));
  await change(camgate, config.replace("paths:", "readTimeout: 8s\npaths:"));
  const second = await startMosquitto(t, { port: first.port });
  const later = await second.subscribe(`${ROOT}/up/#`);
  await proxy.listenAgain();
  const birth = await seen(later, "another birth", isBirth);
  assert.deepEqual([birth.json.why, birth.json.sid > noc.messages()[0]!.json.sid], ["connect", true]);
  await until("what happened", () => changesOf(later).length >= 2, PATIENCE_MS);
  await ask(second, later, "ping");
  assert.deepEqual(
    changesOf(later).map((one) => one.split(" ")[1]),
    ["readTimeout", "readTimeout"],
  );
  assert.equal(birthsOf(later).length, 1);
  const numbers = later.messages().flatMap(({ topic, json }) => (topic.endsWith("/tel") || json?.seq === undefined ? [] : [json.seq]));
  assert.deepEqual(
    numbers,
    numbers.map((_, i) => i),
    "no number is missing",
  );
});

test("the broker stands still for a while: the session goes on, and what happened comes once", { skip: mosquittoMissing }, async (t) => {
  const broker = await startMosquitto(t);
  const noc = await broker.subscribe(`${ROOT}/up/#`);
  const config = configOf(`mqtt://127.0.0.1:${broker.port}`);
  const camgate = await startCamgate(t, { config });
  await seen(noc, "the birth", isBirth);
  process.kill(broker.process.pid, "SIGSTOP");
  await change(camgate, config.replace("paths:", "readTimeout: 7s\npaths:"));
  process.kill(broker.process.pid, "SIGCONT");
  await until("what happened", () => changesOf(noc).length > 0, PATIENCE_MS);
  await ask(broker, noc, "ping");
  assert.deepEqual([changesOf(noc).length, birthsOf(noc).length], [1, 1]);
});

test("the broker stands still for too long: it is left, and had again when it moves; what happened has one id", {
  skip: mosquittoMissing,
}, async (t) => {
  const broker = await startMosquitto(t);
  const noc = await broker.subscribe(`${ROOT}/up/#`);
  const config = configOf(`mqtt://127.0.0.1:${broker.port}`);
  const camgate = await startCamgate(t, { config });
  const { json } = await seen(noc, "the birth", isBirth);
  await ask(broker, noc, "backoff", { min_s: 0, max_s: 0.2, ttl_s: 3600 });
  process.kill(broker.process.pid, "SIGSTOP");
  await change(camgate, config.replace("paths:", "readTimeout: 7s\npaths:"));
  await camgate.process.match(/is lost: the broker has not acknowledged a message/);
  process.kill(broker.process.pid, "SIGCONT");
  await until("another birth", () => birthsOf(noc).some((sid) => sid > json.sid), PATIENCE_MS);
  await until("what happened", () => changesOf(noc).length > 0, PATIENCE_MS);
  await ask(broker, noc, "ping");
  assert.equal(new Set(changesOf(noc)).size, 1);
});

test("a change of the config restarts the link where it is about the link, and only then", { skip: mosquittoMissing }, async (t) => {
  const [broker, other] = [await startMosquitto(t), await startMosquitto(t)];
  const [noc, elsewhere] = [await broker.subscribe(`${ROOT}/up/#`), await other.subscribe(`${ROOT}/up/#`)];
  const url = `mqtt://127.0.0.1:${broker.port}`;
  const camgate = await startCamgate(t, { config: configOf(url) });
  await seen(noc, "the birth", isBirth);
  for (const [i, config] of [
    configOf(url, "", "readTimeout: 7s\n"),
    configOf(url, "", "logLevel: debug\n"),
    configOf(url, "", "rtspAuthMethods: [basic]\n"),
    configOf(url).replace("cam: {}", "cam: {}, yard: {}"),
    configOf(url, "  telemetryInterval: 1s\n"),
    configOf(url, "  reconnectCap: 60s\n"),
  ].entries()) {
    await change(camgate, config);
    await until(`change ${i}`, () => changesOf(noc).length > i, PATIENCE_MS);
    assert.equal(birthsOf(noc).length, 1, `after change ${i}`);
  }
  await change(camgate, configOf(url, "  commands: broker\n"));
  await until("another birth", () => birthsOf(noc).length === 2, PATIENCE_MS);
  await ask(broker, noc, "rec.set", { cam: "cam", on: false });
  await change(camgate, configOf(`mqtt://127.0.0.1:${other.port}`, "  commands: broker\n"));
  await seen(elsewhere, "a birth elsewhere", isBirth);
  await ask(other, elsewhere, "ping");
  await until("two good-byes", () => countOf(broker.process.stderr, /Received DISCONNECT from gw-0001/g) === 2, PATIENCE_MS);
  const ends = () => noc.messages().filter(({ topic, json }) => topic === `${ROOT}/up/state` && json?.online === false);
  await until("both of them here", () => ends().length >= 2, PATIENCE_MS);
  assert.deepEqual(
    ends().map(({ json }) => [json.sid, json.why]),
    birthsOf(noc).map((sid) => [sid, "shutdown"]),
    "each session had its good-bye",
  );
  await change(camgate, "paths: {cam: {}}\n");
  await seen(elsewhere, "the last word", ({ json }) => json?.online === false);
  assert.equal(birthsOf(elsewhere).length, 1);
});

for (const scheme of ["ws", "wss"] as const) {
  test(`${scheme}:// : born, asked with much and little, cut off`, { skip: mosquittoMissing }, async (t) => {
    const folder = await temporaryFolder(t);
    const authority = makeSelfSigned({ name: "NOC CA", isAuthority: true });
    const pair = makeSelfSigned({ name: "broker", issuer: authority });
    const file = (name: string): string => join(folder, name);
    await writeFile(file("ca.crt"), authority.cert);
    await writeFile(file("broker.crt"), pair.cert);
    await writeFile(file("broker.key"), pair.key);
    const port = await freeTcpPort(0);
    const tls = scheme === "ws" ? "" : `\ncafile ${file("ca.crt")}\ncertfile ${file("broker.crt")}\nkeyfile ${file("broker.key")}`;
    const broker = await startMosquitto(t, { config: `allow_anonymous true\nlistener ${port} 127.0.0.1\nprotocol websockets${tls}` });
    const noc = await broker.subscribe(`${ROOT}/up/#`);
    const ca = scheme === "ws" ? "" : `  ca: ${file("ca.crt")}\n`;
    // MQTT 3.1.1: the broker tells a death at once.
    const camgate = await startCamgate(t, { config: configOf(`${scheme}://localhost:${port}/mqtt`, `${ca}  protocol: 4\n`) });
    const { json } = await seen(noc, "the birth", isBirth);
    await ask(broker, noc, "ping");
    await ask(broker, noc, "ping", { much: "x".repeat(50_000) });
    await camgate.process.kill();
    const will = await seen(noc, "the will", (message) => message.json?.online === false);
    assert.deepEqual(will.json, { v: 1, sid: json.sid, online: false, why: "lwt" });
  });
}
