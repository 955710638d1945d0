// How a client is told that it may not in.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { deferred } from "#base/deferred.ts";
import { sendDenial } from "./denial.ts";

/** A server that answers as `answer` does; its URL. */
async function serve(t: TestContext, answer: (path: string, response: ServerResponse) => Promise<void>): Promise<string> {
  const server = createServer(({ url = "" }, response) => void answer(url, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("a challenge only where nothing was supplied", async (t) => {
  const { signal } = new AbortController();
  const origin = await serve(t, (path, response) => sendDenial(response, { challenge: path === "/ask", delayMs: 1 }, signal));
  for (const [path, challenge] of [
    ["/ask", 'Basic realm="mediamtx"'],
    ["/wrong", null],
  ] as const) {
    const response = await fetch(origin + path);
    assert.equal(response.status, 401);
    assert.equal(response.headers.get("www-authenticate"), challenge);
    assert.deepEqual(await response.json(), { status: "error", error: "authentication error" });
  }
});

test("who goes while it has to wait is not waited for", async (t) => {
  const asked = deferred<void>();
  const answered = deferred<boolean>();
  const origin = await serve(t, async (_path, response) => {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    asked.resolve();
    await sendDenial(response, { challenge: false, delayMs: 3_600_000 }, gone.signal);
    answered.resolve(response.headersSent);
  });
  const outgoing = request(origin).on("error", () => {});
  outgoing.end();
  await asked.promise;
  outgoing.destroy();
  assert.equal(await answered.promise, false);
});
