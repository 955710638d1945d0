// One connection to Debian's mosquitto, over what a URL can say, and what a broker does with it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deferred } from "#base/deferred.ts";
import { mosquittoMissing, startMosquitto } from "#testing/peers/mosquitto.ts";
import { until } from "#testing/peers/until.ts";
import { TcpFaultProxy } from "#testing/tcp-fault-proxy.ts";
import type { ConnectionLoss } from "./connection-loss.ts";
import { type Connection, type ConnectionOptions, connectMqtt, type IncomingMessage } from "./mqtt-connection.ts";

function optionsOf(url: string, more: Partial<ConnectionOptions> = {}): ConnectionOptions {
  return {
    url,
    version: 5,
    clientId: "gw-0001",
    tls: {},
    will: { topic: "cg/v1/acme/gw-0001/up/state", payload: '{"online":false}', delaySeconds: 0 },
    keepaliveSeconds: 60,
    timeoutMs: 10_000,
    onMessage: async () => {},
    ...more,
  };
}

for (const version of [5, 4] as const) {
  test(`MQTT ${version}: what is published arrives, what is sent is handed over, good-bye sends no will`, {
    skip: mosquittoMissing,
  }, async (t) => {
    const broker = await startMosquitto(t);
    const noc = await broker.subscribe("cg/#");
    const received = deferred<IncomingMessage>();
    const connection = await connectMqtt(
      optionsOf(`mqtt://127.0.0.1:${broker.port}`, { version, onMessage: async (message) => received.resolve(message) }),
      AbortSignal.timeout(60_000),
    );
    await connection.subscribe(["cg/v1/acme/gw-0001/dn/cmd"]);
    await connection.publish({ topic: "cg/v1/acme/gw-0001/up/evt", payload: '{"id":1}', qos: 1 });
    await noc.wait("the event", ({ json }) => json?.id === 1);
    const { sentBytes, lookupMs, answerMs, descriptor } = connection.facts;
    assert.ok(sentBytes > 120 && sentBytes < 1000, String(sentBytes));
    assert.deepEqual([lookupMs, typeof answerMs, typeof descriptor], [undefined, "number", "number"], "an address has nothing to look up");
    await broker.publish("cg/v1/acme/gw-0001/dn/cmd", "{}", ["-D", "publish", "response-topic", "cg/v1/acme/gw-0001/up/res/x"]);
    const { topic, isRetained, payload, responseTopic } = await received.promise;
    assert.deepEqual([topic, isRetained, payload.toString()], ["cg/v1/acme/gw-0001/dn/cmd", false, "{}"]);
    assert.equal(responseTopic, version === 5 ? "cg/v1/acme/gw-0001/up/res/x" : undefined);
    await connection.close();
    await broker.publish("cg/v1/acme/gw-0001/up/evt", '{"id":2}');
    await noc.wait("the end", ({ json }) => json?.id === 2);
    assert.ok(!noc.messages().some(({ json }) => json?.online === false));
  });
}

test("a message that is not done yet is not acknowledged: the broker sends it again to the next connection", {
  skip: mosquittoMissing,
}, async (t) => {
  const broker = await startMosquitto(t);
  const url = `mqtt://127.0.0.1:${broker.port}`;
  const came = deferred<void>();
  const never = new Promise<void>(() => {});
  const onMessage = (): Promise<void> => {
    came.resolve();
    return never;
  };
  const first = await connectMqtt(optionsOf(url, { onMessage }), AbortSignal.timeout(60_000));
  await first.subscribe(["cg/v1/acme/gw-0001/dn/cmd"]);
  await broker.publish("cg/v1/acme/gw-0001/dn/cmd", "once");
  await came.promise;
  // What else there is to say goes on meanwhile.
  await first.publish({ topic: "cg/v1/acme/gw-0001/up/evt", payload: "{}", qos: 1 });
  const again = deferred<string>();
  const second = await connectMqtt(
    optionsOf(url, { onMessage: async ({ payload }) => again.resolve(payload.toString()) }),
    AbortSignal.timeout(60_000),
  );
  assert.equal(await again.promise, "once");
  assert.equal((await first.ended).why, "server");
  await second.close();
});

test("a will waits for its delay, and is not sent where the session is taken up again before", { skip: mosquittoMissing }, async (t) => {
  const broker = await startMosquitto(t);
  const noc = await broker.subscribe("cg/#");
  const proxy = await TcpFaultProxy.listen({ target: { host: "127.0.0.1", port: broker.port } });
  t.after(() => proxy.close());
  const open = (name: string, delaySeconds: number): Promise<Connection> =>
    connectMqtt(
      optionsOf(`mqtt://127.0.0.1:${proxy.port}`, {
        clientId: name,
        will: { topic: `cg/v1/acme/${name}/up/state`, payload: `{"will":"${name}"}`, delaySeconds },
      }),
      AbortSignal.timeout(60_000),
    );
  const wills = (): string[] => noc.messages().flatMap(({ json }) => json?.will ?? []);
  const marker = await connectMqtt(optionsOf(`mqtt://127.0.0.1:${broker.port}`, { clientId: "gw-mark" }), AbortSignal.timeout(60_000));
  t.after(() => marker.close());
  // The one that is to be silent is due before the one that tells the time.
  for (const name of ["gw-back", "gw-gone"]) await open(name, name === "gw-back" ? 15 : 20);
  await open("gw-soon", 0);
  proxy.drop();
  await noc.wait("the will without a delay", () => wills().includes("gw-soon"));
  const back = await open("gw-back", 15);
  await marker.publish({ topic: "cg/v1/acme/gw-mark/up/evt", payload: '{"mark":1}', qos: 1 });
  await noc.wait("the mark", ({ json }) => json?.mark === 1);
  assert.deepEqual(wills(), ["gw-soon"], "others are not due yet");
  await until("the delayed will", () => wills().includes("gw-gone"), 60_000);
  assert.deepEqual(wills(), ["gw-soon", "gw-gone"]);
  await back.close();
});

const refusals: readonly [name: string, config: string, more: Partial<ConnectionOptions>, loss: RegExp, why: ConnectionLoss["why"]][] = [
  ["nobody may come in", "allow_anonymous false", {}, /Not authorized/, "auth"],
];
for (const [name, config, more, text, why] of refusals) {
  test(`refused: ${name}`, { skip: mosquittoMissing }, async (t) => {
    const broker = await startMosquitto(t, { config });
    await assert.rejects(
      connectMqtt(optionsOf(`mqtt://127.0.0.1:${broker.port}`, more), AbortSignal.timeout(60_000)),
      (loss: ConnectionLoss) => {
        assert.match(loss.message, text);
        assert.equal(loss.why, why);
        return true;
      },
    );
  });
}

test("a name that has to be looked up, and a broker that answers pings", { skip: mosquittoMissing }, async (t) => {
  const broker = await startMosquitto(t);
  const connection = await connectMqtt(optionsOf(`mqtt://localhost:${broker.port}`, { keepaliveSeconds: 1 }), AbortSignal.timeout(60_000));
  assert.ok(connection.facts.lookupMs! >= 0);
  await until("an answer to a ping", () => connection.facts.answerMs !== undefined, 60_000);
  await connection.close();
  assert.equal(connection.facts.descriptor, undefined);
});
