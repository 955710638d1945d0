// A broker that knows MQTT 3.1.1 alone, aedes: found out, remembered, and served in full.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, type MqttClient } from "mqtt";
import { deferred } from "#base/deferred.ts";
import { startSmallBroker } from "#testing/small-broker.ts";
import type { ConnectionLoss } from "./connection-loss.ts";
import { type ConnectionOptions, connectMqtt, type IncomingMessage } from "./mqtt-connection.ts";

const TOPIC = "cg/v1/acme/gw-0001";

function optionsOf(port: number, more: Partial<ConnectionOptions> = {}): ConnectionOptions {
  return {
    ...{ url: `mqtt://127.0.0.1:${port}`, version: 4, clientId: "gw-0001", tls: {}, keepaliveSeconds: 60, timeoutMs: 20_000 },
    will: { topic: `${TOPIC}/up/state`, payload: '{"online":false}', delaySeconds: 30 },
    onMessage: async () => {},
    ...more,
  };
}

/** The NOC's side; resolves when it is subscribed. */
async function noc(port: number, onMessage: (topic: string, text: string) => void): Promise<MqttClient> {
  const client = connect(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 });
  client.on("message", (topic, payload) => onMessage(topic, payload.toString()));
  await client.subscribeAsync("cg/#", { qos: 1 });
  return client;
}

test("MQTT 5 is refused in words that are understood, and 3.1.1 does all", async (t) => {
  const broker = await startSmallBroker();
  t.after(() => broker.close());
  const refusal = await connectMqtt(optionsOf(broker.port, { version: 5 }), t.signal).catch((error: ConnectionLoss) => error);
  assert.ok(refusal instanceof Error);
  assert.equal((refusal as ConnectionLoss).notes.isVersionRefused, true, refusal.message);
  const seen: string[] = [];
  const death = deferred<void>();
  const operator = await noc(broker.port, (topic, text) => {
    seen.push(`${topic.slice(TOPIC.length)} ${text}`);
    if (text.includes("false")) death.resolve();
  });
  t.after(() => operator.endAsync(true));
  const received = deferred<IncomingMessage>();
  const connection = await connectMqtt(optionsOf(broker.port, { onMessage: async (message) => received.resolve(message) }), t.signal);
  await connection.subscribe([`${TOPIC}/dn/cmd`]);
  await connection.publish({
    topic: `${TOPIC}/up/state`,
    payload: '{"online":true}',
    qos: 1,
    retain: true,
    expirySeconds: 60,
    correlation: "x",
  });
  await operator.publishAsync(`${TOPIC}/dn/cmd`, "{}", { qos: 1 });
  const { topic, payload, responseTopic } = await received.promise;
  assert.deepEqual([topic, payload.toString(), responseTopic], [`${TOPIC}/dn/cmd`, "{}", undefined]);
  // Without a good-bye the will comes, at once.
  connection.drop(refusal as ConnectionLoss);
  await death.promise;
  assert.deepEqual(seen, ['/up/state {"online":true}', "/dn/cmd {}", '/up/state {"online":false}']);
});
