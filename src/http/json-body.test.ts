// Bodies over real connections: what is taken, what is refused, and that nothing is kept of what is too large.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { silentLog } from "#base/log.ts";
import { type JsonBodyLimits, readJsonBody } from "./json-body.ts";
import { HttpServer, sendJson } from "./server.ts";

async function serve(t: TestContext, limits: JsonBodyLimits) {
  const seen: unknown[] = [];
  const server = await HttpServer.listen({
    address: { host: "127.0.0.1", port: 0 },
    allowOrigins: [],
    preflight: { methods: "POST", headers: "" },
    readTimeoutMs: 10_000,
    writeTimeoutMs: 10_000,
    trustsProxy: () => false,
    log: silentLog,
    async handle({ request, response }) {
      const value = await readJsonBody(request, limits);
      seen.push(value);
      sendJson(response, 200, { got: value ?? null });
    },
  });
  t.after(() => server.close());
  const origin = `http://127.0.0.1:${server.port}`;
  const post = async (body: string | Buffer | undefined, type = "application/json") => {
    const response = await fetch(origin, { method: "POST", headers: { "content-type": type }, ...(body !== undefined && { body }) });
    return { status: response.status, body: (await response.json()) as { got?: unknown; error?: string } };
  };
  return { post, seen, origin, port: server.port };
}

test("JSON of any kind, and no body at all", async (t) => {
  const { post, seen } = await serve(t, { maxBytes: 1000 });
  for (const body of ['{"a":[1,"ä"]}', "3", "null", " [] \n"]) assert.equal((await post(body)).status, 200, body);
  assert.equal((await post(undefined)).status, 200);
  assert.equal((await post("  \n")).status, 200);
  assert.deepEqual(seen, [{ a: [1, "ä"] }, 3, null, [], undefined, undefined]);
  assert.equal((await post("{}", "text/plain")).status, 200, "curl -d says that it is a form");
});

test("what is no JSON is refused with what is wrong", async (t) => {
  const { post, seen } = await serve(t, { maxBytes: 200_000 });
  for (const body of ["{", "{a:1}", "\ufeff{}", "<xml/>", Buffer.from([0xff, 0xfe])]) {
    const { status, body: answer } = await post(body);
    assert.equal(status, 400);
    assert.match(answer.error!, /^the body is no JSON: /);
  }
  assert.equal((await post("[".repeat(100_000))).status, 400);
  const deep = await post("[".repeat(50_000) + "]".repeat(50_000));
  assert.deepEqual([deep.status, deep.body.error], [400, "the body is nested deeper than 64 levels"]);
  assert.deepEqual(seen, []);
  assert.equal((await post(`${"[".repeat(64)}3${"]".repeat(64)}`)).status, 200);
});

test("a body that is too large: told by its length, or found out while it comes", async (t) => {
  const { post, seen, port } = await serve(t, { maxBytes: 1000 });
  assert.equal((await post(`"${"x".repeat(998)}"`)).status, 200);
  const { status, body } = await post(`"${"x".repeat(999)}"`);
  assert.deepEqual([status, body.error], [413, "the body is larger than 1000 bytes"]);
  assert.equal(seen.length, 1);

  const socket = connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  socket.write("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  let answer = "";
  socket.on("data", (chunk: Buffer) => {
    answer += chunk.toString("latin1");
  });
  socket.on("error", () => {});
  while (!answer.includes("413")) {
    await new Promise((sent) => socket.write(`400\r\n${"x".repeat(1024)}\r\n`, sent));
    await new Promise((turn) => setImmediate(turn));
  }
  assert.match(answer, /^HTTP\/1\.1 413 /);
  assert.match(answer, /larger than 1000 bytes/);
  assert.equal(seen.length, 1);
});

test("a body that ends before its length is no body", async (t) => {
  const { seen, port } = await serve(t, { maxBytes: 1000 });
  const socket = connect(port, "127.0.0.1");
  socket.end("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{}");
  socket.resume();
  await once(socket, "close");
  assert.deepEqual(seen, []);
});

test("where a type is asked for, text of a page of another site is refused", async (t) => {
  const { post, seen } = await serve(t, { maxBytes: 1000, isTyped: true });
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=json", "application/jsonx"]) {
    const { status, body } = await post("{}", type);
    assert.equal(status, 415);
    assert.match(body.error!, /Content-Type: application\/json/);
  }
  assert.deepEqual(seen, []);
  for (const type of ["application/json", "application/json; charset=utf-8", "application/merge-patch+json"])
    assert.equal((await post("{}", type)).status, 200, type);
  assert.equal((await post(undefined, "text/plain")).status, 200, "nothing is no text");
});
