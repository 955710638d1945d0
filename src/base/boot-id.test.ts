import assert from "node:assert/strict";
import { test } from "node:test";
import { bootIdBytes, bootIdText } from "./boot-id.ts";

test("a boot's name is the same in text and in bytes", () => {
  const text = "0f6d8c5e-1a2b-4c3d-9e8f-00112233aabb";
  assert.equal(bootIdBytes(text).toString("hex"), "0f6d8c5e1a2b4c3d9e8f00112233aabb");
  assert.equal(bootIdText(bootIdBytes(text)), text);
});
