// Checks a count against what a row of the fault table allows.
import assert from "node:assert/strict";
import type { Range } from "./fault.ts";

export function assertIn(range: Range, value: number, what: string): void {
  const { least, most } = typeof range === "number" ? { least: range, most: range } : range;
  assert.ok(value >= least && value <= most, `${what}: ${value}, expected ${least === most ? least : `${least} to ${most}`}`);
}
