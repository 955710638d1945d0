// Gateways on a mosquitto that knows them by their certificates, with the rules of docs/mqtt/examples: what they may, and that they may nothing else.
// Delivery is what counts: mosquitto grants subscriptions that it then delivers nothing on.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Connection, connectMqtt, type IncomingMessage, PublishRefusal } from "#fleet/mqtt-connection.ts";
import { freeTcpPort } from "#testing/free-ports.ts";
import { startCamgate } from "#testing/peers/camgate.ts";
import { type Mosquitto, mosquittoMissing, startMosquitto } from "#testing/peers/mosquitto.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { makeSelfSigned, type SelfSigned } from "#testing/self-signed.ts";

const ROOT = "cg/v1/acme";
const ACL = readFileSync(new URL("../../docs/mqtt/examples/mosquitto.acl", import.meta.url), "utf8");

interface Site {
  readonly broker: Mosquitto;
  readonly folder: string;
  readonly authority: SelfSigned;
  /** Connects with the certificate of `name`. */
  connect(name: string, clientId: string, onMessage?: (message: IncomingMessage) => void): Promise<Connection>;
}

async function siteWithRules(t: TestContext): Promise<Site> {
  const folder = await temporaryFolder(t);
  const authority = makeSelfSigned({ name: "NOC CA", isAuthority: true });
  const pairs = new Map<string, SelfSigned>();
  for (const name of ["broker", "gw-0001", "gw-0002", "noc-cli"]) {
    const pair = makeSelfSigned({ name, issuer: authority });
    pairs.set(name, pair);
    await writeFile(join(folder, `${name}.crt`), pair.cert);
    await writeFile(join(folder, `${name}.key`), pair.key);
  }
  await writeFile(join(folder, "ca.crt"), authority.cert);
  await writeFile(join(folder, "acl"), ACL);
  const file = (name: string): string => join(folder, name);
  const clientPort = await freeTcpPort(0);
  const tls = `cafile ${file("ca.crt")}
certfile ${file("broker.crt")}
keyfile ${file("broker.key")}
tls_version tlsv1.2
require_certificate true
use_identity_as_username true`;
  const broker = await startMosquitto(t, {
    clientPort,
    config: `${tls}
use_username_as_clientid true
listener ${clientPort} 127.0.0.1
${tls}
acl_file ${file("acl")}
max_packet_size 262144
max_queued_messages 200`,
    clientWords: ["--cafile", file("ca.crt"), "--cert", file("noc-cli.crt"), "--key", file("noc-cli.key")],
  });
  const connect: Site["connect"] = (name, clientId, onMessage = () => {}) => {
    const { cert, key } = pairs.get(name)!;
    const will = { topic: `${ROOT}/${clientId}/up/state`, payload: "{}", delaySeconds: 30 };
    return connectMqtt(
      {
        ...{ url: `mqtts://localhost:${broker.port}`, version: 5, clientId, will, keepaliveSeconds: 60, timeoutMs: 20_000 },
        tls: { ca: authority.cert, cert, key },
        onMessage: async (message) => onMessage(message),
      },
      t.signal,
    );
  };
  return { broker, folder, authority, connect };
}

test("a gateway with a certificate: born, asked, answered", {
  skip: mosquittoMissing,
}, async (t) => {
  const { broker, folder } = await siteWithRules(t);
  const noc = await broker.subscribe(`${ROOT}/+/up/#`);
  const config = `mqtt:
  urls: [mqtts://localhost:${broker.port}]
  tenant: acme
  gatewayId: gw-0001
  ca: ${folder}/ca.crt
  cert: ${folder}/gw-0001.crt
  key: ${folder}/gw-0001.key
paths: {}
`;
  await startCamgate(t, { config });
  await noc.wait("the birth", ({ topic, json }) => topic === `${ROOT}/gw-0001/up/state` && json.online === true);
  await broker.publish(`${ROOT}/gw-0001/dn/cmd`, JSON.stringify({ v: 1, id: "01A", op: "ping", exp: Date.now() + 60_000 }));
  await noc.wait("the answer", ({ json }) => json.id === "01A" && json.st === "ok");
});

test("nobody speaks for another gateway", { skip: mosquittoMissing }, async (t) => {
  const { broker, connect } = await siteWithRules(t);
  const noc = await broker.subscribe(`${ROOT}/+/up/#`);
  const device = await connect("gw-0002", "gw-0002");
  for (const topic of [`${ROOT}/gw-0001/up/state`, `${ROOT}/gw-0001/dn/cmd`, "cg/v1/_noc/state", `${ROOT}/_fleet/dn/cmd`])
    await assert.rejects(device.publish({ topic, payload: '{"forged":true}', qos: 1 }), PublishRefusal, topic);
  await device.publish({ topic: `${ROOT}/gw-0002/up/evt`, payload: '{"own":true}', qos: 1 });
  await noc.wait("its own", ({ json }) => json?.own === true);
  assert.ok(!noc.messages().some(({ json }) => json?.forged));
});

test("nobody hears what another gateway is told", { skip: mosquittoMissing }, async (t) => {
  const { broker, connect } = await siteWithRules(t);
  const heard: string[] = [];
  const device = await connect("gw-0002", "gw-0002", ({ topic }) => heard.push(topic));
  // Granted, or not: both happen.
  for (const topic of [`${ROOT}/gw-0001/dn/#`, `${ROOT}/+/dn/cmd`, `${ROOT}/gw-0001/up/#`, "#"])
    await device.subscribe([topic]).catch(() => {});
  const victim = await connect("gw-0001", "gw-0001");
  await victim.subscribe([`${ROOT}/gw-0001/dn/cmd`]);
  await victim.publish({ topic: `${ROOT}/gw-0001/up/evt`, payload: "{}", qos: 1 });
  await broker.publish(`${ROOT}/gw-0001/dn/cmd`, "secret");
  await broker.publish(`${ROOT}/gw-0002/dn/cmd`, "own");
  await until("its own command", () => heard.includes(`${ROOT}/gw-0002/dn/cmd`));
  assert.deepEqual(new Set(heard), new Set([`${ROOT}/gw-0002/dn/cmd`]));
});

test("nobody takes another gateway's session, whatever it calls itself", { skip: mosquittoMissing }, async (t) => {
  const { connect } = await siteWithRules(t);
  const victim = await connect("gw-0001", "gw-0001");
  const thief = await connect("gw-0002", "gw-0001").catch(() => undefined);
  await victim.publish({ topic: `${ROOT}/gw-0001/up/evt`, payload: "{}", qos: 1 });
  await thief?.close();
  assert.equal(await Promise.race([victim.ended, Promise.resolve("stands")]), "stands");
});

test("without a certificate nobody comes in", { skip: mosquittoMissing }, async (t) => {
  const { broker, authority } = await siteWithRules(t);
  for (const version of [5, 4] as const) {
    const options = { url: `mqtts://localhost:${broker.port}`, version, clientId: "gw-0001", keepaliveSeconds: 60, timeoutMs: 20_000 };
    const will = { topic: "x", payload: "{}", delaySeconds: 0 };
    const loss = connectMqtt({ ...options, will, tls: { ca: authority.cert }, onMessage: async () => {} }, t.signal);
    await assert.rejects(loss, /TLS|closed|reset/);
  }
});
