// Writes an MPEG transport stream of one program, ISO/IEC 13818-1, sample by sample: for files, HLS segments, SRT and UDP.
import type { Parameters } from "#codecs/codec.ts";
import type { ContainerTrack, Sample } from "../sample.ts";
import { type Carriage, carriageOf } from "./carriage.ts";
import { tsTicksOf, tsTicksOfMs } from "./clock.ts";
import type { PesPayload } from "./frame-payload.ts";
import { type Adaptation, PACKET_BYTES, type PacketSequence, packetCount, writePackets, writePcrPacket } from "./packets.ts";
import { writePesHeader } from "./pes.ts";
import { ProgramTables } from "./tables.ts";

const FIRST_PID = 0x100;
/** Their PMT is one section (1,024 bytes) whatever they are. */
export const MAX_TS_TRACKS = 16;

/** Timestamp of tick 0. Decoding times may lie 1.7 s before it (reordering, sound that began earlier) until a timestamp is negative and wraps. */
export const START_MS = 2000;
/** The clock that a receiver follows lags behind the decoding times by this: room for a large picture to arrive, and for a track that is late. */
export const PCR_LEAD_MS = 300;
/** A PCR at least every 100 ms (§2.7.2): when the leading track is slower, another track's sample brings one along from here on. */
const PCR_DUE_MS = 70;
/**
 * Receivers count an error when PAT or PMT is away for 500 ms (ETSI TR 101 290 §5.2.1). Each keyframe, where a reader can begin, has them before
 * it anyway: more often than this (broadcasters send 10 a second, 30 kbit/s) would bring nobody in earlier.
 */
const TABLES_DUE_MS = 400;

const NOTHING = Buffer.alloc(0);

interface Stream {
  readonly sequence: PacketSequence;
  readonly clockRateHz: number;
  carriage: Carriage;
}

/** A PES packet that is about to be written. */
interface OutgoingPes {
  readonly adaptation: Adaptation;
  readonly pieces: readonly Buffer[];
  readonly sizeBytes: number;
}

/**
 * One transport stream. It keeps counters and no media, whatever passes through it.
 *
 * Samples come in decode order of their track, and the tracks interleaved by decode time: one that is more than `PCR_LEAD_MS` late comes after
 * the time at which a receiver wants it.
 */
export class TsWriter {
  readonly #streams: readonly Stream[];
  readonly #tables: ProgramTables;
  /** The first video track, else the first: its times are the clock. */
  readonly #leading: Stream;
  readonly #leadingIsVideo: boolean;
  #leadingDts: number | undefined;
  #lastPcr: number | undefined;
  #lastTables: number | undefined;

  /** Throws for tracks that `tsRefusal` refuses, for none, and for more than `MAX_TS_TRACKS`. */
  constructor(tracks: readonly ContainerTrack[]) {
    if (tracks.length === 0 || tracks.length > MAX_TS_TRACKS) throw new RangeError(`a transport stream of ${tracks.length} tracks`);
    this.#streams = tracks.map(({ parameters, clockRateHz }, i) => {
      const carriage = carriageOf(parameters);
      if ("refusal" in carriage) throw new TypeError(`track ${i + 1}: ${carriage.refusal}`);
      return { sequence: { pid: FIRST_PID + i, continuityCounter: 15 }, clockRateHz, carriage };
    });
    const firstVideo = tracks.findIndex(({ kind }) => kind === "video");
    this.#leadingIsVideo = firstVideo >= 0;
    this.#leading = this.#streams[Math.max(firstVideo, 0)]!;
    const program = this.#streams.map(({ sequence, carriage }) => ({ pid: sequence.pid, ...carriage }));
    this.#tables = new ProgramTables(program, this.#leading.sequence.pid);
  }

  /**
   * The packets of a sample: a multiple of 188 bytes in a buffer of its own; PAT and PMT stand before it where they are due. Empty when the sample
   * holds nothing that can be sent. `trackIndex`: place in the list the writer was made with.
   */
  write(trackIndex: number, sample: Sample): Buffer {
    const stream = this.#streams[trackIndex]!;
    const payloads = stream.carriage.payload(sample);
    if (payloads.length === 0) return NOTHING;
    const dts = tsTicksOfMs(START_MS) + tsTicksOf(sample.dtsTicks, stream.clockRateHz);
    const isLeading = stream === this.#leading;
    if (isLeading) this.#leadingDts = dts;

    const withTables = this.#tablesAreDue(dts, isLeading && this.#leadingIsVideo && sample.keyframe);
    const pcr = isLeading ? this.#pcrAt(dts) : undefined;
    const guestPcr = isLeading ? undefined : this.#guestPcrAt(dts);
    const outgoing = payloads.map((payload, i) => outgoingPes(stream, sample, payload, i === 0 ? pcr : undefined));

    let sizeBytes = (withTables ? this.#tables.sizeBytes : 0) + (guestPcr === undefined ? 0 : PACKET_BYTES);
    for (const pes of outgoing) sizeBytes += PACKET_BYTES * packetCount(pes.sizeBytes, pes.adaptation);
    const out = Buffer.allocUnsafe(sizeBytes);
    let at = withTables ? this.#tables.write(out, 0) : 0;
    if (guestPcr !== undefined) at = writePcrPacket(out, at, this.#leading.sequence, guestPcr);
    for (const pes of outgoing) at = writePackets(out, at, stream.sequence, pes.adaptation, pes.pieces, pes.sizeBytes);
    return out;
  }

  /** The next sample gets PAT and PMT before it: what follows can be read from there. Counters and times go on. */
  beginSegment(): void {
    this.#lastTables = undefined;
  }

  /**
   * New parameter sets of a track, used from its next sample on. False, and nothing changes, when the tables would say something else: that takes a
   * new writer.
   */
  setParameters(trackIndex: number, parameters: Parameters): boolean {
    const stream = this.#streams[trackIndex]!;
    const carriage = carriageOf(parameters);
    if ("refusal" in carriage || !isAnnouncedAlike(carriage, stream.carriage)) return false;
    stream.carriage = carriage;
    return true;
  }

  #tablesAreDue(dts: number, atEntry: boolean): boolean {
    if (!atEntry && this.#lastTables !== undefined && dts - this.#lastTables < tsTicksOfMs(TABLES_DUE_MS)) return false;
    this.#lastTables = dts;
    return true;
  }

  /** Sent only where it is later than the last. */
  #pcrAt(dts: number): number | undefined {
    const pcr = dts - tsTicksOfMs(PCR_LEAD_MS);
    if (this.#lastPcr !== undefined && pcr <= this.#lastPcr) return undefined;
    this.#lastPcr = pcr;
    return pcr;
  }

  /** For the leading track, from another track's time; never past the leading track's last decoding time, so that its next one cannot be late. */
  #guestPcrAt(dts: number): number | undefined {
    if (this.#leadingDts === undefined || this.#lastPcr === undefined) return undefined;
    const pcr = Math.min(dts - tsTicksOfMs(PCR_LEAD_MS), this.#leadingDts);
    if (pcr - this.#lastPcr < tsTicksOfMs(PCR_DUE_MS)) return undefined;
    this.#lastPcr = pcr;
    return pcr;
  }
}

function outgoingPes(stream: Stream, sample: Sample, payload: PesPayload, pcrTsTicks: number | undefined): OutgoingPes {
  const start = tsTicksOfMs(START_MS);
  const dtsTicks = sample.dtsTicks + payload.delayTicks;
  const dts = start + tsTicksOf(dtsTicks, stream.clockRateHz);
  const pts = start + tsTicksOf(dtsTicks + sample.ptsOffsetTicks, stream.clockRateHz);
  const header = writePesHeader(stream.carriage.streamId, pts, dts, payload.sizeBytes);
  return {
    adaptation: { randomAccess: sample.keyframe, pcrTsTicks },
    pieces: [header, ...payload.pieces],
    sizeBytes: header.length + payload.sizeBytes,
  };
}

function isAnnouncedAlike(one: Carriage, other: Carriage): boolean {
  return one.streamType === other.streamType && one.streamId === other.streamId && one.descriptors.equals(other.descriptors);
}
