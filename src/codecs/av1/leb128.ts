// Numbers in groups of seven bits, the lowest first: leb128() of the AV1 bitstream specification, §4.10.5.

/** Longest encoding, §4.10.5. */
const MAX_BYTES = 8;

/** How many bytes the number at `at` takes; 0 when it is not whole before `end`, or too long. */
export function leb128Bytes(bytes: Buffer, at: number, end: number): number {
  for (let count = 1; count <= MAX_BYTES && at < end; count++) if ((bytes[at++]! & 0x80) === 0) return count;
  return 0;
}

/** The number in `count` bytes from `at` on. */
export function leb128Value(bytes: Buffer, at: number, count: number): number {
  let value = 0;
  for (let i = count - 1; i >= 0; i--) value = value * 128 + (bytes[at + i]! & 0x7f);
  return value;
}

/** How many bytes `writeLeb128` takes. */
export function leb128Size(value: number): number {
  let count = 1;
  for (let left = value; left >= 128; left = Math.floor(left / 128)) count++;
  return count;
}

/** Returns where the next byte goes. */
export function writeLeb128(bytes: Buffer, at: number, value: number): number {
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) bytes[at++] = 0x80 | (left % 128);
  bytes[at++] = left;
  return at;
}
