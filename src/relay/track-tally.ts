// What came of one track: plain counters that are read when somebody asks.
import type { Unit } from "./unit.ts";

export class TrackTally {
  units = 0;
  bytes = 0;
  /** Of those, what came incomplete. */
  damaged = 0;
  keyframes = 0;
  /** Times that the source came with other parameter sets. */
  parameterChanges = 0;
  /** Between the last two keyframes; undefined before the second. */
  gopTicks: number | undefined;
  /** Monotonic µs; undefined before the first unit. */
  lastCaptureUs: number | undefined;
  /** UTC of that unit by the source's own clock, µs; undefined where it has none that is accepted. */
  lastSenderUtcUs: number | undefined;
  #keyframePtsTicks: number | undefined;

  note({ keyframe, damaged, ptsTicks, captureUs, senderUtcUs }: Unit, sizeBytes: number): void {
    this.units++;
    this.bytes += sizeBytes;
    this.lastCaptureUs = captureUs;
    this.lastSenderUtcUs = senderUtcUs;
    if (damaged) this.damaged++;
    if (!keyframe) return;
    this.keyframes++;
    if (this.#keyframePtsTicks !== undefined) this.gopTicks = ptsTicks - this.#keyframePtsTicks;
    this.#keyframePtsTicks = ptsTicks;
  }
}
