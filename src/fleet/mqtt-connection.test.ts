// Brokers that do not keep to the protocol: whatever they send, it ends that connection at most.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { fuzzRounds, mutate, seededRandom } from "#testing/mutate.ts";
import { ConnectionLoss } from "./connection-loss.ts";
import { type Connection, type ConnectionOptions, connectMqtt, type IncomingMessage, PublishRefusal } from "./mqtt-connection.ts";

const CONNACK_5 = Buffer.from("2009000006210014270003", "hex"); // receive maximum 20, and a maximum packet size that is cut short below
const CONNACK = Buffer.from("200600000321000a", "hex"); // receive maximum 10
const CONNACK_4 = Buffer.from("20020000", "hex");

function publish(qos: number, payload: string, id = 1): Buffer {
  const topic = Buffer.from("cg/v1/acme/gw-0001/dn/cmd");
  const head = Buffer.concat([
    Buffer.from([0, topic.length]),
    topic,
    ...(qos > 0 ? [Buffer.from([id >> 8, id & 0xff])] : []),
    Buffer.from([0]),
  ]);
  const body = Buffer.concat([head, Buffer.from(payload)]);
  const length = body.length < 128 ? [body.length] : [(body.length & 0x7f) | 0x80, body.length >> 7];
  return Buffer.concat([Buffer.from([0x30 | (qos << 1), ...length]), body]);
}

/** A server that answers the first packet of each connection with `reply`. */
async function broker(t: TestContext, reply: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.once("data", () => reply(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return (more: Partial<ConnectionOptions> = {}): Promise<Connection> =>
    connectMqtt(
      {
        url: `mqtt://127.0.0.1:${port}`,
        version: 5,
        clientId: "gw-0001",
        tls: {},
        will: { topic: "cg/v1/acme/gw-0001/up/state", payload: "{}", delaySeconds: 30 },
        keepaliveSeconds: 60,
        timeoutMs: 60_000,
        onMessage: async () => {},
        ...more,
      },
      t.signal,
    );
}

const refusals: readonly [name: string, bytes: Buffer | undefined, loss: RegExp, why: ConnectionLoss["why"]][] = [
  ["closes without a word", undefined, /closed the connection/, "server"],
  ["speaks HTTP", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"), /./, "server"],
  ["wrong password", Buffer.from("2003008600", "hex"), /Bad User Name or Password/, "auth"],
  ["not authorized, by 3.1.1", Buffer.from("20020005", "hex"), /Not authorized/, "auth"],
  ["full", Buffer.from("2003009700", "hex"), /Quota exceeded/, "busy"],
  ["shutting down", Buffer.from("2003008b00", "hex"), /shutting down/, "server"],
  ["another version", Buffer.from("2003008400", "hex"), /Unsupported Protocol Version/, "server"],
  ["a packet without an end", Buffer.from("20ffffffffff", "hex"), /no end/, "server"],
  ["256 MB to come", Buffer.from("30ffffff7f", "hex"), /268435455 bytes/, "server"],
  ["no messages with QoS 1", Buffer.from("20050000022400", "hex"), /QoS 1/, "auth"],
];
for (const [name, bytes, text, why] of refusals) {
  test(`no connection: ${name}`, async (t) => {
    const connect = await broker(t, (socket) => (bytes === undefined ? socket.destroy() : socket.write(bytes)));
    const loss = await connect().catch((error: ConnectionLoss) => error);
    assert.ok(loss instanceof Error, "it stands");
    assert.match(loss.message, text);
    assert.equal(loss.why, why);
    assert.equal(loss.notes.isVersionRefused === true, name === "another version");
  });
}

test("where it sends us, is told", async (t) => {
  const reference = Buffer.from("noc.example:8883");
  const properties = Buffer.concat([Buffer.from([0x1c, 0, reference.length]), reference]);
  const connack = Buffer.concat([Buffer.from([0x20, 3 + properties.length, 0, 0x9c, properties.length]), properties]);
  const connect = await broker(t, (socket) => socket.write(connack));
  const loss = await connect().catch((error: ConnectionLoss) => error);
  assert.ok(loss instanceof Error);
  assert.deepEqual([loss.why, loss.notes.elsewhere], ["busy", "noc.example:8883"]);
});

const lies: readonly [name: string, bytes: Buffer, loss: RegExp][] = [
  ["a message with QoS 2", publish(2, "{}"), /QoS that was not asked for/],
  ["a second CONNACK", CONNACK, /duplicate CONNACK/],
  ["a topic alias out of nowhere", Buffer.from("300600000323000161", "hex"), /./],
  ["a flood of answers to pings", Buffer.alloc(2 * 3000, Buffer.from("d000", "hex")), /more than any NOC has to say/],
  ["a flood of messages", Buffer.concat(Array.from({ length: 3000 }, () => publish(0, "{}"))), /more than any NOC has to say/],
  ["acknowledgements of nothing", Buffer.concat(Array.from({ length: 3000 }, () => Buffer.from("40020001", "hex"))), /more than any NOC/],
  ["a packet that is no packet", Buffer.from("00020000", "hex"), /./],
  ["its good-bye", Buffer.from("e0018b", "hex"), /reason 139/],
];
for (const [name, bytes, text] of lies) {
  test(`the connection ends: ${name}`, async (t) => {
    const connect = await broker(t, (socket) => socket.write(Buffer.concat([CONNACK, bytes])));
    const loss = await connect().then(
      ({ ended }) => ended,
      (refusal: ConnectionLoss) => refusal,
    );
    assert.match(loss.message, text);
    assert.equal(loss.why, "server");
  });
}

test("more messages than we work on at once: the rest is read later, and each is acknowledged when it is done", async (t) => {
  const count = 300;
  const acks: number[] = [];
  const messages = Buffer.concat(Array.from({ length: count }, (_, i) => publish(1, "{}", i + 1)));
  // MQTT 3.1.1 knows no receive maximum, and no properties.
  const plain = Buffer.concat(
    Array.from({ length: count }, (_, i) => {
      const topic = Buffer.from("cg/v1/acme/gw-0001/dn/cmd");
      const body = Buffer.concat([Buffer.from([0, topic.length]), topic, Buffer.from([(i + 1) >> 8, (i + 1) & 0xff])]);
      return Buffer.concat([Buffer.from([0x32, body.length]), body]);
    }),
  );
  assert.ok(messages.length > plain.length);
  let finished = (): void => {};
  const all = new Promise<void>((resolve) => {
    finished = resolve;
  });
  const connect = await broker(t, (socket) => {
    socket.on("data", (chunk: Buffer) => {
      for (let at = 0; at + 4 <= chunk.length; at += 4) if (chunk[at] === 0x40) acks.push(chunk.readUInt16BE(at + 2));
      if (acks.length === count) finished();
    });
    socket.write(Buffer.concat([CONNACK_4, plain]));
  });
  let waiting: (() => void)[] = [];
  let most = 0;
  const onMessage = (_: IncomingMessage): Promise<void> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      most = Math.max(most, waiting.length);
    });
  const connection = await connect({ version: 4, onMessage });
  const ticking = setInterval(() => {
    for (const done of waiting.splice(0)) done();
    waiting = [];
  }, 5);
  await all;
  clearInterval(ticking);
  assert.deepEqual(
    acks.toSorted((a, b) => a - b),
    Array.from({ length: count }, (_, i) => i + 1),
  );
  assert.ok(most <= 256, `${most} at once`);
  await connection.close();
});

test("a broker that reads nothing on: what may be lost is, beyond a bound; what may not waits for its acknowledgement", async (t) => {
  const connect = await broker(t, (socket) => {
    socket.write(CONNACK);
    socket.pause();
  });
  const connection = await connect();
  const payload = "x".repeat(60_000);
  const refusals: unknown[] = [];
  let sentBytes = 0;
  // The first ones go to the kernel's buffers.
  while (refusals.length === 0) {
    const sent = connection.publish({ topic: "cg/v1/acme/gw-0001/up/tel", payload, qos: 0 });
    sent.catch((error: unknown) => refusals.push(error));
    sentBytes += payload.length;
    assert.ok(sentBytes < 64 << 20, "nothing is refused");
    await setImmediate();
  }
  assert.ok(refusals[0] instanceof PublishRefusal);
  const waiting = connection.publish({ topic: "cg/v1/acme/gw-0001/up/evt", payload: "{}", qos: 1 });
  connection.drop(new ConnectionLoss("link", "the test is over"));
  await assert.rejects(waiting, /the test is over/);
});

test("damaged packets of every kind", async (t) => {
  const random = seededRandom(7);
  const seeds = [
    CONNACK_5,
    CONNACK,
    publish(0, '{"v":1}'),
    publish(1, "x".repeat(200)),
    Buffer.from("40020001", "hex"),
    Buffer.from("9003000100", "hex"),
    Buffer.from("e0018b", "hex"),
    Buffer.from("d000", "hex"),
    Buffer.from("f00100", "hex"),
  ];
  let bytes: Buffer = Buffer.alloc(0);
  const connect = await broker(t, (socket) => socket.end(bytes));
  for (let round = fuzzRounds(400); round > 0; round--) {
    const damaged = mutate(Buffer.concat([seeds[random(seeds.length)]!, seeds[random(seeds.length)]!]), random);
    bytes = random(3) === 0 ? damaged : Buffer.concat([CONNACK, damaged]);
    const connection = await connect({ version: random(2) === 0 ? 4 : 5 }).catch(() => undefined);
    await connection?.ended;
  }
});
