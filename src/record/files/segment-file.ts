// What is known of one recorded file: its name tells path and start, its head the rest, once somebody asked.
import type { ClockStamp } from "#containers/clock-stamp.ts";
import type { DriftPoint } from "#containers/fmp4/stamp-box.ts";
import type { GapCause } from "../store.ts";
import { SeekPoints } from "./seek-points.ts";
import type { RecordFormat } from "./segment-format.ts";

/** What the inside of a file tells of it. */
export interface SegmentFacts {
  readonly durationUs: number;
  /** Its writer closed it; else the duration was counted from its fragments. */
  readonly isClosed: boolean;
  /** From `mtxi`; undefined in files of writers that do not have the box. */
  readonly place: SegmentPlace | undefined;
  /** Equal for files whose tracks MediaMTX takes for the same: ids, clock rates and codecs. */
  readonly tracksKey: string;
  /** Equal for files whose tracks are described alike in every bit. */
  readonly tracksCrc: number;
}

/** Where a file stands among those of one stream: MediaMTX's `mtxi` box. */
export interface SegmentPlace {
  /** Hexadecimal. */
  readonly streamId: string;
  readonly number: number;
  /** On the timeline of the stream. */
  readonly startDtsUs: number;
  /** µs since 1970, by the clock of the machine that wrote it. */
  readonly startNtpUs: number;
}

/** When it was recorded, by a clock that never jumps. */
export interface SegmentStamp extends ClockStamp {
  /** How the time of the file leaves that clock; in the order of time. */
  readonly drift: readonly DriftPoint[];
}

export interface SegmentFileName {
  readonly path: string;
  /** Absolute. */
  readonly file: string;
  readonly format: RecordFormat;
  /** Of its name. */
  readonly startUtcUs: number;
  /** What the name can mean as well, at the end of summer time; its head knows better. */
  readonly earlierUtcUs?: number | undefined;
}

/** A name before this was given by a clock that had not been set: it counts from 1970 or from when the machine was switched on. */
export const EARLIEST_UTC_US = Date.UTC(2020, 0, 1) * 1000;

export class SegmentFile {
  readonly path: string;
  readonly format: RecordFormat;
  /** Absolute. It is another one once the time of its name was put right. */
  file: string;
  nameUtcUs: number;
  readonly earlierUtcUs: number | undefined;
  /** When it begins by what is known of the time now: kept up by the catalog. */
  startUtcUs: number;
  /** `unknown`: it was not asked. Undefined: it has none, as files of other programs. */
  stamp: SegmentStamp | "unknown" | undefined = "unknown";
  /** Undefined: nobody asked yet. */
  sizeBytes: number | undefined;
  /** Undefined: nobody asked yet. `unreadable`: somebody did, when it had `sizeBytes`. */
  facts: SegmentFacts | "unreadable" | undefined;
  readonly seekPoints = new SeekPoints();
  /** We are writing it. */
  isOpen = false;
  /** Reading it; it stays, and keeps its name, as long as there are any. */
  readers = 0;
  /** Why footage is missing before it, as far as this process knows. */
  gapBefore: GapCause | undefined;
  /** Power failed, or its writer was killed, while it was written. */
  isTorn = false;

  constructor({ path, file, format, startUtcUs, earlierUtcUs }: SegmentFileName) {
    this.path = path;
    this.file = file;
    this.format = format;
    this.nameUtcUs = startUtcUs;
    this.startUtcUs = startUtcUs;
    this.earlierUtcUs = earlierUtcUs;
  }

  /** Where it ends; undefined: its head was not read, or cannot be. */
  get endUtcUs(): number | undefined {
    return this.facts === undefined || this.facts === "unreadable" ? undefined : this.startUtcUs + this.facts.durationUs;
  }

  /** Its head has told what it can of the time. */
  get isStampKnown(): boolean {
    return this.stamp !== "unknown";
  }
}
