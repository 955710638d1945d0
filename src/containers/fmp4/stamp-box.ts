// The `uuid` box in `moov` that holds a file's clock stamp, and how its media's time drifts from that clock: written in place while it is recorded.
import { type ClockStamp, OWN_NAME_BYTES, parseStamp, STAMP_BYTES, writeStamp } from "../clock-stamp.ts";
import type { Box } from "./box-reader.ts";
import type { BoxWriter } from "./box-writer.ts";

/** From a time of the file on, the monotonic clock is that of its tick 0, the time passed, and so much. */
export interface DriftPoint {
  /** Time of the file, ms; of the first one it may be 0. */
  readonly atMs: number;
  readonly driftUs: number;
}

export interface StampBox {
  readonly stamp: ClockStamp;
  /** In the order of time. */
  readonly drift: readonly DriftPoint[];
  /** Where in the file the drift table stands. */
  readonly driftOffset: number;
}

export const MAX_DRIFT_POINTS = 32;
/** u32 ms, i32 µs. A box puts the table on a multiple of this, so that no point lies in two sectors and is torn. */
const POINT_BYTES = 8;
const TABLE_BYTES = MAX_DRIFT_POINTS * POINT_BYTES;
const BOX_HEADER_BYTES = 8;

/** Returns where the drift table, empty now, stands. The writer's position 0 is that of the file. */
export function writeStampBox(writer: BoxWriter, stamp: ClockStamp): number {
  let driftOffset = 0;
  writer.box("uuid", () => {
    writer.bytes(writeStamp(stamp));
    writer.zeros(paddingAt(writer.position));
    driftOffset = writer.position;
    writer.zeros(TABLE_BYTES);
  });
  return driftOffset;
}

/** The whole table, for `driftOffset`. Points above MAX_DRIFT_POINTS are left out. */
export function writeDrift(points: readonly DriftPoint[]): Buffer {
  const table = Buffer.alloc(TABLE_BYTES);
  for (const [i, { atMs, driftUs }] of points.slice(0, MAX_DRIFT_POINTS).entries()) {
    table.writeUInt32BE(Math.max(0, Math.round(atMs)), i * POINT_BYTES);
    table.writeInt32BE(Math.round(driftUs), i * POINT_BYTES + 4);
  }
  return table;
}

/** `fileOffset`: where `bytes` stand in the file. Undefined: another kind of `uuid` box, or a damaged one. */
export function parseStampBox(bytes: Buffer, box: Box, fileOffset: number): StampBox | undefined {
  if (box.end - box.start < BOX_HEADER_BYTES + OWN_NAME_BYTES) return undefined;
  const stamp = parseStamp(bytes, box.body);
  if (stamp === undefined) return undefined;
  const behind = box.body + STAMP_BYTES;
  const table = behind + paddingAt(fileOffset + behind);
  const drift: DriftPoint[] = [];
  // A table that was torn while it was written is one of true points up to where they do not go on.
  for (let at = table; at + POINT_BYTES <= box.end && drift.length < MAX_DRIFT_POINTS; at += POINT_BYTES) {
    const point = { atMs: bytes.readUInt32BE(at), driftUs: bytes.readInt32BE(at + 4) };
    const isEmpty = point.atMs === 0 && point.driftUs === 0;
    if (isEmpty || point.atMs <= (drift.at(-1)?.atMs ?? -1)) break;
    drift.push(point);
  }
  return { stamp, drift, driftOffset: fileOffset + table };
}

function paddingAt(offset: number): number {
  return (POINT_BYTES - (offset % POINT_BYTES)) % POINT_BYTES;
}
