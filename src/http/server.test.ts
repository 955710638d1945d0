// What every HTTP listener shares, over real connections.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { request as secureRequest } from "node:https";
import { connect } from "node:net";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { deferred } from "#base/deferred.ts";
import { CallerFault } from "#base/errors.ts";
import { silentLog } from "#base/log.ts";
import { AwaitedLog } from "#testing/awaited-log.ts";
import { collectedLog } from "#testing/collected-log.ts";
import type { TestScope } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { writeSelfSigned } from "#testing/self-signed.ts";
import { HttpFault } from "./http-fault.ts";
import { type HttpExchange, HttpServer, type HttpServerOptions, sendJson, writeBody } from "./server.ts";

interface HttpSite {
  readonly server: HttpServer;
  readonly origin: string;
  /** Sends text as it is, and resolves with all that comes until the server closes. */
  raw(text: string): Promise<string>;
}

async function startHttpSite(scope: TestScope, options: Partial<HttpServerOptions> & Pick<HttpServerOptions, "handle">): Promise<HttpSite> {
  const server = await HttpServer.listen({
    address: { host: "127.0.0.1", port: 0 },
    allowOrigins: [],
    preflight: { methods: "OPTIONS, GET", headers: "Authorization" },
    readTimeoutMs: 10_000,
    writeTimeoutMs: 10_000,
    trustsProxy: () => false,
    log: silentLog,
    ...options,
  });
  scope.after(() => server.close());
  const raw = async (text: string): Promise<string> => {
    const socket = connect(server.port, "127.0.0.1");
    await once(socket, "connect");
    socket.write(text);
    return (await buffer(socket)).toString("utf8");
  };
  return { server, origin: `http://127.0.0.1:${server.port}`, raw };
}

/** Answers what the handler is told. */
async function echo({ response, path, query, rawQuery, remote, credentials, publicUrl }: HttpExchange): Promise<void> {
  const { address } = remote;
  sendJson(response, 200, { path, query: [...query], rawQuery, address, credentials, publicUrl });
}

test("a handler is told path, query, credentials and who asks", async (t) => {
  const site = await startHttpSite(t, { handle: echo });
  const response = await fetch(`${site.origin}/a%2Fb/c?x=1&y=a+b%26&x=2`, { headers: { authorization: "Bearer t" } });
  assert.equal(response.headers.get("server"), "mediamtx");
  assert.equal(response.headers.get("content-type"), "application/json; charset=utf-8");
  assert.equal(response.headers.get("access-control-allow-origin"), null);
  const query = [
    ["x", "1"],
    ["y", "a b&"],
    ["x", "2"],
  ];
  const told = { path: "/a%2Fb/c", query, rawQuery: "x=1&y=a+b%26&x=2", address: "127.0.0.1", credentials: { kind: "token", token: "t" } };
  assert.deepEqual(await response.json(), { ...told, publicUrl: site.origin });
});

const FORWARDED = {
  "x-forwarded-for": "203.0.113.9, 198.51.100.1, 10.0.0.2",
  "x-forwarded-proto": "https",
  "x-forwarded-prefix": "/cams/",
};

test("what a proxy says counts only where it is trusted", async (t) => {
  const stranger = await startHttpSite(t, { handle: echo });
  const told = (await (await fetch(stranger.origin, { headers: FORWARDED })).json()) as Record<string, unknown>;
  assert.deepEqual([told["address"], told["publicUrl"]], ["127.0.0.1", stranger.origin]);

  const trustsProxy = (address: string): boolean => address === "127.0.0.1" || address.startsWith("10.");
  const site = await startHttpSite(t, { handle: echo, trustsProxy });
  const through = (await (await fetch(site.origin, { headers: FORWARDED })).json()) as Record<string, unknown>;
  assert.deepEqual([through["address"], through["publicUrl"]], ["198.51.100.1", `https://127.0.0.1:${site.server.port}/cams`]);
  const bare = (await (await fetch(site.origin, { headers: { "x-forwarded-for": "10.0.0.2, " } })).json()) as Record<string, unknown>;
  assert.deepEqual([bare["address"], bare["publicUrl"]], ["10.0.0.2", site.origin]);
  const host = (await (await fetch(site.origin, { headers: { "x-forwarded-host": "noc.example" } })).json()) as Record<string, unknown>;
  assert.deepEqual([host["address"], host["publicUrl"]], ["127.0.0.1", "http://noc.example"]);
});

test("pages of other sites: the header for those that may, and preflights without a question", async (t) => {
  let handled = 0;
  const site = await startHttpSite(t, {
    allowOrigins: ["https://page.example", "*"],
    handle: async (exchange) => {
      handled++;
      await echo(exchange);
    },
  });
  const from = async (origin: string) => await fetch(site.origin, { headers: { origin } });
  const known = await from("https://page.example");
  assert.deepEqual([known.headers.get("access-control-allow-origin"), known.headers.get("vary")], ["https://page.example", "Origin"]);
  const other = await from("https://other.example");
  assert.deepEqual([other.headers.get("access-control-allow-origin"), other.headers.get("vary")], ["*", null]);
  assert.equal(handled, 2);
  const headers = { origin: "https://page.example", "access-control-request-method": "GET" };
  const preflight = await fetch(site.origin, { method: "OPTIONS", headers });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get("access-control-allow-methods"), "OPTIONS, GET");
  assert.equal(preflight.headers.get("access-control-allow-headers"), "Authorization");
  assert.equal(preflight.headers.get("access-control-allow-origin"), "https://page.example");
  assert.equal(handled, 2);
  await fetch(site.origin, { method: "OPTIONS" });
  assert.equal(handled, 3);
});

test("what is thrown becomes the answer; only our own errors are logged, without the query", async (t) => {
  const log = collectedLog();
  const errors: Record<string, Error> = {
    "/teapot": new HttpFault(418, "short and stout"),
    "/gone": new CallerFault("not-found", "no such thing"),
    "/bug": new TypeError("x is not a function"),
  };
  const site = await startHttpSite(t, {
    log,
    handle: async ({ path }) => {
      throw errors[path]!;
    },
  });
  for (const [path, status, error] of [
    ["/teapot", 418, "short and stout"],
    ["/gone", 404, "no such thing"],
    ["/bug?pass=secret", 500, "internal error; the log says more"],
  ] as const) {
    const response = await fetch(site.origin + path);
    assert.equal(response.status, status);
    assert.deepEqual(await response.json(), { status: "error", error });
  }
  assert.deepEqual(log.lines, ["GET /bug: x is not a function"]);
});

test("an error behind the first byte breaks the answer off", async (t) => {
  const log = collectedLog();
  const site = await startHttpSite(t, {
    log,
    handle: async ({ response, signal }) => {
      response.writeHead(200);
      await writeBody(response, Buffer.from("half"), signal);
      throw new Error("the rest is not there");
    },
  });
  await assert.rejects(async () => (await fetch(site.origin)).text());
  assert.deepEqual(log.lines, ["GET /: the rest is not there"]);
});

test("targets that are no path, and bytes that are no request", async (t) => {
  const site = await startHttpSite(t, { handle: echo });
  const absolute = await site.raw("GET http://x/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  assert.match(absolute, /^HTTP\/1\.1 400 Bad Request\r\n/);
  assert.match(absolute, /\r\n\r\n0\r\n\r\n$|\r\nContent-Length: 0\r\n.*\r\n\r\n$/s);
  assert.match(await site.raw("\x16\x03\x01\x00\r\n\r\n"), /^HTTP\/1\.1 400 Bad Request\r\n/);
  assert.match(
    await site.raw(`GET / HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(20_000)}\r\n\r\n`),
    /^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/,
  );
});

test("a request that never comes to its end is given up", async (t) => {
  const site = await startHttpSite(t, { handle: echo, readTimeoutMs: 50 });
  assert.match(await site.raw("GET / HTTP/1.1\r\nHost: x\r\n"), /^HTTP\/1\.1 4\d\d |^$/);
});

test("a slow client holds the answer, a client that goes ends it", async (t) => {
  let written = 0;
  const ended = deferred<unknown>();
  const site = await startHttpSite(t, {
    handle: async ({ response, signal }) => {
      try {
        for (; written < 10_000; written++) await writeBody(response, Buffer.alloc(65_536), signal);
      } catch (error) {
        ended.resolve(error);
        throw error;
      }
    },
  });
  const socket = connect(site.server.port, "127.0.0.1");
  await once(socket, "connect");
  socket.pause();
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  let last = -1;
  const settled = await until("the answer waits", () => {
    const isSettled = written > 0 && written === last;
    last = written;
    return isSettled && written;
  });
  assert.ok(settled < 1000, `${settled} blocks for a client that takes none`);
  socket.destroy();
  assert.ok((await ended.promise) instanceof HttpFault);
});

test("writing to a client that is gone is refused at once", async (t) => {
  const outcome = deferred<unknown>();
  const asked = deferred<void>();
  const site = await startHttpSite(t, {
    handle: async ({ response, signal }) => {
      asked.resolve();
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      await writeBody(response, Buffer.from("x"), signal).catch(outcome.resolve);
    },
  });
  const outgoing = request(site.origin).on("error", () => {});
  outgoing.end();
  await asked.promise;
  outgoing.destroy();
  assert.ok((await outcome.promise) instanceof HttpFault);
});

test("a close tells the handlers, waits for them, and ends what stays silent", async (t) => {
  const order: string[] = [];
  const asked = deferred<void>();
  const site = await startHttpSite(t, {
    handle: async ({ response, signal }) => {
      asked.resolve();
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      sendJson(response, 200, "bye");
      order.push("answered");
    },
  });
  const answer = fetch(site.origin);
  await asked.promise;
  await site.server.close();
  order.push("closed");
  assert.equal(await (await answer).json(), "bye");
  assert.deepEqual(order, ["answered", "closed"]);
  await assert.rejects(fetch(site.origin));
});

test("an address that is taken", async (t) => {
  const site = await startHttpSite(t, { handle: echo });
  const options = {
    allowOrigins: [],
    preflight: { methods: "", headers: "" },
    readTimeoutMs: 1000,
    writeTimeoutMs: 1000,
    log: collectedLog(),
  };
  const address = { host: "127.0.0.1", port: site.server.port };
  await assert.rejects(HttpServer.listen({ ...options, address, trustsProxy: () => false, handle: echo }), { code: "EADDRINUSE" });
});

/** Trusts that certificate and no other. */
async function getSecurely(port: number, ca: Buffer, path: string): Promise<string> {
  const outgoing = secureRequest({ host: "127.0.0.1", port, path, ca, agent: false, headers: { host: `localhost:${port}` } });
  outgoing.end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  return (await buffer(response)).toString("utf8");
}

test("over TLS, with a certificate that is replaced while it serves", async (t) => {
  const folder = await temporaryFolder(t);
  const old = await writeSelfSigned(folder);
  const log = new AwaitedLog();
  const certificate = { keyFile: old.keyFile, certFile: old.certFile, keySetting: "apiServerKey", certSetting: "apiServerCert" };
  const { server, raw } = await startHttpSite(t, { certificate, log, handle: echo });
  const answer = JSON.parse(await getSecurely(server.port, old.cert, "/x?y=1"));
  assert.deepEqual([answer.path, answer.rawQuery, answer.publicUrl], ["/x", "y=1", `https://localhost:${server.port}`]);
  const renewed = await writeSelfSigned(folder);
  await log.line(/new certificate/);
  await getSecurely(server.port, renewed.cert, "/");
  await assert.rejects(getSecurely(server.port, old.cert, "/"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
  // Who speaks plain HTTP to it, or rubbish, is let go; the others are served.
  await raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await raw("rubbish\r\n\r\n");
  await getSecurely(server.port, renewed.cert, "/");
});

test("without its certificate it does not start", async (t) => {
  const folder = await temporaryFolder(t);
  const certificate = { keyFile: `${folder}/k`, certFile: `${folder}/c`, keySetting: "apiServerKey", certSetting: "apiServerCert" };
  await assert.rejects(startHttpSite(t, { certificate, handle: echo }), { message: /^apiServer(Key|Cert): .*ENOENT/ });
});
