// Parts over real listeners: who is restarted, and that a change which cannot be made leaves everything as it was.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import type { Config } from "#config/config.ts";
import { type CollectedLog, collectedLog } from "#testing/collected-log.ts";
import { freeTcpPort } from "#testing/free-ports.ts";
import type { GatewayContext } from "./context.ts";
import type { Part, RunningPart } from "./part.ts";
import { PartSet } from "./part-set.ts";

/** The port of each part; undefined: it is off. */
type Wanted = Readonly<Record<string, number | undefined>>;

class Bench {
  readonly log: CollectedLog = collectedLog();
  /** What happened, in order. */
  readonly events: string[] = [];
  readonly set: PartSet;
  /** The name of a part that does not start, though it has its port. */
  failing = "";
  /** The name of a part that gives up its port late. */
  slow = "";
  #running: Config = {} as Config;

  constructor(names: readonly string[], below = "") {
    const context = { log: this.log } as Partial<GatewayContext> as GatewayContext;
    Object.defineProperty(context, "config", { get: () => this.#running });
    this.set = new PartSet(
      names.map((name) => this.#part(name, name === below)),
      context,
    );
  }

  async change(wanted: Wanted): Promise<void> {
    const config = wanted as unknown as Config;
    await this.set.change(config);
    this.#running = config;
    this.set.update(config);
  }

  /** The events since the last call. */
  taken(): readonly string[] {
    return this.events.splice(0);
  }

  #part(name: string, isBelow: boolean): Part {
    const portIn = (config: Config): number | undefined => (config as unknown as Wanted)[name];
    return {
      name,
      key: (config) => (portIn(config) === undefined ? undefined : String(portIn(config))),
      load: async () => ({ start: (_context, config) => this.#start(name, portIn(config)!) }),
      ...(isBelow && { isBelow }),
    };
  }

  async #start(name: string, port: number): Promise<RunningPart> {
    const sockets = new Set<Socket>();
    const server: Server = createServer((socket) => sockets.add(socket));
    await once(server.listen(port, "127.0.0.1"), "listening");
    if (name === this.failing) {
      server.close();
      throw new Error("it cannot start");
    }
    this.events.push(`${name} up`);
    return {
      ports: { [name]: port },
      update: () => void this.events.push(`${name} told`),
      close: async () => {
        this.events.push(`${name} down`);
        if (name === this.slow) await setTimeout(50);
        const closed = once(server, "close");
        server.close();
        for (const socket of sockets) socket.destroy();
        await closed;
      },
    };
  }
}

async function startBench(t: TestContext, count: number, names = ["a", "b", "c"], below = ""): Promise<{ bench: Bench; ports: number[] }> {
  const bench = new Bench(names, below);
  t.after(() => bench.set.close());
  const ports: number[] = [];
  while (ports.length < count) {
    const port = await freeTcpPort(0);
    if (!ports.includes(port)) ports.push(port);
  }
  return { bench, ports };
}

test("what has the same key goes on and is told, the rest is restarted, started or closed; what is new is up before the old goes", async (t) => {
  const { bench, ports } = await startBench(t, 4);
  const [a, b, c, other] = ports;
  await bench.change({ a, b });
  assert.deepEqual(bench.taken(), ["a up", "b up", "a told", "b told"]);
  await bench.change({ a, b: other, c });
  assert.deepEqual(bench.taken(), ["b up", "c up", "b down", "a told", "b told", "c told"]);
  assert.deepEqual(bench.set.ports, { a, b: other, c });
  await bench.change({ a });
  assert.deepEqual(bench.taken(), ["b down", "c down", "a told"]);
  assert.deepEqual(bench.set.ports, { a });
});

test("two parts swap their ports, and one takes the port of one that is off now", async (t) => {
  const { bench, ports } = await startBench(t, 2);
  const [first, second] = ports;
  await bench.change({ a: first, b: second });
  await bench.change({ a: second, b: first });
  assert.deepEqual(bench.set.ports, { a: second, b: first });
  await bench.change({ c: second });
  assert.deepEqual(bench.set.ports, { c: second });
});

test("one that gives up its port late is waited for", async (t) => {
  const { bench, ports } = await startBench(t, 2);
  const [a, b] = ports;
  bench.slow = "b";
  await bench.change({ a, b });
  bench.taken();
  await bench.change({ a: b });
  assert.deepEqual(bench.taken().slice(0, 2), ["b down", "a up"]);
  assert.deepEqual(bench.set.ports, { a: b });
});

test("a port that somebody else has: the change is refused, clients of the part notice nothing, what was started before it is closed", async (t) => {
  const { bench, ports } = await startBench(t, 3);
  const [a, b, other] = ports;
  const stranger = createServer();
  t.after(() => stranger.close());
  await once(stranger.listen(0, "127.0.0.1"), "listening");
  const { port: taken } = stranger.address() as { port: number };
  await bench.change({ a, b });
  const client = connect(b!, "127.0.0.1");
  await once(client, "connect");
  t.after(() => client.destroy());
  bench.taken();
  await assert.rejects(bench.change({ a: other, b: taken }), { code: "EADDRINUSE" });
  assert.deepEqual(bench.taken(), ["a up", "a down"]);
  assert.deepEqual(bench.set.ports, { a, b });
  assert.ok(client.writable);
  await bench.change({ a: other, b });
  assert.deepEqual(bench.set.ports, { a: other, b });
});

test("who would have to go for another one stays, where that one or a third cannot start", async (t) => {
  const { bench, ports } = await startBench(t, 2);
  const [a, b] = ports;
  const stranger = createServer();
  t.after(() => stranger.close());
  await once(stranger.listen(0, "127.0.0.1"), "listening");
  const { port: taken } = stranger.address() as { port: number };
  await bench.change({ a, b });
  bench.taken();
  await assert.rejects(bench.change({ a: b, b: taken }), { code: "EADDRINUSE" });
  assert.deepEqual(bench.taken(), []);
  assert.deepEqual(bench.set.ports, { a, b });
});

test("a part that had to go for another one that failed comes back", async (t) => {
  const { bench, ports } = await startBench(t, 2);
  const [a, b] = ports;
  await bench.change({ a, b });
  bench.taken();
  bench.failing = "a"; // once its port is free
  await assert.rejects(bench.change({ a: b, b: a }), /cannot start/);
  assert.deepEqual(bench.taken(), ["b down", "b up"]);
  assert.deepEqual(bench.set.ports, { a, b });
});

test("what servers stand on is closed after them, whatever their order is", async (t) => {
  const { bench, ports } = await startBench(t, 3, ["a", "b", "c"], "b");
  const [a, b, c] = ports;
  await bench.change({ a, b, c });
  bench.taken();
  await bench.set.close();
  assert.deepEqual(bench.taken(), ["c down", "a down", "b down"]);
});
