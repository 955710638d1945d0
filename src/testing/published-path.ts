// A publisher inside the process: synthetic H.264 into a path, frame by frame as a test says.
import { randomUUID } from "node:crypto";
import { type Clock, SystemClock } from "#base/clock.ts";
import type { PublishLease } from "#relay/path.ts";
import type { PathRegistry } from "#relay/path-registry.ts";
import type { EndReason } from "#relay/reader.ts";
import type { Track } from "#relay/track.ts";
import type { Unit } from "#relay/unit.ts";
import { SYNTHETIC_FRAME_TICKS, SyntheticVideo, type SyntheticVideoOptions, syntheticTrack } from "./synthetic-track.ts";
import { packetUnit } from "./unit-tap.ts";

export interface PublishedPathOptions {
  readonly tracks?: readonly Track[];
  readonly video?: SyntheticVideoOptions;
  readonly clock?: Clock;
}

export class PublishedPath {
  readonly ends: EndReason[] = [];
  keyframesAsked = 0;
  readonly #clock: Clock;
  readonly #tracks: readonly Track[];
  readonly #video: SyntheticVideo;
  #lease: PublishLease | undefined;
  #publish: ((unit: Unit) => void) | undefined;

  private constructor({ clock = new SystemClock(), tracks = [syntheticTrack()], video = {} }: PublishedPathOptions) {
    this.#clock = clock;
    this.#tracks = tracks;
    this.#video = new SyntheticVideo(video);
  }

  static async open(registry: PathRegistry, path: string, options: PublishedPathOptions = {}): Promise<PublishedPath> {
    const published = new PublishedPath(options);
    const permit = await registry.permitPublish({
      action: "publish",
      path,
      protocol: "",
      remote: { address: "", port: 0 },
      query: "",
      id: "",
      credentials: { kind: "none" },
    });
    const lease = registry.openForPublish(permit, {
      type: "test",
      id: randomUUID(),
      onEnd: (reason) => published.ends.push(reason),
    });
    lease.sink.onKeyframeWanted = () => published.keyframesAsked++;
    published.#lease = lease;
    published.#publish = lease.sink.ready(published.#tracks, "packets");
    return published;
  }

  /** One more frame of the first track, captured now. */
  frame(count = 1): void {
    for (let i = 0; i < count; i++) this.#publish!(packetUnit(this.#video, this.#tracks[0]!, this.#clock.nowUs()));
  }

  /** One more frame, to be shown at the time of another: `number` counts as the frames' own do. */
  frameAt(number: number): void {
    const unit = packetUnit(this.#video, this.#tracks[0]!, this.#clock.nowUs());
    this.#publish!({ ...unit, ptsTicks: number * SYNTHETIC_FRAME_TICKS });
  }

  close(): void {
    this.#lease!.close();
  }
}
