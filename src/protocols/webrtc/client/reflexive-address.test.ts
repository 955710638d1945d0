import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { looksLikeStun, parseStun, writeBindingError, writeBindingSuccess } from "../stun.ts";
import { openClientPort } from "./client-port.ts";
import { ReflexiveAddresses } from "./reflexive-address.ts";

const SEEN = { address: "198.51.100.7", port: 4711 };

/** A STUN server that answers the nth question so. */
async function stunServer(t: TestContext, answer: (transactionId: Buffer, question: number) => Buffer | undefined): Promise<string> {
  let questions = 0;
  const socket = createSocket("udp4", (bytes, from) => {
    const message = parseStun(bytes)!;
    assert.deepEqual([message.kind, message.username, message.integrityAt], ["request", undefined, undefined]);
    const response = answer(message.transactionId, ++questions);
    if (response !== undefined) socket.send(response, from.port, from.address);
  });
  t.after(() => socket.close());
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return `stun:127.0.0.1:${socket.address().port}`;
}

async function gather(t: TestContext, urls: readonly string[], timeoutMs = 10_000, signal = new AbortController().signal) {
  const port = await openClientPort(0);
  t.after(() => port.close());
  const addresses = new ReflexiveAddresses();
  port.onDatagram((bytes) => {
    if (looksLikeStun(bytes)) addresses.onStun(bytes);
  });
  return addresses.gather(urls, (address, remotePort) => port.pathTo(address, remotePort), timeoutMs, signal);
}

const success = (transactionId: Buffer): Buffer => writeBindingSuccess({ transactionId, password: undefined }, SEEN);

test("what servers see is gathered, once; a question that was lost is asked again", async (t) => {
  const urls = await Promise.all([
    stunServer(t, success),
    stunServer(t, success),
    stunServer(t, (transactionId, question) => (question > 1 ? success(transactionId) : undefined)),
  ]);
  assert.deepEqual(await gather(t, urls), [SEEN]);
});

test("servers that refuse, are silent or none, and names that nobody has, cost their time and nothing else", async (t) => {
  const refusing = await stunServer(t, (transactionId) => writeBindingError({ transactionId, password: undefined }, 400, "Bad Request"));
  const other = await stunServer(t, () => success(Buffer.alloc(12)));
  const working = await stunServer(t, success);
  assert.deepEqual(await gather(t, [refusing, other, working, "stun:127.0.0.1:9", "turn:127.0.0.1", "nonsense"], 300), [SEEN]);
  assert.deepEqual(await gather(t, []), []);
});

test("ended on request", async (t) => {
  const abort = new AbortController();
  const silent = await stunServer(t, () => {
    abort.abort();
    return undefined;
  });
  assert.deepEqual(await gather(t, [silent], 10_000, abort.signal), []);
});
