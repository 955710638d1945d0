// Opened clips: shared while they are opened, kept for a while and within bounds.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { type Deferred, deferred } from "#base/deferred.ts";
import { BodyCache } from "./body-cache.ts";
import type { ClipBody } from "./clip-body.ts";

const never = new AbortController().signal;

function bodyOf(heldBytes = 10): ClipBody {
  return {
    sizeBytes: 1,
    etag: '"x"',
    heldBytes,
    bytes: () => assert.fail("nobody reads it"),
  };
}

class Opener {
  readonly calls: { readonly signal: AbortSignal; readonly answer: Deferred<ClipBody> }[] = [];
  readonly open = (signal: AbortSignal): Promise<ClipBody> => {
    const answer = deferred<ClipBody>();
    this.calls.push({ signal, answer });
    return answer.promise;
  };
}

let nowMs = 0;
const cacheOf = (more: object = {}) => new BodyCache({ nowMs: () => nowMs, maxHeldBytes: 25, maxIdleMs: 1000, maxOpening: 2, ...more });
const ready = (body: ClipBody) => async () => body;

test("who asks while it is opened gets the same; and later, too", async () => {
  const cache = cacheOf();
  const { open, calls } = new Opener();
  const answers = [cache.get("a", never, open), cache.get("a", never, open)];
  await setImmediate();
  assert.equal(calls.length, 1);
  const body = bodyOf();
  calls[0]!.answer.resolve(body);
  assert.deepEqual(await Promise.all(answers), [body, body]);
  assert.equal(await cache.get("a", never, open), body);
  cache.forget("a");
  assert.equal(cache.size, 0);
});

test("it is opened as long as somebody waits for it", async () => {
  const cache = cacheOf();
  const { open, calls } = new Opener();
  const [one, two] = [new AbortController(), new AbortController()];
  const answers = [cache.get("a", one.signal, open), cache.get("a", two.signal, open)];
  await setImmediate();
  one.abort(new Error("gone"));
  await assert.rejects(answers[0]!, { message: "gone" });
  assert.equal(calls[0]!.signal.aborted, false);
  cache.forget("a"); // somebody waits for it: it stays
  assert.equal(cache.size, 1);
  two.abort(new Error("gone"));
  await assert.rejects(answers[1]!, { message: "gone" });
  assert.deepEqual([calls[0]!.signal.aborted, cache.size], [true, 0]);
  await assert.rejects(cache.get("a", one.signal, open), { message: "gone" });
  assert.equal(calls.length, 1);
});

test("one that failed is opened anew", async () => {
  const cache = cacheOf();
  const { open, calls } = new Opener();
  const failing = cache.get("a", never, open);
  await setImmediate();
  calls[0]!.answer.reject(new Error("unreadable"));
  await assert.rejects(failing, { message: "unreadable" });
  assert.equal(await cache.get("a", never, ready(bodyOf())).then(({ sizeBytes }) => sizeBytes), 1);
});

test("few are opened at a time; who goes while it waits its turn is passed over", async () => {
  const cache = cacheOf();
  const { open, calls } = new Opener();
  const gone = new AbortController();
  const answers = [
    cache.get("a", never, open),
    cache.get("b", never, open),
    cache.get("c", gone.signal, open),
    cache.get("d", never, open),
  ];
  const rejected = assert.rejects(answers[2]!, { message: "gone" });
  await setImmediate();
  assert.equal(calls.length, 2);
  gone.abort(new Error("gone"));
  await rejected;
  for (const at of [0, 1, 2]) {
    calls[at]!.answer.resolve(bodyOf());
    await setImmediate();
  }
  await Promise.all([answers[0], answers[1], answers[3]]);
  assert.equal(calls.length, 3);
});

test("what is not used goes: after a while, and the oldest when it is too much", async () => {
  const cache = cacheOf();
  for (const key of ["a", "b", "c"]) await cache.get(key, never, ready(bodyOf()));
  assert.equal(cache.size, 2);
  const { open, calls } = new Opener();
  await cache.get("b", never, open);
  assert.equal(calls.length, 0);
  await cache.get("d", never, ready(bodyOf(100))); // more than all may hold: it alone
  assert.equal(cache.size, 1);
  nowMs += 1001;
  await cache.get("e", never, ready(bodyOf()));
  assert.equal(cache.size, 1);
});
