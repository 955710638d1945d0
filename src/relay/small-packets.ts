// One track's packets for readers behind paths of unknown size (WebRTC): none over 1,200 bytes, and no keyframe without its parameter sets.
import { withParameterSets } from "#codecs/parameter-sets.ts";
import { BurstBuilder, FRAMING_BYTES, type PacketBurst, RTP_HEADER_BYTES } from "#rtp/burst.ts";
import type { PayloadFormat } from "#rtp/payload/payload-format.ts";
import { makeBacklog } from "./backlog.ts";
import { TrackOutput } from "./track-output.ts";
import type { Unit } from "./unit.ts";

/** What reaches everybody with the bytes of SRTP, UDP and a tunnel around it. */
export const SMALL_PACKET_BYTES = 1200;

/** The frames that packets are made of are put together here, one after the other, of whichever track. */
let frameMemory = Buffer.alloc(0);

/**
 * Made once per unit for all such readers. They get the packets as they come until one does not fit; from then on all packets of the track
 * are made here. Their sequence numbers go on from one to the other.
 */
export class SmallPackets {
  /** Its sequence numbers are those of the small packets; its timestamps are those of all. */
  readonly output: TrackOutput;
  readonly #format: PayloadFormat;
  readonly #source: TrackOutput;
  /** By units of the open GOP: who comes later in it gets the same, and what was added since. */
  readonly #madeFor = new WeakMap<Unit, PacketBurst>();
  #isMade: boolean;

  constructor(format: PayloadFormat, source: TrackOutput, parameters: Unit["track"]["parameters"]) {
    this.#format = format;
    this.#source = source;
    this.output = new TrackOutput(source.payloadType, source.timestampBase);
    this.output.nextSequence = source.nextSequence;
    this.#isMade = parameters.codec === "h265" && (parameters.maxDonDiff ?? 0) > 0; // WebRTC knows no decoding order numbers
  }

  /** No reader was there for a while: where the packets are taken as they come, numbers go on from theirs. */
  resume(): void {
    if (!this.#isMade) this.output.nextSequence = this.#source.nextSequence;
  }

  /** The unit for such readers; undefined: nothing whole is left of it. To be called for each unit that was published, in order. */
  of(unit: Unit): Unit | undefined {
    if (!this.#fits(unit)) this.#isMade = true;
    if (!this.#isMade) {
      this.output.nextSequence = this.#source.nextSequence;
      return unit;
    }
    const packets = this.#make(unit);
    if (packets === undefined) {
      this.output.skip();
      return undefined;
    }
    this.output.stampMade(packets, unit.ptsTicks, unit.damaged);
    return { ...unit, packets };
  }

  /** The open GOP for such readers. */
  backlogOf(units: readonly Unit[]): readonly Unit[] {
    if (!this.#isMade && !units.every((unit) => this.#fits(unit))) this.#isMade = true;
    this.resume();
    if (!this.#isMade) return makeBacklog(units, "packets", this.output);
    const { nextSequence } = this.output;
    const small = units.flatMap((unit) => {
      const packets = this.#madeFor.get(unit) ?? this.#make(unit);
      if (packets === undefined) return [];
      if (!this.#madeFor.has(unit)) {
        this.output.stampMade(packets, unit.ptsTicks, false);
        this.#madeFor.set(unit, packets);
      }
      return [{ ...unit, packets }];
    });
    this.output.nextSequence = nextSequence;
    return makeBacklog(small, "packets", this.output, true);
  }

  #fits(unit: Unit): boolean {
    if (this.#isMade) return false;
    if (unit.packets === undefined || largestPacket(unit.packets) > SMALL_PACKET_BYTES) return false;
    if (!unit.keyframe || (unit.track.codec !== "h264" && unit.track.codec !== "h265")) return true;
    const frame = this.#frameOf(unit);
    return frame !== undefined && withParameterSets(frame, unit.track.parameters) === frame;
  }

  /** Good until it is asked for another one. */
  #frameOf({ frame, packets, track }: Unit): readonly Buffer[] | undefined {
    if (frame !== undefined || packets === undefined) return frame;
    if (frameMemory.length < packets.bytes.length) frameMemory = Buffer.allocUnsafeSlow(packets.bytes.length);
    return this.#format.depacketize(packets, track.parameters, frameMemory);
  }

  #make(unit: Unit): PacketBurst | undefined {
    const whole = this.#frameOf(unit);
    if (whole === undefined) return undefined;
    const frame = unit.keyframe ? withParameterSets(whole, unit.track.parameters) : whole;
    let sizeBytes = 0;
    for (const part of frame) sizeBytes += part.length;
    const builder = new BurstBuilder(unit.track.index * 2, sizeBytes + (sizeBytes >> 4) + 256);
    this.#format.packetize(frame, unit.track.parameters, SMALL_PACKET_BYTES - RTP_HEADER_BYTES, builder);
    return builder.count === 0 ? undefined : builder.finish();
  }
}

/** Bytes of the longest packet, RTP header included. */
export function largestPacket({ offsets, count }: PacketBurst): number {
  let largest = 0;
  for (let i = 0; i < count; i++) {
    const size = offsets[i + 1]! - offsets[i]! - FRAMING_BYTES;
    if (size > largest) largest = size;
  }
  return largest;
}
