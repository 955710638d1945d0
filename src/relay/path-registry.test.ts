import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { silentLog } from "#base/log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { pathConf } from "#testing/rtsp-site.ts";
import { scriptedSource } from "#testing/scripted-source.ts";
import { syntheticTrack } from "#testing/synthetic-track.ts";
import { UnitTap } from "#testing/unit-tap.ts";
import { AccessDenied, type AccessRequest, type Authorize, type Grant } from "./access.ts";
import type { Publisher } from "./path.ts";
import type { PathConf } from "./path-options.ts";
import { PathRegistry } from "./path-registry.ts";
import type { EndReason } from "./reader.ts";

const allowed: Authorize = () => Promise.resolve({ allowed: true, user: "somebody" });

function setUp(confs: readonly PathConf[], authorize = allowed, honours = (_grant: Grant): boolean => true): PathRegistry {
  return new PathRegistry({
    clock: new FakeClock(),
    log: silentLog,
    udpMaxPayloadBytes: 1452,
    authorize,
    honours,
    confs,
    nameFault: (path) => (path === "" ? "cannot be empty" : undefined),
  });
}

function request(path: string, action: AccessRequest["action"] = "read"): AccessRequest {
  return {
    action,
    path,
    protocol: "rtsp",
    remote: { address: "127.0.0.1", port: 1 },
    query: "q",
    id: "",
    credentials: { kind: "none" },
  };
}

function publisher(): Publisher & { readonly ends: EndReason[] } {
  const ends: EndReason[] = [];
  return { type: "rtspSession", id: "p", ends, onEnd: (reason) => ends.push(reason) };
}

const CLIENT = { type: "rtspSession", id: "r" };

async function publish(registry: PathRegistry, path: string, who = publisher()) {
  const lease = registry.openForPublish(await registry.permitPublish(request(path, "publish")), who);
  lease.sink.ready([syntheticTrack()], "packets");
  return { lease, who };
}

test("the door: name, leave and entry are looked at, in this order, whatever is asked", async () => {
  const asked: string[] = [];
  const registry = setUp([pathConf("cam")], ({ action, path }) => {
    asked.push(`${action} ${path}`);
    return Promise.resolve(
      path === "secret" ? { allowed: false, challenge: true, delayMs: 0, reason: "no" } : { allowed: true, user: "u" },
    );
  });
  const doors = [
    (path: string) => registry.describe(request(path)),
    (path: string) => registry.openForRead(request(path), new UnitTap(), CLIENT),
    (path: string) => registry.permitPublish(request(path, "publish")),
  ];
  assert.equal((await registry.permit(request("recorded", "playback"))).user, "u");
  await assert.rejects(registry.permit(request("", "playback")), { code: "invalid" });
  await assert.rejects(registry.permit(request("secret", "playback")), AccessDenied);
  assert.deepEqual(asked.splice(0), ["playback recorded", "playback secret"], "recordings outlive the entry of their path");
  for (const open of doors) {
    await assert.rejects(open(""), { code: "invalid", message: "invalid path name: cannot be empty ()" });
    await assert.rejects(open("secret"), (error) => error instanceof AccessDenied && error.denial.challenge);
    await assert.rejects(open("other"), { code: "not-configured", message: "path 'other' is not configured" });
  }
  assert.deepEqual(asked, ["read secret", "read other", "read secret", "read other", "publish secret", "publish other"]);
});

test("every refusal of a path comes through", async () => {
  const registry = setUp([
    pathConf("cam"),
    pathConf("full", { maxReaders: 1 }),
    pathConf("pulled", { source: { kind: "redirect", target: "/cam" } }),
    pathConf("taken", { source: { kind: "publisher", overridePublisher: false } }),
  ]);
  const read = (path: string) => registry.openForRead(request(path), new UnitTap(), CLIENT);
  await assert.rejects(read("cam"), { code: "no-stream" });
  await publish(registry, "full");
  await read("full");
  await assert.rejects(read("full"), { code: "too-many" });
  await assert.rejects(publish(registry, "pulled"), { code: "conflict", message: /'source' is not 'publisher'/ });
  await publish(registry, "taken");
  await assert.rejects(publish(registry, "taken"), { code: "conflict", message: /already publishing/ });
  assert.deepEqual(await registry.describe(request("pulled")), { redirect: "/cam" });
});

test("who was let in is named", async () => {
  const registry = setUp([pathConf("cam")]);
  await publish(registry, "cam");
  const lease = await registry.openForRead(request("cam"), new UnitTap(), CLIENT);
  assert.equal(lease.grant.user, "somebody");
  assert.equal((await registry.permitPublish(request("cam", "publish"))).grant.user, "somebody");
});

test("a reader of the gateway's own is not asked at the door, and has a place as any other", async () => {
  const refused: Authorize = () => Promise.reject(new Error("somebody was asked"));
  const registry = setUp([pathConf("cam")], refused);
  const tap = new UnitTap();
  const own = { type: "push", id: "1" };
  await assert.rejects(registry.openForOwn("", tap, own), { code: "invalid" });
  await assert.rejects(registry.openForOwn("other", tap, own), { code: "not-configured" });
  await assert.rejects(registry.openForOwn("cam", tap, own), { code: "no-stream" });
  registry.get("cam")!.publish(publisher()).sink.ready([syntheticTrack()], "packets");
  const lease = await registry.openForOwn("cam", tap, own);
  assert.deepEqual(registry.get("cam")!.snapshot().readers, [own]);
  lease.close();
  assert.deepEqual(registry.get("cam")!.snapshot().readers, []);
});

test("a grant that is taken back while something is awaited opens nothing", async () => {
  const honoured = new Set<unknown>();
  const registry = setUp([pathConf("cam"), pathConf("copy")], undefined, (grant) => honoured.size === 0 || honoured.has(grant));
  await publish(registry, "cam");
  const permit = await registry.permitPublish(request("copy", "publish"));
  const described = registry.describe(request("cam"));
  const tap = new UnitTap();
  const opened = registry.openForRead(request("cam"), tap, CLIENT);
  honoured.add("nobody's");
  await assert.rejects(described, AccessDenied);
  await assert.rejects(opened, AccessDenied);
  assert.throws(() => registry.openForPublish(permit, publisher()), AccessDenied);
  assert.equal(registry.get("cam")!.snapshot().readers.length, 0);
});

test("paths of exact entries are there from the start; those of expressions while they are needed", async () => {
  const registry = setUp([pathConf("cam"), pathConf("~^x(.*)$"), pathConf("all_others")]);
  const names = (): string[] => registry.list().map(({ name }) => name);
  assert.deepEqual(names(), ["cam"]);
  const { lease } = await publish(registry, "x1");
  const reading = await registry.openForRead(request("x1"), new UnitTap(), CLIENT);
  assert.deepEqual(names(), ["cam", "x1"]);
  assert.deepEqual(registry.get("x1")?.groups, ["1"]);
  lease.close();
  assert.deepEqual(names(), ["cam"]);
  reading.close();
  await publish(registry, "x1");
  reading.close();
  assert.deepEqual(names(), ["cam", "x1"], "a lease of the path before has no power over this one");
});

test("asking for what is not there leaves no path behind", async () => {
  const registry = setUp([pathConf("~^r.*$", { source: { kind: "redirect", target: "/x" } }), pathConf("all_others")]);
  for (let i = 0; i < 10; i++) {
    await assert.rejects(registry.describe(request(`d${i}`)), { code: "no-stream" });
    await assert.rejects(registry.openForRead(request(`o${i}`), new UnitTap(), CLIENT), { code: "no-stream" });
    await registry.describe(request(`r${i}`));
    await assert.rejects(publish(registry, `r${i}`), { code: "conflict" });
  }
  assert.deepEqual(registry.list(), []);
});

test("a publisher that takes over a path of an expression has a path", async () => {
  const registry = setUp([pathConf("all_others")]);
  const first = await publish(registry, "cam");
  const second = await publish(registry, "cam");
  assert.deepEqual(first.who.ends, ["closed"]);
  assert.equal(registry.get("cam")?.state, "available");
  second.lease.close();
  assert.deepEqual(registry.list(), []);
});

test("on demand by an expression: the path is there while somebody waits, and goes with the source", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const scripted = scriptedSource({ onDemand: { startTimeoutMs: 1000, closeAfterMs: 1000 }, url: "rtsp://h/$G1?$MTX_QUERY" });
  const registry = setUp([pathConf("~^c(\\d)$", { source: scripted.source })]);
  const waiting = registry.describe(request("c5"));
  await setImmediate();
  assert.equal(registry.list().length, 1);
  assert.equal(scripted.last.url, "rtsp://h/5?q");
  scripted.last.ready();
  await waiting;
  t.mock.timers.tick(1000);
  await setImmediate();
  assert.deepEqual(registry.list(), []);

  const late = assert.rejects(registry.describe(request("c6")), { code: "timed-out", message: "source of path 'c6' has timed out" });
  await setImmediate();
  t.mock.timers.tick(1000);
  await late;
  assert.deepEqual(registry.list(), []);
});

test("a permit is void once its entry changes, and holds over a reload that changes nothing of it", async () => {
  const registry = setUp([pathConf("cam")]);
  const permit = await registry.permitPublish(request("cam", "publish"));
  registry.reload([pathConf("cam", { gopCache: false }), pathConf("new")]);
  registry.openForPublish(permit, publisher()).close();
  registry.reload([pathConf("cam", { maxReaders: 5 })]);
  assert.throws(() => registry.openForPublish(permit, publisher()), { code: "conflict", message: "configuration has changed" });
});

test("a reload: live settings reach the path as it is, others make it anew, entries that are gone take theirs along", async () => {
  const registry = setUp([pathConf("a"), pathConf("b"), pathConf("c"), pathConf("all_others")]);
  const published = new Map(await Promise.all(["a", "b", "c", "d"].map(async (name) => [name, await publish(registry, name)] as const)));
  const before = new Map(registry.list().map((path) => [path.name, path]));
  registry.reload([pathConf("a", { gopCache: false }), pathConf("b", { maxReaders: 1 }), pathConf("new")]);
  assert.deepEqual(
    registry.list().map(({ name }) => name),
    ["a", "b", "new"],
  );
  assert.equal(registry.get("a"), before.get("a"));
  assert.equal(registry.get("a")?.conf.options.gopCache, false);
  assert.equal(registry.get("a")?.state, "available");
  assert.notEqual(registry.get("b"), before.get("b"));
  assert.deepEqual(
    ["a", "b", "c", "d"].map((name) => published.get(name)!.who.ends),
    [[], ["path-removed"], ["path-removed"], ["path-removed"]],
  );
});

test("a reload: an exact path that nobody uses is not kept for an expression", () => {
  const registry = setUp([pathConf("a")]);
  registry.reload([pathConf("all_others")]);
  assert.deepEqual(registry.list(), []);
});

test("a reload: a pulled path whose groups are others now has another URL", async () => {
  const scripted = scriptedSource({ onDemand: { startTimeoutMs: 60_000, closeAfterMs: 60_000 }, url: "rtsp://h/$G1" });
  const registry = setUp([pathConf("~^cam(.)$", { source: scripted.source })]);
  const waiting = assert.rejects(registry.describe(request("cam1")), { code: "no-stream", message: /was removed/ });
  await setImmediate();
  registry.reload([pathConf("~^(cam.)$", { source: scripted.source })]);
  await waiting;
  assert.ok(scripted.last.aborted);
  assert.deepEqual(registry.list(), []);
});

test("close ends every path", async () => {
  const registry = setUp([pathConf("a"), pathConf("all_others")]);
  const { who } = await publish(registry, "b");
  registry.close();
  assert.deepEqual(who.ends, ["path-removed"]);
  assert.deepEqual(registry.list(), []);
});

test("who watches is told of paths that are there, come, change and go", async () => {
  const registry = setUp([pathConf("cam"), pathConf("~^dyn")]);
  const told: string[] = [];
  const unwatch = registry.watch({
    opened: (path) => told.push(`opened ${path.name} ${path.state}`),
    updated: (path) => told.push(`updated ${path.name} ${path.conf.options.gopCache}`),
    closed: (path) => told.push(`closed ${path.name} ${path.state}`),
  });
  assert.deepEqual(told.splice(0), ["opened cam empty"]);
  const { lease } = await publish(registry, "dyn");
  registry.reload([pathConf("cam", { gopCache: false }), pathConf("~^dyn")]);
  lease.close();
  assert.deepEqual(told.splice(0), ["opened dyn empty", "updated cam false", "updated dyn true", "closed dyn closed"]);
  registry.reload([pathConf("cam", { maxReaders: 1 }), pathConf("other")]);
  assert.deepEqual(told.splice(0), ["closed cam closed", "opened cam empty", "opened other empty"]);
  unwatch();
  registry.close();
  assert.deepEqual(told, []);
});
