// The profiling server over HTTP: profiles that Chrome's tools can open, one at a time, for those who may.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { deferred } from "#base/deferred.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { PprofServer, type PprofServerOptions } from "./pprof-server.ts";
import { Profiler } from "./profiler.ts";

async function start(t: TestContext, more: Partial<PprofServerOptions> = {}) {
  const log = collectedLog();
  const server = await PprofServer.listen({
    address: { host: "127.0.0.1", port: 0 },
    allowOrigins: [],
    readTimeoutMs: 10_000,
    writeTimeoutMs: 10_000,
    trustsProxy: () => false,
    log,
    authorize: async () => ({ allowed: true, user: "" }),
    ...more,
  });
  t.after(() => server.close());
  const origin = `http://127.0.0.1:${server.port}`;
  const errorOf = async (target: string, status: number, method = "GET"): Promise<string> => {
    const response = await fetch(origin + target, { method });
    assert.equal(response.status, status, target);
    return ((await response.json()) as { readonly error: string }).error;
  };
  return { origin, log, errorOf };
}

test("a CPU profile of what runs", async (t) => {
  let waited = 0;
  const wait = async (ms: number): Promise<void> => {
    waited = ms;
    for (const until = performance.now() + 50; performance.now() < until; ) burnProcessorTime();
  };
  const { origin } = await start(t, { profiler: new Profiler({ wait }) });
  const response = await fetch(`${origin}/debug/pprof/profile?seconds=7`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-disposition")!, /^attachment; filename="camgate_[\d_-]+\.cpuprofile"$/);
  const profile = (await response.json()) as { nodes: { callFrame: { functionName: string } }[]; samples: number[]; startTime: number };
  assert.equal(waited, 7000);
  assert.ok(profile.samples.length > 5);
  assert.ok(profile.nodes.some(({ callFrame }) => callFrame.functionName === "burnProcessorTime"));
});

function burnProcessorTime(): void {
  for (let i = 0; i < 1000; i++) Math.sqrt(i);
}

test("what was allocated, and what is in memory", async (t) => {
  const kept: object[] = [];
  const wait = async (): Promise<void> => {
    for (let i = 0; i < 100_000; i++) kept.push({ i });
  };
  const { origin } = await start(t, { profiler: new Profiler({ wait }) });
  const allocations = await fetch(`${origin}/debug/pprof/allocs`);
  assert.match(allocations.headers.get("content-disposition")!, /\.heapprofile"$/);
  const { samples } = (await allocations.json()) as { samples: unknown[] };
  assert.ok(samples.length > 0 && kept.length > 0);

  const heap = await fetch(`${origin}/debug/pprof/heap`);
  assert.match(heap.headers.get("content-disposition")!, /\.heapsnapshot"$/);
  assert.equal(heap.headers.get("cache-control"), "no-store");
  const { snapshot, nodes } = (await heap.json()) as { snapshot: { node_count: number; meta: { node_fields: string[] } }; nodes: number[] };
  assert.equal(nodes.length, snapshot.node_count * snapshot.meta.node_fields.length);
});

test("one at a time; a client that is gone does not keep others waiting", async (t) => {
  const started = deferred<AbortSignal>();
  const wait = (_ms: number, signal: AbortSignal): Promise<void> => {
    started.resolve(signal);
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
  };
  const profiler = new Profiler({ wait });
  const { origin, errorOf, log } = await start(t, { profiler });
  const gone = new AbortController();
  const first = fetch(`${origin}/debug/pprof/profile`, { signal: gone.signal });
  const signal = await started.promise;
  for (const name of ["profile", "allocs", "heap"])
    assert.equal(await errorOf(`/debug/pprof/${name}`, 409), "another profile is being made: try again when it is ready");
  gone.abort();
  await assert.rejects(first);
  await new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener("abort", () => resolve())));
  const heap = await (async () => {
    for (;;) {
      const response = await fetch(`${origin}/debug/pprof/heap`);
      if (response.status !== 409) return response;
      await response.arrayBuffer();
    }
  })();
  assert.equal(heap.status, 200);
  await heap.arrayBuffer();
  assert.deepEqual(log.lines, []);
});

test("times that are none, other methods, names of Go's profiles", async (t) => {
  const { origin, errorOf } = await start(t, { profiler: new Profiler({ wait: () => assert.fail("a profile was begun") }) });
  for (const seconds of ["0", "121", "-1", "1.5", "1e1", "x", ""])
    assert.equal(await errorOf(`/debug/pprof/profile?seconds=${seconds}`, 400), "seconds: has to be a number from 1 to 120");
  assert.equal(await errorOf("/debug/pprof/profile", 405, "POST"), "method not allowed");
  for (const name of ["goroutine", "block", "mutex", "threadcreate", "trace", "symbol", "cmdline"])
    assert.match(await errorOf(`/debug/pprof/${name}`, 404), new RegExp(`no ${name} profile: /debug/pprof/ tells`));
  assert.match(await errorOf("/debug/pprof/../../etc/passwd", 404), /^not found/);
  for (const [target, location] of [
    ["/", "debug/pprof/"],
    ["/debug/pprof", "pprof/"],
  ] as const) {
    const response = await fetch(origin + target, { redirect: "manual" });
    assert.deepEqual([response.status, response.headers.get("location")], [302, location]);
  }
});

test("a page that says what there is, and lets nothing else in", async (t) => {
  const { origin } = await start(t);
  const page = await fetch(`${origin}/debug/pprof/`);
  assert.match(
    page.headers.get("content-security-policy")!,
    /^default-src 'none'; style-src 'sha256-[\w+/=]+'; base-uri 'none'; frame-ancestors 'none'$/,
  );
  const html = await page.text();
  for (const link of ["profile?seconds=30", "allocs?seconds=30", "heap"]) assert.ok(html.includes(`<a href="${link}">`), link);
});

test("who may not in learns nothing", async (t) => {
  const { origin, errorOf, log } = await start(t, {
    authorize: async ({ action, credentials }) => {
      assert.equal(action, "pprof");
      return { allowed: false, challenge: credentials.kind === "none", delayMs: 0, reason: "wrong password" };
    },
  });
  for (const target of ["/debug/pprof/", "/debug/pprof/heap", "/elsewhere"])
    assert.equal(await errorOf(target, 401), "authentication error");
  await fetch(`${origin}/debug/pprof/heap`, { headers: { authorization: "Bearer a:b" } });
  assert.deepEqual(log.lines, ["connection 127.0.0.1 failed to authenticate: wrong password"]);
});
