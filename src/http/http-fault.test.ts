// How errors become statuses.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CallerFault } from "#base/errors.ts";
import { HttpFault, statusOf } from "./http-fault.ts";

test("faults of a request have the status of their kind, our own errors none", () => {
  assert.equal(statusOf(new HttpFault(418, "short and stout")), 418);
  const statuses = ["conflict", "invalid", "not-configured", "not-found", "no-stream", "too-many", "timed-out", "unauthorized"] as const;
  assert.deepEqual(
    statuses.map((code) => statusOf(new CallerFault(code, "x"))),
    [409, 400, 400, 404, 404, 503, 504, 401],
  );
  for (const error of [new Error("x"), new TypeError("y"), undefined, "text", { status: 404 }]) assert.equal(statusOf(error), undefined);
});
