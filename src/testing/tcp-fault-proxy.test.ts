import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { seededRandom } from "./mutate.ts";
import { until } from "./peers/until.ts";
import { TcpFaultProxy } from "./tcp-fault-proxy.ts";

/** A client whose proxy leads to a server in this test. */
async function setUp(t: TestContext, seed = 1) {
  const accepted: Socket[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => {});
    accepted.push(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const target = { host: "127.0.0.1", port: (server.address() as { port: number }).port };
  const proxy = await TcpFaultProxy.listen({ target, random: seededRandom(seed) });
  t.after(async () => {
    await proxy.close();
    for (const socket of accepted) socket.destroy();
    server.close();
  });
  const dial = async () => {
    const socket = connect({ host: "127.0.0.1", port: proxy.port });
    t.after(() => socket.destroy());
    let text = "";
    const ended = new Promise<string>((resolve) => {
      socket.on("close", () => resolve("closed"));
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code!));
    });
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    await once(socket, "connect");
    return { socket, ended, text: () => text };
  };
  const open = async () => {
    const before = accepted.length;
    const client = await dial();
    await until("the server has it", () => accepted.length > before);
    return { ...client, server: accepted.at(-1)! };
  };
  return { proxy, dial, open, accepted };
}

test("without a fault everything passes, both ways, and the end too", async (t) => {
  const { proxy, open } = await setUp(t);
  const { socket, server, ended, text } = await open();
  const asked = once(server, "data");
  socket.write("ask");
  assert.equal(String((await asked)[0]), "ask");
  server.end("answer");
  assert.equal(await ended, "closed");
  assert.equal(text(), "answer");
  await until("the proxy has let go", () => proxy.open === 0);
});

test("silent: nothing passes and nothing is closed, on old connections and on new ones; then new ones work, and an old one is reset", async (t) => {
  const { proxy, dial, open, accepted } = await setUp(t);
  const old = await open();
  const serverGone = once(old.server, "close");
  proxy.goSilent();
  await serverGone;
  old.socket.write("ask");
  const unanswered = await dial();
  unanswered.socket.write("ask");
  for (let i = 0; i < 50; i++) await setImmediate();
  assert.equal(accepted.length, 1);
  assert.deepEqual([old.socket.destroyed, unanswered.socket.destroyed], [false, false]);

  proxy.comeBack();
  const young = await open();
  young.server.write("answer");
  await until("an answer", () => young.text() === "answer");
  old.socket.write("ask");
  assert.equal(await old.ended, "ECONNRESET");
  unanswered.socket.end();
  await until("it is let go", () => proxy.open === 1);
});

test("garbage goes in and bytes go missing where they are asked to", async (t) => {
  const { proxy, open } = await setUp(t);
  const { server, text } = await open();
  server.write("one ");
  await until("one", () => text() === "one ");
  proxy.insert(Buffer.from("garbage "));
  proxy.leaveOut(2);
  server.write("two ");
  await until("the rest of two", () => text() === "one garbage o ");
  proxy.insert(5);
  await until("five random bytes", () => text().length === "one garbage o ".length + 5);
});

test("refused, and again accepted on the same port", async (t) => {
  const { proxy, open, dial } = await setUp(t);
  const { port } = proxy;
  await proxy.refuse();
  await assert.rejects(dial(), { code: "ECONNREFUSED" });
  await proxy.listenAgain();
  assert.equal(proxy.port, port);
  await open();
});

test("chunks are lost, doubled and swapped, the same ones with the same seed", async (t) => {
  const runs: string[] = [];
  for (let run = 0; run < 2; run++) {
    const { proxy, open } = await setUp(t, 7);
    const { server, text } = await open();
    proxy.faults = { loss: 0.2, duplicate: 0.2, swap: 0.2 };
    for (let i = 0; i < 40; i++) {
      const before = server.bytesWritten;
      server.write(`${i} `);
      assert.ok(server.bytesWritten > before);
      for (let turn = 0; turn < 10; turn++) await setImmediate(); // a chunk of its own
    }
    proxy.faults = {};
    server.write("end");
    await until("the end", () => text().includes("end"));
    runs.push(text());
  }
  const numbers = runs[0]!.split(" ").slice(0, -1).map(Number);
  const inOrder = [...new Set(numbers)].sort((a, b) => a - b);
  assert.ok(inOrder.length < 40, "some are lost");
  assert.ok(numbers.length > inOrder.length, "some are doubled");
  assert.notDeepEqual([...new Set(numbers)], inOrder, "some are swapped");
  assert.equal(runs[1], runs[0]);
});

test("delayed bytes come when their time is over, in order", async (t) => {
  const { proxy, open } = await setUp(t);
  const { server, text } = await open();
  t.mock.timers.enable({ apis: ["setTimeout"] });
  proxy.faults = { delayMs: 200 };
  const before = proxy.forwardedBytes;
  server.write("late");
  while (proxy.forwardedBytes === before) await setImmediate();
  t.mock.timers.tick(199);
  for (let i = 0; i < 20; i++) await setImmediate();
  assert.equal(text(), "");
  t.mock.timers.tick(1);
  while (text() === "") await setImmediate();
  assert.equal(text(), "late");
});
