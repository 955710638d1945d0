// Makes RTP payloads for H.265, RFC 7798: small NAL units together in aggregation packets, large ones in fragmentation units.
import type { Parameters } from "#codecs/codec.ts";
import { h265NalType } from "#codecs/h265/nal.ts";
import type { BurstBuilder } from "#rtp/burst.ts";

/** §4.4: payload structures, in the place of a NAL unit type. */
const AP = 48;
const FU = 49;
/** §4.4.3 */
const FU_START = 0x80;
const FU_END = 0x40;
const HEADER_BYTES = 2;

/** Types that have a meaning of their own in RTP cannot be sent. */
function isSendable(nalUnit: Buffer): boolean {
  return nalUnit.length >= HEADER_BYTES && h265NalType(nalUnit[0]!) < AP;
}

/** DONL is the place in the frame: whoever was promised order numbers reads past them, and the order is that of sending. */
interface Order {
  readonly donl: boolean;
  next: number;
}

function writeDonl(order: Order, bytes: Buffer, at: number): number {
  return order.donl ? bytes.writeUInt16BE(order.next++ & 0xffff, at) : at;
}

function addWhole(nalUnit: Buffer, last: boolean, order: Order, out: BurstBuilder): void {
  const to = out.add(nalUnit.length + (order.donl ? 2 : 0), last);
  nalUnit.copy(out.bytes, to, 0, HEADER_BYTES);
  nalUnit.copy(out.bytes, writeDonl(order, out.bytes, to + HEADER_BYTES), HEADER_BYTES);
}

function addFragments(nalUnit: Buffer, last: boolean, maxPayloadBytes: number, order: Order, out: BurstBuilder): void {
  const first = nalUnit[0]!;
  for (let at = HEADER_BYTES; at < nalUnit.length; ) {
    const isStart = at === HEADER_BYTES;
    const headBytes = 3 + (isStart && order.donl ? 2 : 0);
    const size = Math.min(maxPayloadBytes - headBytes, nalUnit.length - at);
    const isEnd = at + size === nalUnit.length;
    const to = out.add(headBytes + size, last && isEnd);
    const bytes = out.bytes;
    bytes[to] = (first & 0x81) | (FU << 1);
    bytes[to + 1] = nalUnit[1]!;
    bytes[to + 2] = (isStart ? FU_START : 0) | (isEnd ? FU_END : 0) | h265NalType(first);
    if (isStart) writeDonl(order, bytes, to + 3);
    nalUnit.copy(bytes, to + headBytes, at, at + size);
    at += size;
  }
}

function addAggregate(
  nalUnits: readonly Buffer[],
  first: number,
  end: number,
  payloadBytes: number,
  last: boolean,
  out: BurstBuilder,
): void {
  const header = out.add(payloadBytes, last);
  const bytes = out.bytes;
  let forbidden = 0;
  let layer = 63; // the lowest layer and temporal id of all, §4.4.2
  let temporal = 7;
  let to = header + HEADER_BYTES;
  for (let i = first; i < end; i++) {
    const nalUnit = nalUnits[i]!;
    forbidden |= nalUnit[0]! & 0x80;
    layer = Math.min(layer, ((nalUnit[0]! & 1) << 5) | (nalUnit[1]! >> 3));
    temporal = Math.min(temporal, nalUnit[1]! & 7);
    to = bytes.writeUInt16BE(nalUnit.length, to);
    to += nalUnit.copy(bytes, to);
  }
  bytes[header] = forbidden | (AP << 1) | (layer >> 5);
  bytes[header + 1] = ((layer & 0x1f) << 3) | temporal;
}

/** `PayloadFormat.packetize`. With order numbers promised (`maxDonDiff`), nothing is aggregated. */
export function packetizeH265(frame: readonly Buffer[], parameters: Parameters, maxPayloadBytes: number, out: BurstBuilder): void {
  if (maxPayloadBytes < 6) return;
  const order: Order = { donl: parameters.codec === "h265" && (parameters.maxDonDiff ?? 0) > 0, next: 0 };
  const nalUnits = frame.every(isSendable) ? frame : frame.filter(isSendable);
  for (let first = 0; first < nalUnits.length; ) {
    const nalUnit = nalUnits[first]!;
    let end = first;
    let aggregateBytes = HEADER_BYTES;
    for (; end < nalUnits.length && !order.donl; end++) {
      const size = 2 + nalUnits[end]!.length;
      if (aggregateBytes + size > maxPayloadBytes || size > 0xffff) break;
      aggregateBytes += size;
    }
    if (end > first + 1) {
      addAggregate(nalUnits, first, end, aggregateBytes, end === nalUnits.length, out);
      first = end;
      continue;
    }
    const last = ++first === nalUnits.length;
    if (nalUnit.length + (order.donl ? 2 : 0) > maxPayloadBytes) addFragments(nalUnit, last, maxPayloadBytes, order, out);
    else addWhole(nalUnit, last, order, out);
  }
}
