// The contract's files are what its tables make, and what this room makes and takes is what they say.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { contractFaults, contractSchemas } from "#testing/mqtt-contract.ts";
import { parseCommandRequest } from "../command-request.ts";
import { desiredHash } from "../desired-config.ts";
import { parseDesired } from "../desired-document.ts";
import { SessionStamps, sessionId } from "../envelope.ts";
import { parseJob } from "../job-request.ts";
import { Topics } from "../topics.ts";
import { messages } from "./messages.table.ts";
import { jobOperations, operations } from "./operations.table.ts";
import { writeAsyncApi, writeJsonSchemas } from "./write-contract.ts";

const DOCS = new URL("../../../docs/mqtt/", import.meta.url);
const committed = (path: string): string => readFileSync(new URL(path, DOCS), "utf8");
const clock = { utcOfStamp: () => ({ utcUs: 1_795_360_017_123_000, quality: "ntp", errorMs: 1 }) as const };
const stamps = new SessionStamps(sessionId(42, 3), clock);
const envelope = stamps.counted({ bootCounter: 42, monoUs: 5e6 });

test("docs/mqtt is what the tables make (npm run docs)", () => {
  const schemas = writeJsonSchemas();
  assert.deepEqual(readdirSync(new URL("schemas/", DOCS)).sort(), [...schemas.keys()].sort());
  for (const [name, text] of schemas) assert.equal(committed(`schemas/${name}`), text, name);
  assert.equal(committed("asyncapi.yaml"), writeAsyncApi());
});

test("every reference of the AsyncAPI document leads somewhere", () => {
  const document = parse(committed("asyncapi.yaml"));
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference = ""]) => reference);
  assert.ok(references.length > messages.length + 2 * operations.length);
  for (const reference of references) {
    const found = reference.startsWith("#/")
      ? reference
          .slice(2)
          .split("/")
          .reduce((node, key) => node?.[key], document)
      : contractSchemas.includes(reference.replace(/^\.\/schemas\/|\.json$/g, ""));
    assert.ok(found, reference);
  }
});

test("its topics are those that the gateway uses", () => {
  const topics = new Topics({ tenant: "acme", gatewayId: "gw-0001" });
  const filled = messages.map(({ topic }) => topic.replace("{tenant}", "acme").replace("{gateway}", "gw-0001"));
  const downward = filled.filter((_, i) => messages[i]!.from === "noc");
  assert.deepEqual(downward.sort(), [...topics.subscriptions].sort());
  for (const name of ["state", "info", "tel", "evt", "bulk", "res", "cfg", "job", "log"] as const)
    assert.ok(filled.includes(topics.up(name)), name);
});

test("every message has the envelope that the code makes", () => {
  assert.deepEqual(contractFaults("up-state", { ...envelope, online: true, why: "boot" }), []);
  assert.deepEqual(contractFaults("up-state", { ...envelope, online: false, why: "shutdown" }), []);
  assert.deepEqual(contractFaults("up-state", { v: 1, sid: envelope.sid, online: false, why: "lwt" }), []);
  assert.deepEqual(contractFaults("up-bulk", { ...envelope, t: "evt", id: "01J" }), []);
  for (const key of ["sid", "seq", "ts", "tq", "mono", "boot", "v"] as const) {
    const { [key]: _, ...rest } = envelope;
    assert.notDeepEqual(contractFaults("up-state", { ...rest, online: true, why: "boot" }), [], key);
  }
  assert.notDeepEqual(contractFaults("up-state", { ...envelope, online: true, why: "whim" }), []);
  assert.notDeepEqual(contractFaults("up-state", { ...envelope, tq: "sundial", online: true, why: "boot" }), []);
});

test("an event", () => {
  const event = { ...envelope, id: "01J8ZZ", type: "cam.lost", sev: "warn", ph: "new", cam: "gate", data: { attempts: 3 } };
  assert.deepEqual(contractFaults("up-evt", event), []);
  for (const wrong of [{ sev: "bad" }, { ph: "over" }, { type: "Cam lost" }, { data: 1 }, { id: "" }])
    assert.notDeepEqual(contractFaults("up-evt", { ...event, ...wrong }), [], JSON.stringify(wrong));
});

/** Schema and parser have to be of one mind. */
function assertAlike(schema: string, parser: (value: unknown) => object, good: object, changes: readonly object[]): void {
  assert.deepEqual(contractFaults(schema, good), []);
  assert.ok(!("fault" in parser(good)), JSON.stringify(parser(good)));
  for (const change of changes) {
    const value = JSON.parse(JSON.stringify({ ...good, ...change }));
    assert.ok("fault" in parser(value), `the parser takes ${JSON.stringify(change)}`);
    assert.notDeepEqual(contractFaults(schema, value), [], `the schema takes ${JSON.stringify(change)}`);
  }
}

test("commands that the gateway takes are those of the schema", () => {
  const good = { v: 1, id: "01J8ZZ", op: "cam.restart", args: { cam: "gate" }, ts: 1, exp: 2, ctr: 9, aud: "acme/gw-0001", prog_s: 5 };
  assertAlike("dn-cmd", parseCommandRequest, good, [
    ...[{ v: 2 }, { id: "a/b" }, { id: 7 }, { op: "Reboot now" }, { args: [] }, { exp: "soon" }, { exp: undefined }],
    ...[{ ctr: -1 }, { ctr: 1.5 }, { aud: 1 }, { strict_time: "yes" }, { prog_s: 0 }, { prog_s: 9999 }],
  ]);
});

test("desired configs that the gateway takes are those of the schema", () => {
  const doc = { logLevel: "debug", paths: { gate: { source: { $enc: "AAAA" } } } };
  const wrong = [{ v: 2 }, { ver: 0 }, { ver: 1.5 }, { probation_s: 0 }, { probation_s: 3601 }, { force: 1 }, { ts: "now" }];
  assertAlike("dn-cfg", parseDesired, { v: 1, ver: 18, parent: 17, hash: desiredHash(doc), probation_s: 180, doc }, [
    ...[...wrong, { doc: [] }, { doc: undefined }, { hash: "md5:1" }],
  ]);
  assertAlike("dn-cfg", parseDesired, { v: 1, ver: 18, url: "https://noc/18.json", sha256: "0".repeat(64) }, [
    ...[...wrong, { url: "http://noc/18.json" }, { sha256: "0" }],
  ]);
});

test("jobs that the gateway takes are those of the schema", () => {
  const good = { v: 1, job: "j-1", op: "upd.install", args: {}, nb: 1, deadline: 2, window: "01:00-04:00 local", spread_s: 7200, tries: 3 };
  assertAlike("dn-job", parseJob, good, [
    ...[{ v: 2 }, { job: "a b" }, { op: "" }, { args: [] }, { nb: "x" }, { window: "night" }, { window: "25:00-26:00" }],
    ...[{ spread_s: -1 }, { spread_s: 1e9 }, { step_s: 0 }, { tries: 0 }, { tries: 1.5 }],
  ]);
  const [, table = ""] = /\n## Jobs\n.*?\n\| op \| what \|\n(.*?)\n\n/s.exec(committed("README.md")) ?? [];
  const told = table.split("\n").flatMap((row) => [...row.split("|")[1]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name));
  assert.deepEqual(told, jobOperations);
});

test("arguments with a slip are none", () => {
  assert.deepEqual(contractFaults("op.rec.lock.args", { cam: "gate", from: "2026-03-01T14:05:09Z", to: 1_795_360_017_123 }), []);
  assert.notDeepEqual(contractFaults("op.rec.lock.args", { cam: "gate", from: 1, to: 2, untill: 3 }), []);
  assert.notDeepEqual(contractFaults("op.rec.lock.args", { cam: "gate", from: 1 }), []);
  assert.ok(!operations.some(({ name }) => /exec|shell/.test(name)), "nothing runs programs of the NOC's choice");
});
