// What readers see of one track's RTP: one payload type, one SSRC, one run of sequence numbers and timestamps, whatever the source does.
import { randomInt } from "node:crypto";
import { FRAMING_BYTES, type PacketBurst } from "#rtp/burst.ts";

/** A jump of the incoming sequence farther than this is a new numbering (RFC 3550 A.1 MAX_DROPOUT). */
const MAX_DROPOUT = 3000;

/** The RTP identity of one track of a Stream. RTP headers belong to the stream: they are stamped in place, once, at publish. */
export class TrackOutput {
  readonly payloadType: number;
  readonly ssrc = randomInt(1, 2 ** 32);
  /** RTP timestamp of pts 0. */
  readonly timestampBase: number;
  /** Sequence number of the next packet. */
  nextSequence = randomInt(0, 2 ** 16);
  /** pts and capture time of the newest unit: the pair that sender reports extrapolate from. */
  lastPtsTicks = 0;
  lastCaptureUs = -1;
  /** The newest time of the source's own clock, µs since 1970, and the capture time of the unit that carried it. */
  senderUtcUs: number | undefined;
  senderCaptureUs = -1;
  #delta = 0;
  #sourceSsrc = -1;
  #sourceNext = -1;

  constructor(payloadType: number, timestampBase = randomInt(0, 2 ** 32)) {
    this.payloadType = payloadType;
    this.timestampBase = timestampBase;
  }

  /** The source's numbering ended (reconnect): the next packet continues ours. */
  renumber(): void {
    this.#sourceSsrc = -1;
  }

  /** A frame is left out: leaves a gap of one, which shows it. */
  skip(): void {
    this.nextSequence = (this.nextSequence + 1) & 0xffff;
  }

  rtpTimestamp(ptsTicks: number): number {
    return (ptsTicks + this.timestampBase) >>> 0;
  }

  /** Stream time of the instant `nowUs`, by the newest unit. */
  ptsTicksAt(nowUs: number, clockRateHz: number): number {
    return this.lastPtsTicks + Math.round(((nowUs - this.lastCaptureUs) * clockRateHz) / 1e6);
  }

  /** Stamps packets that a source numbered: its losses stay visible as gaps. */
  stampCopied(burst: PacketBurst, ptsTicks: number): void {
    const { bytes, offsets, count } = burst;
    const timestamp = this.rtpTimestamp(ptsTicks);
    for (let i = 0; i < count; i++) {
      const at = offsets[i]! + FRAMING_BYTES;
      const incoming = (bytes[at + 2]! << 8) | bytes[at + 3]!;
      if (i === 0) this.#follow(bytes.readUInt32BE(at + 8), incoming);
      const sequence = (incoming + this.#delta) & 0xffff;
      stamp(bytes, at, this.payloadType, sequence, timestamp, this.ssrc);
      this.nextSequence = (sequence + 1) & 0xffff;
      this.#sourceNext = (incoming + 1) & 0xffff;
    }
  }

  /** Stamps packets that were made here; a damaged frame leaves a gap of one before it. */
  stampMade(burst: PacketBurst, ptsTicks: number, damaged: boolean): void {
    if (damaged) this.skip();
    this.nextSequence = stampRun(burst, this, this.nextSequence, ptsTicks);
  }

  #follow(sourceSsrc: number, incoming: number): void {
    const jump = ((incoming - this.#sourceNext) << 16) >> 16;
    if (sourceSsrc === this.#sourceSsrc && jump >= 0 && jump <= MAX_DROPOUT) return;
    this.#sourceSsrc = sourceSsrc;
    this.#delta = (this.nextSequence - incoming) & 0xffff;
  }
}

/** Numbers every packet of a made burst from `sequence` on; returns the number after the last. Each timestamp holds the offset to the frame's. */
function stampRun(burst: PacketBurst, output: TrackOutput, sequence: number, ptsTicks: number): number {
  const { bytes, offsets, count } = burst;
  const timestamp = output.rtpTimestamp(ptsTicks);
  for (let i = 0; i < count; i++) {
    const at = offsets[i]! + FRAMING_BYTES;
    stamp(bytes, at, output.payloadType, sequence, (bytes.readUInt32BE(at + 4) + timestamp) >>> 0, output.ssrc);
    sequence = (sequence + 1) & 0xffff;
  }
  return sequence;
}

/** A copy of a stamped burst with other sequence numbers and another time. */
export function restamped(burst: PacketBurst, firstSequence: number, timestamp: number): PacketBurst {
  const bytes = Buffer.from(burst.bytes);
  const start = burst.offsets[0]! + FRAMING_BYTES;
  const shift = timestamp - bytes.readUInt32BE(start + 4);
  for (let i = 0; i < burst.count; i++) {
    const at = burst.offsets[i]! + FRAMING_BYTES;
    bytes.writeUInt16BE((firstSequence + i) & 0xffff, at + 2);
    bytes.writeUInt32BE((bytes.readUInt32BE(at + 4) + shift) >>> 0, at + 4);
  }
  return { bytes, offsets: burst.offsets, count: burst.count };
}

/** A stamped burst under other sequence numbers and another time, in the same memory. */
export function shifted({ bytes, offsets, count }: PacketBurst, firstSequence: number, timestamp: number): PacketBurst {
  const start = offsets[0]! + FRAMING_BYTES;
  const sequence = (firstSequence - bytes.readUInt16BE(start + 2)) & 0xffff;
  return { bytes, offsets, count, shift: { sequence, timestamp: (timestamp - bytes.readUInt32BE(start + 4)) >>> 0 } };
}

function stamp(bytes: Buffer, at: number, payloadType: number, sequence: number, timestamp: number, ssrc: number): void {
  bytes[at + 1] = (bytes[at + 1]! & 0x80) | payloadType; // keeps the marker bit
  bytes[at + 2] = sequence >>> 8;
  bytes[at + 3] = sequence & 0xff;
  bytes.writeUInt32BE(timestamp, at + 4);
  bytes.writeUInt32BE(ssrc, at + 8);
}
