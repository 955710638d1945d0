// Reads boxes of the ISO base media file format, ISO/IEC 14496-12 §4.2, with bounds: a size that leads out of its surroundings is no box.

export interface Box {
  /** Four characters, Latin-1. */
  readonly type: string;
  /** Where the box begins. */
  readonly start: number;
  /** Where its content begins. */
  readonly body: number;
  /** Behind its last byte. */
  readonly end: number;
}

/** More boxes in one are hostile. */
const MAX_CHILDREN = 256;

/**
 * The box at `at`. Undefined: its header is cut off, or its size is below the header's. `end` may lie behind `limit`, where the box is cut off;
 * a box that reaches to the end of the file (size 0) ends there.
 */
export function parseBoxHeader(bytes: Buffer, at: number, limit: number): Box | undefined {
  if (at + 8 > limit || limit > bytes.length) return undefined;
  const size = bytes.readUInt32BE(at);
  const type = bytes.toString("latin1", at + 4, at + 8);
  if (size >= 8) return { type, start: at, body: at + 8, end: at + size };
  if (size === 0) return { type, start: at, body: at + 8, end: limit };
  if (size !== 1 || at + 16 > limit) return undefined;
  const largeSize = readU64(bytes, at + 8);
  if (largeSize === undefined || largeSize < 16) return undefined;
  return { type, start: at, body: at + 16, end: at + largeSize };
}

/** The whole boxes of bytes[from … end), up to the first that is none or does not fit. */
export function childBoxes(bytes: Buffer, from: number, end: number): Box[] {
  const boxes: Box[] = [];
  for (let at = from; boxes.length < MAX_CHILDREN; ) {
    const box = parseBoxHeader(bytes, at, end);
    if (box === undefined || box.end > end) break;
    boxes.push(box);
    at = box.end;
  }
  return boxes;
}

/** The first box of a type inside of another one, or deeper: one type for each level. */
export function findBox(bytes: Buffer, outer: Box, ...path: readonly string[]): Box | undefined {
  let found: Box | undefined = outer;
  for (const type of path) {
    if (found === undefined) return undefined;
    found = childBoxes(bytes, found.body, found.end).find((box) => box.type === type);
  }
  return found;
}

/** Unsigned 64 bits; undefined from 2^53 on. */
export function readU64(bytes: Buffer, at: number): number | undefined {
  const value = bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
  return value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}
