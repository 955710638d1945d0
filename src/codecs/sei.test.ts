import assert from "node:assert/strict";
import { test } from "node:test";
import { hasSeiMessage, RECOVERY_POINT } from "./sei.ts";

function has(hex: string): boolean {
  const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  return hasSeiMessage(bytes, 0, bytes.length, RECOVERY_POINT);
}

test("a recovery point is found alone, behind other messages, and behind long ones", () => {
  assert.ok(has("06 01 c4 80"));
  assert.ok(has("01 02 aabb 06 01 c4 80"));
  assert.ok(has(`05 ff01 ${"00".repeat(256)} 06 01 c4 80`));
});

test("what is none, or is cut short, is not found", () => {
  assert.ok(!has("05 02 0606 80"));
  assert.ok(!has("ff06 01 c4 80"));
  assert.ok(!has("06 20 c4 80"));
  assert.ok(!has(""));
  assert.ok(!has("ff ff ff ff"));
});
