// A camera of the ring rig as a recorder drives it: it notes what was refused, and opens its store again after a fault.
import type { GapCause } from "#record/store.ts";
import { frameNumberOf, type RigCamera, type RigCameraOptions, type RingRig } from "../ring-rig.ts";
import { syntheticTrack } from "../synthetic-track.ts";
import type { Told } from "./oracle.ts";

/** What was safe may be more than one rig's: a camera goes on where `before` was when power went. */
export class SweptCamera implements Told {
  readonly path: string;
  readonly starts: Set<number>;
  readonly camera: RigCamera;
  lockedThrough: number | undefined;
  readonly #before: readonly number[];
  #gap: GapCause | undefined;
  #openedFaults = -1;

  constructor(rig: RingRig, path: string, options: RigCameraOptions, before?: SweptCamera) {
    this.path = path;
    this.camera = rig.camera(path, { ...options, ...(before && { firstFrame: before.camera.frame }) });
    this.starts = new Set(before?.starts);
    this.lockedThrough = before?.lockedThrough;
    this.#before = before?.stored ?? [];
  }

  get stored(): readonly number[] {
    return [...this.#before, ...this.camera.stored];
  }

  numberOf(frame: Buffer): number {
    return frameNumberOf(frame);
  }

  /** Other parameters begin a run, and a chunk. */
  async open(tracks = [syntheticTrack()]): Promise<void> {
    this.starts.add(this.camera.frame);
    const gap = this.#gap;
    this.#openedFaults = this.camera.faults.length;
    try {
      await this.camera.open(tracks, gap);
      this.#gap = undefined;
    } catch {
      this.#openedFaults = -1;
      this.#gap = "disk";
    }
  }

  /** The next second of footage. */
  async append(): Promise<void> {
    if (this.#openedFaults !== this.camera.faults.length) {
      if (this.#openedFaults >= 0) this.#gap = "disk";
      await this.open();
    }
    const taken = this.camera.store.append(this.camera.next(this.#gap));
    this.#gap = taken ? undefined : (this.#gap ?? "backpressure");
  }
}
