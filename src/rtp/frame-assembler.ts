// Collects the RTP packets of one track into whole frames: one copy of each packet, into the frame's slab.
import { BurstBuilder, type PacketBurst, payloadEnd, payloadStart, RTP_HEADER_BYTES } from "./burst.ts";
import { PacketHas, type PayloadFormat } from "./payload/payload-format.ts";

const MAX_FRAME_BYTES = 4 << 20;
const MAX_FRAME_PACKETS = 4096;

export interface AssembledFrame {
  readonly burst: PacketBurst;
  /** RTP timestamp as it came, 32 bits. */
  readonly timestamp: number;
  readonly keyframe: boolean;
  /** The sender says that decoding may start here, and needs no keyframe. */
  readonly recoveryPoint: boolean;
  /** A packet is missing inside the frame, or it was closed before its end. */
  readonly damaged: boolean;
  /** Parameter sets are among the packets. */
  readonly hasParameters: boolean;
  /** Arrival of the frame's last packet, monotonic. */
  readonly arrivalUs: number;
}

/**
 * A frame ends, for formats with a marker, at the marker bit once a slice was seen (some cameras set it on SPS and PPS too), where the
 * payload says so, or at a timestamp change; for some formats with each packet. Packets before the first slice join the frame whatever their timestamp.
 */
export class FrameAssembler {
  readonly #format: PayloadFormat;
  readonly #channel: number;
  readonly #emit: (frame: AssembledFrame) => void;
  #builder: BurstBuilder | undefined;
  #timestamp = 0;
  #flags = 0;
  #damaged = false;
  #arrivalUs = 0;
  /** First size of the next frame's slab: a little more than the last frame. A keyframe doubles it a few times, and the frame behind it is trimmed. */
  #estimateBytes = 2048;

  /** `channel`: the track's canonical interleaved channel. */
  constructor(format: PayloadFormat, channel: number, emit: (frame: AssembledFrame) => void) {
    this.#format = format;
    this.#channel = channel;
    this.#emit = emit;
  }

  /** A frame is open: its end has not come yet. */
  get open(): boolean {
    return this.#builder !== undefined;
  }

  /** Arrival of the open frame's newest packet, monotonic µs. */
  get arrivalUs(): number {
    return this.#arrivalUs;
  }

  /** One RTP packet of at least 12 bytes, in order. `lostBefore`: how many are missing just before it. */
  push(bytes: Buffer, start: number, end: number, arrivalUs: number, lostBefore: number): void {
    const timestamp = bytes.readUInt32BE(start + 4);
    if (lostBefore > 0 && this.#builder !== undefined) this.#damaged = true;
    if (this.#builder !== undefined && timestamp !== this.#timestamp && (this.#flags & PacketHas.slice) !== 0) this.#close();
    let builder = this.#builder;
    if (builder === undefined) {
      builder = new BurstBuilder(this.#channel, this.#estimateBytes);
      this.#builder = builder;
      this.#flags = 0;
      this.#damaged = lostBefore > 0;
    }
    this.#timestamp = timestamp;
    this.#arrivalUs = arrivalUs;
    builder.copy(bytes, start, end);
    const from = payloadStart(bytes, start, end);
    const to = payloadEnd(bytes, start, end);
    if (to > from) this.#flags |= this.#format.inspect(bytes, from, to);
    const { frameEnd } = this.#format;
    const marker = frameEnd === "marker" && (bytes[start + 1]! & 0x80) !== 0;
    if (frameEnd === "packet" || (this.#flags & PacketHas.end) !== 0) this.#close();
    else if (marker && (this.#flags & PacketHas.slice) !== 0) this.#close();
    else if (builder.count >= MAX_FRAME_PACKETS || builder.sizeBytes >= MAX_FRAME_BYTES) this.cut();
  }

  /** Closes an open frame as damaged: its end did not come in time, or the sender is gone. */
  cut(): void {
    if (this.#builder === undefined) return;
    this.#damaged = true;
    this.#close();
  }

  #close(): void {
    const builder = this.#builder!;
    this.#builder = undefined;
    const used = builder.sizeBytes;
    this.#estimateBytes = used + (used >> 2) + RTP_HEADER_BYTES;
    this.#emit({
      burst: builder.finish(),
      timestamp: this.#timestamp,
      keyframe: (this.#flags & PacketHas.keyframe) !== 0,
      recoveryPoint: (this.#flags & PacketHas.recoveryPoint) !== 0,
      damaged: this.#damaged,
      hasParameters: (this.#flags & PacketHas.parameters) !== 0,
      arrivalUs: this.#arrivalUs,
    });
  }
}
