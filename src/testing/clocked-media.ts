// Media of a camera with clocks of its own: an RTP clock, a wall clock, and sender reports (RFC 3550 §6.4.1) that tell the one by the other.
// Everything that is sent is written down with the camera's time, for comparison with what readers make of it.
import { createHash, randomInt } from "node:crypto";
import { RTP_HEADER_BYTES } from "#rtp/burst.ts";
import { writeSenderReport } from "#rtp/rtcp.ts";
import { type CameraMedia, type MediaPacket, mediaPackets } from "./camera-media.ts";
import { SYNTHETIC_CLOCK_HZ, SyntheticVideo, syntheticSdp } from "./synthetic-track.ts";

const AUDIO_CLOCK_HZ = 8000;
const PCMA_TYPE = 8; // RFC 3551 §6
const AUDIO_BYTES = 160;
/** A process that was held up is no leap of the camera's time: its clocks stood still as well. */
const MAX_STEP_US = 2_000_000;

export interface CameraClockOptions {
  /** What the camera's wall clock said when it was switched on, µs since 1970. */
  readonly startUtcUs: number;
  /** Camera time passes this many times as fast as ours. Default: 1. */
  readonly speed?: number;
  /** The camera's wall clock is fast by this much against ours, and its RTP clocks against its wall clock, parts per million. */
  readonly wallPpm?: number;
  readonly rtpPpm?: number;
}

/** The clocks of one camera, whatever its connections do. */
export class CameraClock {
  /** Added to the wall clock from now on: a step. */
  stepUs = 0;
  #lastUs = performance.now() * 1000;
  #elapsedUs = 0;
  readonly #startUtcUs: number;
  readonly #wallRate: number;
  readonly #rtpRate: number;

  constructor({ startUtcUs, speed = 1, wallPpm = 0, rtpPpm = 0 }: CameraClockOptions) {
    this.#startUtcUs = startUtcUs;
    this.#wallRate = speed * (1 + wallPpm * 1e-6);
    this.#rtpRate = 1 + rtpPpm * 1e-6;
  }

  /** `utcUs`: what the wall clock says; `rtpUs`: what the RTP clocks have counted since the camera was switched on. */
  now(): { readonly utcUs: number; readonly rtpUs: number } {
    const nowUs = performance.now() * 1000;
    this.#elapsedUs += Math.min(MAX_STEP_US, (nowUs - this.#lastUs) * this.#wallRate);
    this.#lastUs = nowUs;
    return { utcUs: this.#startUtcUs + this.stepUs + this.#elapsedUs, rtpUs: this.#elapsedUs * this.#rtpRate };
  }
}

/** A frame or a packet of sound that was sent, and the camera's wall clock at its capture. */
export interface SentElement {
  readonly track: number;
  readonly frame: number;
  readonly utcUs: number;
  readonly timestamp: number;
  /** Over its NAL units or its samples, each behind its length in four bytes. */
  readonly md5: string;
  /** How many reports this connection had sent on its track before. */
  readonly reports: number;
}

export interface ClockedMediaOptions {
  readonly clock: CameraClock;
  /** Gets every element before it is sent. */
  readonly sent: SentElement[];
  /** A report before the second frame, and before each that comes this many later. */
  readonly framesPerReport: number;
  /** G.711 as a second track, sent this many frame times after its capture. Default: no sound. */
  readonly audioLateFrames?: number;
}

/** One connection's media: SSRCs, sequence numbers and timestamps begin anew with each. Sound is captured with the frames. */
export class ClockedMedia implements CameraMedia {
  readonly sdp: string;
  readonly #options: ClockedMediaOptions;
  readonly #tracks: readonly TrackNumbers[];
  readonly #video: SyntheticVideo;
  readonly #late: (() => readonly MediaPacket[])[] = [];
  #frames = 0;

  constructor(options: ClockedMediaOptions) {
    this.#options = options;
    this.#tracks = [new TrackNumbers(0, SYNTHETIC_CLOCK_HZ), new TrackNumbers(1, AUDIO_CLOCK_HZ)];
    const { ssrc, firstSequence } = this.#tracks[0]!;
    this.#video = new SyntheticVideo({ frameBytes: 300, ssrc, firstSequence, firstTimestamp: 0 });
    const sound = ["m=audio 0 RTP/AVP 8", "a=control:trackID=1", ""];
    this.sdp = `${syntheticSdp()}${options.audioLateFrames === undefined ? "" : sound.join("\r\n")}`;
  }

  next(frame: number): readonly MediaPacket[] {
    const { clock, framesPerReport, audioLateFrames } = this.#options;
    const instant = clock.now();
    const reports = this.#frames++ % framesPerReport === 1;
    const packets = this.#sendVideo(frame, instant, reports);
    if (audioLateFrames === undefined) return packets;
    this.#late.push(() => this.#sendAudio(frame, instant, reports));
    return this.#late.length > audioLateFrames ? [...packets, ...this.#late.shift()!()] : packets;
  }

  #sendVideo(frame: number, instant: Instant, reports: boolean): readonly MediaPacket[] {
    const numbers = this.#tracks[0]!;
    const made = { ...this.#video.next(), ptsTicks: numbers.timestampOf(instant) };
    // What tells one frame from another has to do so over connections too.
    const unique = { ...made, frame: [...made.frame.slice(0, -1), Buffer.concat([made.frame.at(-1)!, numberText(frame)])] };
    const report = reports ? [numbers.report(instant)] : [];
    this.#note(numbers, frame, instant, unique.frame);
    return [...report, ...mediaPackets(0, this.#video.burstOf(unique))];
  }

  #sendAudio(frame: number, instant: Instant, reports: boolean): readonly MediaPacket[] {
    const numbers = this.#tracks[1]!;
    const samples = Buffer.alloc(AUDIO_BYTES, numberText(frame));
    const header = Buffer.alloc(RTP_HEADER_BYTES);
    header[0] = 0x80; // RFC 3550 §5.1 version 2
    header[1] = PCMA_TYPE;
    header.writeUInt16BE(numbers.nextSequence(), 2);
    header.writeUInt32BE(numbers.timestampOf(instant), 4);
    header.writeUInt32BE(numbers.ssrc, 8);
    const report = reports ? [numbers.report(instant)] : [];
    this.#note(numbers, frame, instant, [samples]);
    return [...report, { track: 1, isRtcp: false, bytes: Buffer.concat([header, samples]) }];
  }

  #note({ track, reports, timestampOf }: TrackNumbers, frame: number, instant: Instant, parts: readonly Buffer[]): void {
    this.#options.sent.push({ track, frame, reports, utcUs: instant.utcUs, timestamp: timestampOf(instant), md5: md5Of(parts) });
  }
}

type Instant = ReturnType<CameraClock["now"]>;

/** What one track of one connection counts. */
class TrackNumbers {
  readonly track: number;
  readonly ssrc = randomInt(1, 2 ** 32);
  readonly firstSequence = randomInt(0, 2 ** 16);
  reports = 0;
  readonly #ticksPerUs: number;
  readonly #firstTimestamp = randomInt(0, 2 ** 32);
  #packets = 0;

  constructor(track: number, clockRateHz: number) {
    this.track = track;
    this.#ticksPerUs = clockRateHz / 1e6;
  }

  nextSequence(): number {
    return (this.firstSequence + this.#packets++) & 0xffff;
  }

  readonly timestampOf = ({ rtpUs }: Instant): number => (Math.round(rtpUs * this.#ticksPerUs) + this.#firstTimestamp) >>> 0;

  /** The report of an instant, to the tick. */
  report(instant: Instant): MediaPacket {
    this.reports++;
    const ticks = instant.rtpUs * this.#ticksPerUs;
    const utcUs = instant.utcUs + (Math.round(ticks) - ticks) / this.#ticksPerUs;
    const bytes = writeSenderReport({ ssrc: this.ssrc, utcUs, timestamp: this.timestampOf(instant), packets: 1, octets: 1 });
    return { track: this.track, isRtcp: true, bytes };
  }
}

/** Eight digits: no start code arises, and each number has its own. */
function numberText(number: number): Buffer {
  return Buffer.from(String(number).padStart(8, "0"));
}

function md5Of(parts: readonly Buffer[]): string {
  const hash = createHash("md5");
  for (const part of parts) {
    const size = Buffer.alloc(4);
    size.writeUInt32BE(part.length);
    hash.update(size).update(part);
  }
  return hash.digest("hex");
}
