// RTP payload for AV1, "RTP Payload Format For AV1" of the Alliance for Open Media, v1.0: OBUs behind an aggregation header, cut where a packet is full.
import { leb128Bytes, leb128Size, leb128Value, writeLeb128 } from "#codecs/av1/leb128.ts";
import { isAv1Keyframe, ObuType, obuPayloadStart, obuType, startsAv1KeyFrame, withoutObuSize } from "#codecs/av1/obu.ts";
import { parseAv1SequenceHeader } from "#codecs/av1/sequence-header.ts";
import type { Av1Parameters, Parameters } from "#codecs/codec.ts";
import { MAX_FRAME_BYTES, MAX_NALS_PER_FRAME, MAX_PARAMETER_SET_BYTES } from "#codecs/limits.ts";
import type { BurstBuilder, PacketBurst } from "#rtp/burst.ts";
import { PayloadCursor } from "./payload-cursor.ts";
import { type FormatDescription, PacketHas, type PayloadFormat } from "./payload-format.ts";

/** Aggregation header, §4.4: the first element continues an OBU, the last one is continued, a coded video sequence begins. */
const CONTINUES = 0x80;
const CONTINUED = 0x40;
const NEW_SEQUENCE = 0x08;
/** W has two bits: more elements than these all have a length. */
const MAX_COUNTED = 3;
/** No OBU is cut for less: another packet costs more. */
const MIN_FRAGMENT_BYTES = 16;

/** W: the number of elements, the last of which has no length; 0 when all have one. */
function countOf(aggregationHeader: number): number {
  return (aggregationHeader >> 4) & 3;
}

function hasOf(bytes: Buffer, start: number, end: number): number {
  const payload = obuPayloadStart(bytes, start, end);
  if (payload < 0) return 0;
  const type = obuType(bytes[start]!);
  if (type === ObuType.sequenceHeader) return PacketHas.parameters;
  if (type < ObuType.frameHeader || type > ObuType.redundantFrameHeader || type === ObuType.metadata) return 0;
  return startsAv1KeyFrame(type, bytes, payload, end) ? PacketHas.slice | PacketHas.keyframe : PacketHas.slice;
}

function inspect(bytes: Buffer, start: number, end: number): number {
  if (end - start < 2) return 0;
  const continues = (bytes[start]! & CONTINUES) !== 0;
  const count = countOf(bytes[start]!);
  let has = continues ? PacketHas.slice : 0;
  let at = start + 1;
  for (let element = 1; at < end; element++) {
    const lengthBytes = element === count ? 0 : leb128Bytes(bytes, at, end);
    if (lengthBytes === 0 && element !== count) return has;
    const size = lengthBytes === 0 ? end - at : leb128Value(bytes, at, lengthBytes);
    at += lengthBytes;
    if (at + size > end) return has;
    if (element > 1 || !continues) has |= hasOf(bytes, at, at + size);
    at += size;
  }
  return has;
}

/** The OBUs of one temporal unit out of their pieces. */
class ObuCollector {
  readonly #bytes: Buffer;
  readonly #obus: Buffer[] = [];
  #sizeBytes = 0;
  /** Start and end of each piece of the open OBU, in pairs. */
  #pieces: number[] = [];

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isOpen(): boolean {
    return this.#pieces.length > 0;
  }

  add(start: number, end: number): void {
    if (end > start) this.#pieces.push(start, end);
  }

  drop(): void {
    if (this.#pieces.length > 0) this.#pieces = [];
  }

  finish(): void {
    const parts: Buffer[] = [];
    for (let i = 0; i < this.#pieces.length; i += 2) parts.push(this.#bytes.subarray(this.#pieces[i]!, this.#pieces[i + 1]!));
    this.#pieces = [];
    if (parts.length > 0) this.#keep(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
  }

  get frame(): readonly Buffer[] | undefined {
    return this.#obus.length > 0 ? this.#obus : undefined;
  }

  /** §5: temporal delimiters and tile lists are ignored. */
  #keep(obu: Buffer): void {
    const type = obuType(obu[0]!);
    if (type === ObuType.temporalDelimiter || type === ObuType.tileList || (obu[0]! & 0x80) !== 0) return;
    const bare = withoutObuSize(obu);
    if (bare === undefined || this.#obus.length >= MAX_NALS_PER_FRAME || this.#sizeBytes + bare.length > MAX_FRAME_BYTES) return;
    this.#sizeBytes += bare.length;
    this.#obus.push(bare);
  }
}

function depacketize(burst: PacketBurst): readonly Buffer[] | undefined {
  const cursor = new PayloadCursor(burst);
  const { bytes } = cursor;
  const collector = new ObuCollector(bytes);
  while (cursor.next()) {
    const { start, end } = cursor;
    const header = bytes[start]!;
    const count = countOf(header);
    const continues = (header & CONTINUES) !== 0;
    if (!cursor.continuous || !continues) collector.drop();
    let at = start + 1;
    for (let element = 1; at < end; element++) {
      const lengthBytes = element === count ? 0 : leb128Bytes(bytes, at, end);
      const size = element === count ? end - at : leb128Value(bytes, at, lengthBytes);
      at += lengthBytes;
      if ((lengthBytes === 0 && element !== count) || at + size > end) {
        collector.drop();
        break;
      }
      // What goes on without its beginning is left out.
      if (element > 1 || !continues || collector.isOpen) collector.add(at, at + size);
      at += size;
      if (at < end || (header & CONTINUED) === 0) collector.finish();
    }
  }
  return collector.frame;
}

interface Piece {
  readonly obu: Buffer;
  readonly from: number;
  readonly to: number;
}

/** One packet of these pieces. */
function addPacket(pieces: readonly Piece[], newSequence: boolean, last: boolean, out: BurstBuilder): void {
  const count = pieces.length <= MAX_COUNTED ? pieces.length : 0;
  let payloadBytes = 1;
  for (const [i, { from, to }] of pieces.entries()) payloadBytes += to - from + (i + 1 === count ? 0 : leb128Size(to - from));
  const final = pieces[pieces.length - 1]!;
  let at = out.add(payloadBytes, last);
  const { bytes } = out;
  bytes[at++] =
    (pieces[0]!.from > 0 ? CONTINUES : 0) | (final.to < final.obu.length ? CONTINUED : 0) | (count << 4) | (newSequence ? NEW_SEQUENCE : 0);
  for (const [i, { obu, from, to }] of pieces.entries()) {
    if (i + 1 !== count) at = writeLeb128(bytes, at, to - from);
    at += obu.copy(bytes, at, from, to);
  }
}

function packetize(frame: readonly Buffer[], _parameters: Parameters, maxPayloadBytes: number, out: BurstBuilder): void {
  if (maxPayloadBytes < 2 * MIN_FRAGMENT_BYTES) return;
  let newSequence = isAv1Keyframe(frame) && frame.some((obu) => obuType(obu[0]!) === ObuType.sequenceHeader);
  let pieces: Piece[] = [];
  let room = maxPayloadBytes - 1;
  const flush = (last: boolean) => {
    addPacket(pieces, newSequence, last, out);
    newSequence = false; // §4.4: N stands in the first packet only
    pieces = [];
    room = maxPayloadBytes - 1;
  };
  for (const obu of frame) {
    for (let at = 0; at < obu.length; ) {
      const size = Math.min(obu.length - at, room - leb128Size(room));
      const isWhole = at + size === obu.length;
      if (!isWhole && size < MIN_FRAGMENT_BYTES) {
        flush(false);
        continue;
      }
      pieces.push({ obu, from: at, to: at + size });
      room -= leb128Size(size) + size;
      at += size;
      if (!isWhole) flush(false);
    }
  }
  if (pieces.length > 0) flush(true);
}

export const av1Payload: PayloadFormat = {
  codec: "av1",
  frameEnd: "marker",
  inspect,
  depacketize,
  packetize,
  readParameters(frame, known) {
    if (known.codec !== "av1") return undefined;
    const header = frame.find((obu) => obuType(obu[0]!) === ObuType.sequenceHeader);
    if (header === undefined || header.length > MAX_PARAMETER_SET_BYTES || known.sequenceHeader?.equals(header)) return undefined;
    return parseAv1SequenceHeader(header) === undefined ? undefined : { ...known, sequenceHeader: Buffer.from(header) };
  },
};

/** §7.2.3: what the source said of itself, else what the sequence header says. */
export function describeAv1({ sequenceHeader, fmtp }: Av1Parameters): FormatDescription {
  const sequence = sequenceHeader && parseAv1SequenceHeader(sequenceHeader);
  const derived = sequence && `profile=${sequence.profile}; level-idx=${sequence.levelIdx}; tier=${sequence.tier}`;
  return { payloadType: undefined, rtpmap: "AV1/90000", fmtp: fmtp ?? derived };
}

export function av1FromSdp({ fmtp }: FormatDescription): Av1Parameters {
  return fmtp === undefined ? { codec: "av1" } : { codec: "av1", fmtp };
}
