import assert from "node:assert/strict";
import { test } from "node:test";
import { type SessionEntry, SessionRegistry } from "./session-registry.ts";

function entry(id: string, kind: SessionEntry["kind"] = "rtspSession"): SessionEntry {
  return {
    id,
    kind,
    created: new Date(0),
    remote: undefined,
    state: "idle",
    path: "",
    query: "",
    user: "",
    userAgent: "",
    transport: undefined,
    counters: () => ({}),
    close: () => {},
  };
}

test("lists by kind, oldest first, and forgets what is removed", () => {
  const registry = new SessionRegistry();
  const [a, b, c] = [entry("a"), entry("b", "rtspConn"), entry("c")];
  for (const one of [a, b, c]) registry.add(one);
  assert.deepEqual(registry.list("rtspSession"), [a, c]);
  assert.deepEqual(registry.list("rtspConn"), [b]);
  assert.equal(registry.get("b"), b);
  registry.remove(a);
  assert.equal(registry.get("a"), undefined);
  assert.equal(registry.size, 2);
});

test("an entry that took over an id is not removed with the one before", () => {
  const registry = new SessionRegistry();
  const [old, next] = [entry("a"), entry("a")];
  registry.add(old);
  registry.add(next);
  registry.remove(old);
  assert.equal(registry.get("a"), next);
});

test("who watches is told of entries that are there, come and go, each once", () => {
  const registry = new SessionRegistry();
  const [a, b, next] = [entry("a"), entry("b"), entry("b")];
  registry.add(a);
  const told: string[] = [];
  const name = (one: SessionEntry): string => (one === next ? "next b" : one.id);
  const unwatch = registry.watch({ added: (one) => told.push(`+${name(one)}`), removed: (one) => told.push(`-${name(one)}`) });
  registry.add(b);
  registry.add(next);
  registry.remove(b);
  registry.remove(a);
  registry.remove(a);
  assert.deepEqual(told.splice(0), ["+a", "+b", "-b", "+next b", "-a"]);
  unwatch();
  registry.remove(next);
  assert.deepEqual(told, []);
});
