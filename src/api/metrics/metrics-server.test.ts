// The metrics server over HTTP: who may in, statuses, headers, body.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { AccessRequest, Denial } from "#relay/access.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { readExposition } from "#testing/exposition.ts";
import { MetricsServer, type MetricsServerOptions } from "./metrics-server.ts";
import { processFacts } from "./process-facts.ts";

async function start(t: TestContext, more: Partial<MetricsServerOptions> = {}) {
  const asked: AccessRequest[] = [];
  const log = collectedLog();
  const server = await MetricsServer.listen({
    address: { host: "127.0.0.1", port: 0 },
    allowOrigins: ["http://noc.example"],
    readTimeoutMs: 10_000,
    writeTimeoutMs: 10_000,
    trustsProxy: () => false,
    log,
    media: {
      paths: () => [{ name: "gäte", state: "available", readers: [], inboundBytes: 1, outboundBytes: 2, inboundFramesInError: 0 }],
      rtsp: undefined,
    },
    camgate: {
      access: () => ({
        connections: { open: 3, refused: { total: 1, perAddress: 2, strangersPerAddress: 3, madeRoom: 4 } },
        readersRefused: 5,
        auth: { granted: 10, challenged: 11, refused: 12, refusedBanned: 4, bans: 1, hashes: 13, serviceFaults: 2 },
      }),
      version: "1.2.3",
      nowUs: () => 0,
      recorders: () => [],
      gaps: () => [],
      ring: () => undefined,
      folders: async () => [],
      process: processFacts,
      eventLoopDelay: () => undefined,
      nativeRung: () => "dgram",
      clock: () => ({ quality: "est", errorMs: undefined }),
      gcMs: () => 0,
      host: () => undefined,
      paths: () => [],
      config: () => ({
        loadedAt: new Date(0),
        lastError: undefined,
        reloads: { applied: 0, refused: 0 },
        overlay: { hasChanges: false, fault: undefined },
        pendingRestart: [],
      }),
    },
    ...more,
    authorize: async (request) => {
      asked.push(request);
      return more.authorize === undefined ? { allowed: true, user: "" } : more.authorize(request);
    },
  });
  t.after(() => server.close());
  return { asked, log, origin: `http://127.0.0.1:${server.port}` };
}

test("MediaMTX's metrics, then our own", async (t) => {
  const { origin, asked } = await start(t);
  const response = await fetch(`${origin}/metrics?x=1`, { headers: { authorization: "Bearer user:pass", "user-agent": "scraper" } });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assert.equal(response.headers.get("server"), "mediamtx");
  const text = await response.text();
  assert.match(text, /^# Paths\npaths\{name="gäte",state="ready"\} 1\n/);
  assert.ok(readExposition(text).types.has("camgate_clock_quality"));
  const [question] = asked;
  assert.equal(question?.action, "metrics");
  assert.equal(question.path, "");
  assert.equal(question.protocol, "");
  assert.equal(question.remote.address, "127.0.0.1");
  assert.equal(question.query, "x=1");
  assert.equal(question.userAgent, "scraper");
  assert.deepEqual(question.credentials, { kind: "basic", user: "user", pass: "pass" });
});

test("filters come from the query", async (t) => {
  const { origin } = await start(t);
  const text = await (await fetch(`${origin}/metrics?type=paths&path=g%C3%A4te`)).text();
  assert.deepEqual(new Set(readExposition(text).samples.map(({ labels }) => labels["name"])), new Set(["gäte"]));
  assert.equal(await (await fetch(`${origin}/metrics?rtsp_conn=x`)).text(), "");
});

test("HEAD has the length, other methods and places nothing", async (t) => {
  const { origin } = await start(t);
  const head = await fetch(`${origin}/metrics?type=paths`, { method: "HEAD" });
  const body = await (await fetch(`${origin}/metrics?type=paths`)).arrayBuffer();
  assert.equal(Number(head.headers.get("content-length")), body.byteLength);
  assert.equal(await head.text(), "");
  const post = await fetch(`${origin}/metrics`, { method: "POST" });
  assert.equal(post.status, 405);
  assert.equal(post.headers.get("allow"), "GET, HEAD");
  const elsewhere = await fetch(`${origin}/`);
  assert.equal(elsewhere.status, 404);
  assert.deepEqual(await elsewhere.json(), { status: "error", error: "not found" });
});

test("a preflight is answered before anybody is asked who he is", async (t) => {
  const { origin, asked } = await start(t);
  const headers = { origin: "http://noc.example", "access-control-request-method": "GET" };
  const response = await fetch(`${origin}/metrics`, { method: "OPTIONS", headers });
  assert.equal(response.status, 204);
  assert.equal(response.headers.get("access-control-allow-origin"), "http://noc.example");
  assert.equal(response.headers.get("access-control-allow-methods"), "OPTIONS, GET");
  assert.equal(response.headers.get("access-control-allow-headers"), "Authorization");
  assert.deepEqual(asked, []);
});

test("who may not in is told so, wherever he looks; only a failed attempt is in the log", async (t) => {
  let challenge = true;
  const authorize = async (): Promise<Denial> => ({ allowed: false, challenge, delayMs: 0, reason: "wrong password" });
  const { origin, log } = await start(t, { authorize });
  for (const place of ["/metrics", "/elsewhere"]) {
    const response = await fetch(origin + place);
    assert.equal(response.status, 401);
    assert.equal(response.headers.get("www-authenticate"), 'Basic realm="mediamtx"');
    assert.deepEqual(await response.json(), { status: "error", error: "authentication error" });
  }
  assert.deepEqual(log.lines, []);
  challenge = false;
  const response = await fetch(`${origin}/metrics`);
  assert.equal(response.status, 401);
  assert.equal(response.headers.get("www-authenticate"), null);
  await response.text();
  assert.deepEqual(log.lines, ["connection 127.0.0.1 failed to authenticate: wrong password"]);
});

test("an address that is taken is told of", async (t) => {
  const { origin } = await start(t);
  const port = Number(new URL(origin).port);
  await assert.rejects(start(t, { address: { host: "127.0.0.1", port } }), { code: "EADDRINUSE" });
});
