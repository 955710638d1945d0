// The desired config on simulated time: what is kept, what is undone, and what a gateway finds that was cut off in the middle.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { silentLog } from "#base/log.ts";
import { FaultFs } from "#testing/fault-fs.ts";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { SimulatedTime } from "#testing/simulated-time.ts";
import { type ConfigPort, DesiredConfig, type DesiredReport, desiredHash } from "./desired-config.ts";
import { hashOf } from "./desired-document.ts";
import { DesiredStore } from "./desired-state.ts";

/** As the link puts it in front of a report. */
const ENVELOPE = { v: 1, sid: "00000001-0001", seq: 1, ts: 1, tq: "ntp", mono: 1, boot: 1 };

type Doc = Readonly<Record<string, unknown>>;

interface World {
  /** Whether the broker takes messages while a config runs. */
  brokerTakes(running: Doc | undefined, nowMs: number): boolean | Promise<boolean>;
  elsewhere: boolean;
  mediaHolds(running: Doc | undefined, nowMs: number): boolean;
}

/** With the folder of data, durably. */
async function dataFs(): Promise<FaultFs> {
  const fs = new FaultFs();
  await fs.makeFolder("/data");
  await fs.syncFolder("/");
  return fs;
}

async function setUp(given?: FaultFs, world: Partial<World> = {}, port: Partial<ConfigPort> = {}) {
  const fs = given ?? (await dataFs());
  const time = new SimulatedTime();
  const store = new DesiredStore(fs, "/data/fleet/desired.json");
  const applied: (Doc | undefined)[] = [];
  const reports: DesiredReport[] = [];
  const fetched = new Map<string, Buffer>();
  const running = (): Doc | undefined => applied.at(-1);
  const desired = new DesiredConfig({
    store,
    config: {
      check: async (doc) => (doc?.["bad"] === undefined ? undefined : "bad: is no setting"),
      apply: async (doc) => void applied.push(doc),
      needsOf: (doc) => ({ connectivity: doc?.["net"] !== undefined, media: doc?.["paths"] !== undefined }),
      ...port,
    },
    checks: {
      confirmBroker: async () => {
        if ((await world.brokerTakes?.(running(), time.nowMs)) === false) throw new Error("no PUBACK");
      },
      isElsewhereReachable: async () => world.elsewhere ?? false,
      noteMedia: () => {},
      mediaHolds: () => world.mediaHolds?.(running(), time.nowMs) ?? true,
    },
    fetch: async (url) => fetched.get(url) ?? Promise.reject(new Error("404")),
    openSecret: (sealed, field) => (sealed === `sealed for ${field}` ? "secret" : undefined),
    nowMs: () => time.nowMs,
    sleep: time.sleep,
    report: (report) => {
      assert.deepEqual(contractFaults("up-cfg", { ...ENVELOPE, ...report }), []);
      reports.push(report);
    },
    log: silentLog,
  });
  await desired.open();
  const send = (document: object): Promise<void> => time.until(desired.receive(JSON.stringify({ v: 1, ...document })));
  const version = (ver: number, doc: Doc, more: object = {}): object => ({ ver, doc, hash: desiredHash(doc), ...more });
  return { desired, store, time, applied, reports, fetched, send, version, last: () => reports.at(-1)! };
}

test("what can break nothing is kept at once, and survives a restart", async () => {
  const fs = await dataFs();
  const { send, version, applied, last, time } = await setUp(fs);
  assert.deepEqual(last(), { ver: 0, hash: null, st: "none", about: 0, prev: null, err: null, bad: [], top: 0 });
  const doc = { logLevel: "debug" };
  await send(version(1, doc));
  assert.deepEqual([last().st, last().ver, last().hash], ["applied", 1, desiredHash(doc)]);
  assert.equal(time.nowMs, 0);
  await send(version(2, { logLevel: "warn" }));
  assert.deepEqual([last().ver, last().prev], [2, 1]);
  assert.deepEqual(applied, [doc, { logLevel: "warn" }]);
  const again = await setUp(fs.crash(1));
  assert.deepEqual([again.last().st, again.last().ver], ["applied", 2]);
  await again.send(version(2, { logLevel: "warn" }));
  const kept = [{ logLevel: "warn" }];
  assert.deepEqual([again.last().st, again.applied], ["applied", kept], "the retained document comes again, and changes nothing");
});

test("a broker that takes messages and never says so does not hold a config beyond its probation", async () => {
  for (const probation of [1, 6, 30, 34, 36, 59, 180]) {
    const never = new Promise<boolean>(() => {});
    // At first there is no link: that is known at once.
    const { send, version, last, time } = await setUp(undefined, { brokerTakes: (_, nowMs) => (nowMs < 5000 ? false : never) });
    await send(version(1, { net: "deaf" }, { probation_s: probation }));
    assert.equal(last().st, "rolled_back");
    assert.ok(
      time.nowMs >= probation * 1000 && time.nowMs <= (probation + 10) * 1000,
      `${time.nowMs} ms with a probation of ${probation} s`,
    );
  }
});

test("a config that cuts the gateway off is undone within its probation, and not tried again", async () => {
  const good = { net: "good" };
  const bad = { net: "bad" };
  const { send, version, applied, last, time, reports } = await setUp(undefined, { brokerTakes: (doc) => doc?.["net"] !== "bad" });
  await send(version(1, good, { probation_s: 60 }));
  assert.deepEqual([last().st, last().ver], ["applied", 1]);
  const startMs = time.nowMs;
  await send(version(2, bad, { probation_s: 60 }));
  assert.ok(time.nowMs - startMs <= 90_000, `${time.nowMs - startMs} ms`);
  assert.deepEqual(applied, [good, bad, good]);
  assert.deepEqual(last(), {
    ver: 1,
    hash: desiredHash(good),
    st: "rolled_back",
    about: 2,
    prev: null,
    err: "the broker is not reached with it",
    bad: [2],
    top: 1,
  });
  await send(version(2, bad));
  assert.deepEqual([last().st, last().err, applied.length], ["rejected", "it failed before: send another version", 3]);
  await send(version(3, { net: "better" }, { probation_s: 60 }));
  assert.deepEqual([last().st, last().ver], ["applied", 3]);
  assert.ok(reports.some(({ st, about }) => st === "probation" && about === 3));
});

test("a broker that is down for everybody is waited for, half an hour at most", async () => {
  const back = await setUp(undefined, { brokerTakes: (_, nowMs) => nowMs > 600_000, elsewhere: true });
  await back.send(back.version(1, { net: "good" }, { probation_s: 60 }));
  assert.equal(back.last().st, "applied");
  assert.ok(back.time.nowMs > 600_000 && back.time.nowMs < 700_000);
  const gone = await setUp(undefined, { brokerTakes: () => false, elsewhere: true });
  await gone.send(gone.version(1, { net: "good" }, { probation_s: 60 }));
  assert.equal(gone.last().st, "rolled_back");
  assert.ok(gone.time.nowMs >= 1_800_000 && gone.time.nowMs <= 1_900_000, `${gone.time.nowMs}`);
});

test("cameras that were live have to be live again within a minute, and to stay so", async () => {
  const slow = await setUp(undefined, { mediaHolds: (_, nowMs) => nowMs >= 40_000 });
  await slow.send(slow.version(1, { paths: {} }, { probation_s: 100 }));
  assert.deepEqual([slow.last().st, slow.time.nowMs], ["applied", 100_000]);
  const never = await setUp(undefined, { mediaHolds: () => false });
  await never.send(never.version(1, { paths: {} }));
  assert.deepEqual([never.last().st, never.time.nowMs], ["rolled_back", 60_000]);
  const relapse = await setUp(undefined, { mediaHolds: (_, nowMs) => nowMs < 90_000 });
  await relapse.send(relapse.version(1, { paths: {} }, { probation_s: 100 }));
  assert.equal(relapse.last().st, "rolled_back");
  assert.deepEqual(relapse.applied, [{ paths: {} }, undefined]);
});

test("a config that cannot be applied is given up", async () => {
  let fails = true;
  const applied: (Doc | undefined)[] = [];
  const { send, version, last } = await setUp(
    undefined,
    {},
    {
      apply: async (doc) => {
        applied.push(doc);
        if (fails && doc !== undefined) throw new Error("port 8554 is taken");
      },
    },
  );
  await send(version(1, { rtspAddress: ":8554" }));
  assert.deepEqual([last().st, last().err], ["rolled_back", "it cannot be applied: port 8554 is taken"]);
  fails = false;
  await send(version(2, { rtspAddress: ":8555" }));
  assert.deepEqual([last().st, last().ver], ["applied", 2]);
});

test("what is wrong with a document is told by its field, and nothing is tried", async () => {
  const { send, version, last, applied, fetched } = await setUp();
  const doc = { a: 1 };
  const cases: readonly [document: object, fault: RegExp][] = [
    [{ ver: 0, doc, hash: desiredHash(doc) }, /^ver: /],
    [{ ver: 1, doc: [], hash: desiredHash([]) }, /^doc: /],
    [{ ver: 1, doc, hash: "md5:1" }, /^hash: has to be/],
    [{ ver: 1, doc, hash: desiredHash({ a: 2 }) }, /^hash: the document's is sha256:/],
    [version(1, doc, { probation_s: 0 }), /^probation_s: /],
    [version(1, doc, { probation_s: 1e9 }), /^probation_s: /],
    [version(1, doc, { force: "yes" }), /^force: /],
    [version(1, doc, { v: 2 }), /^v: /],
    [version(1, { bad: 1 }), /^bad: is no setting/],
    [version(1, { pass: { $enc: "for somebody else" } }), /^pass: the sealed secret cannot be opened/],
    [{ ver: 1, url: "http://noc/cfg", sha256: "0".repeat(64) }, /^url: has to be an https/],
    [{ ver: 1, url: "https://noc/cfg", sha256: "xyz" }, /^sha256: /],
    [{ ver: 1, url: "https://noc/missing", sha256: "0".repeat(64) }, /^url: 404/],
    [{ ver: 1, url: "https://noc/cfg", sha256: "0".repeat(64) }, /^sha256: what lies at the url has another hash/],
    [{ ver: 1, url: "https://noc/list", sha256: hashOf("[]").slice(7) }, /^url: what lies there is no object/],
  ];
  fetched.set("https://noc/cfg", Buffer.from('{"a":1}'));
  fetched.set("https://noc/list", Buffer.from("[]"));
  for (const [document, fault] of cases) {
    await send(document);
    assert.equal(last().st, "rejected", JSON.stringify(document));
    assert.match(last().err ?? "", fault);
  }
  assert.deepEqual(applied, []);
});

test("an older version is refused, unless it is forced", async () => {
  const { send, version, last, applied } = await setUp();
  await send(version(5, { a: 5 }));
  await send(version(4, { a: 4 }));
  assert.deepEqual([last().st, last().err], ["rejected", "ver: 4 is not above 5, which runs"]);
  await send(version(5, { a: "other" }));
  assert.equal(last().st, "rejected");
  await send(version(4, { a: 4 }, { force: true }));
  assert.match(last().err ?? "", /^ts: a version that is forced has to say/);
  await send(version(4, { a: 4 }, { force: true, ts: 1000 }));
  assert.deepEqual([last().st, last().ver, last().top, applied.at(-1)], ["applied", 4, 5, { a: 4 }]);
});

test("whoever keeps old versions, as a broker may, cannot bring them back: forced ones neither, nor those that a forced one went below", async () => {
  const fs = await dataFs();
  const { send, version, last, applied } = await setUp(fs);
  const [v5, v6] = [version(5, { a: 5 }, { ts: 1000 }), version(6, { a: 6 }, { ts: 2000 })];
  const [early, forced] = [version(4, { a: 4 }, { force: true, ts: 1500 }), version(4, { a: "4b" }, { force: true, ts: 3000 })];
  await send(v5);
  await send(v6);
  // Made before what runs, and withheld until now.
  await send(early);
  assert.deepEqual([last().st, last().err], ["rejected", "ts: it was made before one that has held since"]);
  await send(forced);
  assert.deepEqual([last().st, last().ver], ["applied", 4]);
  for (const old of [v5, v6, early]) {
    await send(old);
    assert.equal(last().st, "rejected");
  }
  await send(version(7, { a: 7 }, { ts: 4000 }));
  await send(forced);
  assert.deepEqual([last().st, last().ver, applied.at(-1)], ["rejected", 7, { a: 7 }]);
  const again = await setUp(fs.crash(1));
  await again.desired.open();
  await again.send(v6);
  await again.send(forced);
  assert.deepEqual([again.last().st, again.last().ver, again.last().top], ["rejected", 7, 7]);
});

test("secrets are opened for the gateway alone: what is kept on disk is sealed", async () => {
  const fs = await dataFs();
  const doc = { paths: { gate: { source: { $enc: "sealed for paths.gate.source" } }, list: [{ $enc: "sealed for paths.list[0]" }] } };
  const { send, version, applied, store } = await setUp(fs);
  await send(version(1, doc));
  assert.deepEqual(applied, [{ paths: { gate: { source: "secret" }, list: ["secret"] } }]);
  assert.deepEqual((await store.load()).committed?.doc, doc);
  assert.ok(!fs.bytesOf("/data/fleet/desired.json")!.toString().includes('"secret"'));
});

test("a document at a URL is taken by its hash", async () => {
  const { send, fetched, last, applied } = await setUp();
  const text = '{ "logLevel": "debug" }';
  fetched.set("https://noc/18", Buffer.from(text));
  await send({ ver: 18, url: "https://noc/18", sha256: hashOf(text).slice(7) });
  assert.deepEqual([last().st, last().ver, last().hash, applied], ["applied", 18, hashOf(text), [{ logLevel: "debug" }]]);
});

test("the power is cut at any call: the next start runs a version that was kept, and never the one that was tried", async () => {
  const steps = async (fs: FaultFs): Promise<void> => {
    const { send, version } = await setUp(fs);
    await send(version(1, { net: "one" }, { probation_s: 10 })).catch(() => {});
    await send(version(2, { net: "two" }, { probation_s: 10 })).catch(() => {});
  };
  const calm = await dataFs();
  await steps(calm);
  const calls = calm.history.length;
  assert.ok(calls > 20);
  for (let n = 1; n <= calls; n++) {
    const fs = await dataFs();
    fs.failAt(n, "crash");
    await steps(fs);
    const { store } = await setUp(fs.crash(n));
    const { committed, candidate, bad } = await store.load();
    assert.equal(candidate, null, `call ${n}`);
    assert.ok(committed === null || [1, 2].includes(committed.ver));
    assert.ok(
      bad.every(({ ver }) => ver !== committed?.ver),
      `call ${n}: ${JSON.stringify({ committed, bad })}`,
    );
  }
});

test("stopped during probation, a version is given up at the next start", async () => {
  const fs = await dataFs();
  const first = await setUp(fs);
  await first.send(first.version(1, { logLevel: "info" }));
  const trial = first.desired.receive(JSON.stringify({ v: 1, ...first.version(2, { net: "x" }) }));
  for (let i = 0; i < 50; i++) await nextTurn();
  assert.equal(first.last().st, "probation");
  first.desired.close();
  await trial;
  const second = await setUp(fs.crash(1));
  assert.deepEqual([second.last().st, second.last().about, second.last().ver, second.last().bad], ["rolled_back", 2, 1, [2]]);
});

test("a probation that cannot be watched is not passed", async () => {
  const world: Partial<World> = {
    mediaHolds: () => {
      throw new Error("no path of that name");
    },
  };
  const { send, version, applied, last } = await setUp(undefined, world);
  await send(version(1, { paths: {} }, { probation_s: 60 }));
  assert.deepEqual([last().st, last().about, last().ver, applied.at(-1)], ["rolled_back", 1, 0, undefined]);
});

test("what runs is no news, also where the key that signed it was replaced since; anything else that nobody signed is refused", async () => {
  const { desired, send, version, last, applied } = await setUp();
  const doc = { logLevel: "debug" };
  await send(version(3, doc));
  const claim = (ver: number, other: Doc): string => JSON.stringify({ v: 1, ...version(ver, other) });
  desired.refuse("no key of that kid may sign", claim(3, doc));
  assert.deepEqual([last().st, last().about, last().err], ["applied", 3, null]);
  for (const wrong of [claim(4, doc), claim(3, { logLevel: "info" }), "{", "null", undefined]) {
    desired.refuse("no key of that kid may sign", wrong);
    assert.deepEqual([last().st, last().ver, last().err], ["rejected", 3, "no key of that kid may sign"]);
  }
  assert.deepEqual(applied, [doc]);
});
