// The clip with sender reports (RFC 3550 §6.4.1) of a camera that has a wall clock, right or wrong.
import type { Clock } from "#base/clock.ts";
import { writeSenderReport } from "#rtp/rtcp.ts";
import type { CameraMedia, MediaPacket } from "../camera-media.ts";
import { ClipMedia } from "../clip-media.ts";

/** A report each 5 s. */
const FRAMES_PER_REPORT = 125;

/** A camera's wall clock; goes on over its connections. */
export class WallClock {
  /** Ahead of the gateway's by this much. */
  offsetUs: number;
  steps = 0;

  constructor(offsetUs: number) {
    this.offsetUs = offsetUs;
  }

  step(byUs: number): void {
    this.offsetUs += byUs;
    this.steps++;
  }
}

/** What a camera would say if all were well: `utcUs` is the time of the frame that is stamped `timestamp`. */
export interface TrueReport {
  readonly ssrc: number;
  readonly utcUs: number;
  readonly timestamp: number;
}

/** Of a frame: what the wall clock said, and the reports of its connection that were sent before it, of them those since the clock's newest step. */
export interface ToldFrame {
  readonly offsetUs: number;
  readonly reports: number;
  readonly reportsSinceStep: number;
  /** Connections that played before this one. */
  readonly session: number;
}

export interface ReportingMediaOptions {
  readonly clock: Clock;
  readonly wall: WallClock;
  readonly session: number;
  /** RTCP packets in place of the `index`th report of a session. */
  write?(report: TrueReport, index: number, session: number): readonly Buffer[];
  /** The frame before which the first one is sent. Default: the second of the connection. */
  readonly firstReportFrame?: number;
}

export class ReportingMedia implements CameraMedia {
  readonly sdp: string;
  readonly wall: WallClock;
  /** By the frame's number. */
  readonly told = new Map<number, ToldFrame>();
  readonly #options: ReportingMediaOptions;
  readonly #clip: ClipMedia;
  #frames = 0;
  #reports = 0;
  #reportsBeforeStep = 0;
  #steps: number;

  constructor(options: ReportingMediaOptions) {
    this.#options = options;
    this.wall = options.wall;
    this.#steps = this.wall.steps;
    this.#clip = new ClipMedia({ clock: options.clock });
    this.sdp = this.#clip.sdp;
  }

  next(frame: number): readonly MediaPacket[] {
    const { firstReportFrame = 1, session } = this.#options;
    if (this.wall.steps !== this.#steps) this.#reportsBeforeStep = this.#reports;
    this.#steps = this.wall.steps;
    const packets = this.#clip.next(frame);
    const reports = this.#frames++ % FRAMES_PER_REPORT === firstReportFrame ? this.#report(packets[0]!.bytes) : [];
    const reportsSinceStep = this.#reports - this.#reportsBeforeStep;
    this.told.set(frame, { offsetUs: this.wall.offsetUs, reports: this.#reports, reportsSinceStep, session });
    return [...reports, ...packets];
  }

  #report(rtp: Buffer): readonly MediaPacket[] {
    const { clock, session, write = honest } = this.#options;
    const utcUs = clock.utcOf(clock.nowUs()).utcUs + this.wall.offsetUs;
    const written = write({ ssrc: rtp.readUInt32BE(8), timestamp: rtp.readUInt32BE(4), utcUs }, this.#reports, session);
    this.#reports++;
    return written.map((bytes) => ({ track: 0, isRtcp: true, bytes }));
  }
}

/** A report as it should be. */
export function honest(report: TrueReport): readonly Buffer[] {
  return [writeSenderReport({ ...report, packets: 1, octets: 1 })];
}
