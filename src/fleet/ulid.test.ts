import assert from "node:assert/strict";
import { test } from "node:test";
import { ulid } from "./ulid.ts";

test("ids rise with time", () => {
  assert.equal(
    ulid(0, (size) => Buffer.alloc(size)),
    "0".repeat(26),
  );
  assert.equal(ulid(1_469_918_176_385).slice(0, 10), "01ARYZ6S41"); // the example of the ULID specification
  assert.ok(ulid(2000) > ulid(1000));
  assert.match(ulid(Date.now()), /^[0-9A-HJKMNP-TV-Z]{26}$/);
});
