// Small things that every answer has.
import { randomInt } from "node:crypto";

/** Those of `wanted` that the client offers for a format (RFC 4585 §4.2). */
export function feedbackOf(
  wanted: readonly string[],
  offered: ReadonlyMap<number, readonly string[]>,
  payloadType: number,
): readonly string[] {
  const kinds = [...(offered.get(payloadType) ?? []), ...(offered.get(-1) ?? [])];
  return wanted.filter((kind) => kinds.includes(kind));
}

/** RFC 9429 §5.2.1: below 2^63; digits that a double keeps are enough. */
export function sessionNumber(): string {
  return String(randomInt(1, 2 ** 47));
}
