// ULIDs: 48 bits of time, 80 of chance, in Crockford's base32; sortable by when they were made (github.com/ulid/spec).
import { randomBytes } from "node:crypto";

const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const TIME_DIGITS = 10;
const CHANCE_DIGITS = 16;

/** `ms`: UTC since 1970. */
export function ulid(ms: number, random: (size: number) => Buffer = randomBytes): string {
  let time = "";
  for (let rest = Math.max(0, Math.floor(ms)) % 2 ** 48, i = 0; i < TIME_DIGITS; i++, rest = Math.floor(rest / 32)) {
    time = DIGITS[rest % 32] + time;
  }
  const chance = [...random(CHANCE_DIGITS)].map((byte) => DIGITS[byte % 32]).join("");
  return time + chance;
}
