// Names that rise with time: ULIDs, 48 bits of milliseconds and 80 random ones in Crockford's base 32.
import { randomBytes } from "node:crypto";

const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

export function ulid(utcMs: number, random: Buffer = randomBytes(10)): string {
  let value = (BigInt(Math.floor(utcMs)) << 80n) | BigInt(`0x${random.toString("hex")}`);
  let text = "";
  for (let i = 0; i < 26; i++) {
    text = DIGITS[Number(value & 31n)] + text;
    value >>= 5n;
  }
  return text;
}
