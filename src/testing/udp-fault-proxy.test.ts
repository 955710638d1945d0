import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { seededRandom } from "./mutate.ts";
import { type DatagramFaults, UdpFaultProxy } from "./udp-fault-proxy.ts";

const ADDRESS = "127.0.0.1";

interface End {
  readonly sockets: readonly [rtp: Socket, rtcp: Socket];
  readonly ports: readonly [rtp: number, rtcp: number];
  /** What came to RTP and RTCP, with the port it came from. */
  readonly received: { text: string; port: number }[];
}

async function openEnd(t: TestContext): Promise<End> {
  const sockets = [createSocket("udp4"), createSocket("udp4")] as const;
  const received: End["received"] = [];
  for (const socket of sockets) {
    t.after(() => void socket.close());
    socket.on("message", (bytes, { port }) => received.push({ text: String(bytes), port }));
    socket.bind(0, ADDRESS);
    await once(socket, "listening");
  }
  return { sockets, ports: [sockets[0].address().port, sockets[1].address().port], received };
}

async function setUp(t: TestContext, faults: DatagramFaults = {}, seed = 1) {
  const [client, server] = [await openEnd(t), await openEnd(t)];
  const peer = ({ ports }: End) => ({ address: ADDRESS, ports });
  const proxy = await UdpFaultProxy.open({ client: peer(client), server: peer(server), faults, random: seededRandom(seed) });
  t.after(() => proxy.close());
  /** A hundred numbered datagrams from the server, and one without faults behind them. */
  const sendHundred = async (): Promise<void> => {
    for (let i = 0; i < 100; i++) {
      server.sockets[0].send(String(i), proxy.ports[0], ADDRESS);
      await until(() => proxy.counts.received === i + 1);
    }
  };
  return { client, server, proxy, sendHundred };
}

/** For what comes over real sockets while timers may stand still. */
async function until(look: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!look()) {
    assert.ok(performance.now() < deadline, "never came");
    await setImmediate();
  }
}

const numbersAt = ({ received }: End): number[] => received.map(({ text }) => Number(text));

test("without a fault everything passes, both ways, from the ports that were announced", async (t) => {
  const { client, server, proxy } = await setUp(t);
  server.sockets[0].send("rtp", proxy.ports[0], ADDRESS);
  server.sockets[1].send("rtcp", proxy.ports[1], ADDRESS);
  await until(() => client.received.length === 2);
  client.sockets[1].send("report", proxy.ports[1], ADDRESS);
  await until(() => server.received.length === 1);
  assert.deepEqual(
    client.received.sort((a, b) => a.text.localeCompare(b.text)),
    [
      { text: "rtcp", port: proxy.ports[1] },
      { text: "rtp", port: proxy.ports[0] },
    ],
  );
  assert.deepEqual(server.received, [{ text: "report", port: proxy.ports[1] }]);
});

test("loss and duplicates are what the counters say, the same with the same seed", async (t) => {
  const runs: number[][] = [];
  for (let run = 0; run < 2; run++) {
    const { client, proxy, sendHundred } = await setUp(t, { loss: 0.1, duplicate: 0.1 }, 5);
    await sendHundred();
    const { lost, duplicated, sent } = proxy.counts;
    assert.ok(lost > 2 && duplicated > 2);
    assert.equal(sent, 100 - lost + duplicated);
    await until(() => client.received.length === sent);
    assert.equal(new Set(numbersAt(client)).size, 100 - lost);
    runs.push(numbersAt(client));
  }
  assert.deepEqual(runs[1], runs[0]);
});

test("a reordered datagram comes behind as many later ones as asked for, or when its time is over", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { client, proxy, sendHundred } = await setUp(t, { reorder: { share: 0.1, depth: 4, holdMs: 50 } });
  await sendHundred();
  t.mock.timers.tick(50); // those at the end
  await until(() => client.received.length === 100);
  const order = numbersAt(client);
  assert.deepEqual(
    [...order].sort((a, b) => a - b),
    Array.from({ length: 100 }, (_, i) => i),
  );
  const late = order.filter((number, i) => i > 0 && number < Math.max(...order.slice(0, i)));
  assert.equal(late.length > 2 && late.length <= proxy.counts.reordered, true);
});

test("delay and jitter: nothing comes before its time", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { client, sendHundred } = await setUp(t, { delayMs: 20, jitterMs: 30 });
  await sendHundred();
  t.mock.timers.tick(19);
  for (let i = 0; i < 20; i++) await setImmediate();
  assert.equal(client.received.length, 0);
  t.mock.timers.tick(31);
  await until(() => client.received.length === 100);
  assert.notDeepEqual(
    numbersAt(client),
    Array.from({ length: 100 }, (_, i) => i),
  );
});

test("silent: nothing passes; a stranger's datagram comes from another port", async (t) => {
  const { client, server, proxy } = await setUp(t);
  proxy.silent = true;
  server.sockets[0].send("lost", proxy.ports[0], ADDRESS);
  client.sockets[0].send("lost", proxy.ports[0], ADDRESS);
  for (let i = 0; i < 50; i++) await setImmediate();
  proxy.silent = false;
  await proxy.insert(Buffer.from("ours"));
  await proxy.insert(Buffer.from("stranger"), true);
  await until(() => client.received.length === 2);
  const [ours, stranger] = client.received;
  assert.deepEqual(ours, { text: "ours", port: proxy.ports[0] });
  assert.equal(stranger!.text, "stranger");
  assert.notEqual(stranger!.port, proxy.ports[0]);
  assert.equal(server.received.length, 0);
});
