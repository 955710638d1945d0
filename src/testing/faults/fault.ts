// What a row of the fault table is: a camera fault, how it is brought about, and what must be seen at the gateway and at its readers.
import type { Clock } from "#base/clock.ts";
import type { PeerFaultCode } from "#base/errors.ts";
import type { GapCause } from "#record/store.ts";
import type { SourceState } from "#relay/source.ts";
import type { Random } from "../mutate.ts";
import type { PullOptions } from "../rtsp-site.ts";
import type { ScriptedCameraOptions } from "../scripted-camera.ts";
import type { DatagramFaults } from "../udp-fault-proxy.ts";
import type { RecordedOutcome } from "./check-recording.ts";
import type { FaultRig } from "./fault-rig.ts";
import type { FaultOutcome, FaultSite } from "./fault-site.ts";

/** One row. */
export interface Fault {
  /** `C46` */
  readonly id: string;
  readonly title: string;
  /** Variants of the same fault; each is run on its own. */
  readonly cases: readonly FaultCase[];
}

export interface FaultCase {
  /** What sets this variant apart; empty where there is one only. */
  readonly name: string;
  readonly stimulus: Stimulus;
  readonly expected: Expected;
}

/** How the fault is brought about. Knows nothing of tests: `npm run camera -- --fault` serves it as well. Times go by setTimeout and `clock`. */
export interface Stimulus {
  /** What the camera does, in one sentence for a person who points a gateway at it. */
  readonly does: string;
  /** Default: the clip at 25 frames a second, without sound. `media` and `frameMs` go together. */
  camera?(setting: Setting): ScriptedCameraOptions;
  /** What happens after the first connection to the camera, in order. */
  readonly steps?: readonly Step[];
  /** How long it takes from the first connection on until what is expected can be seen. */
  readonly lastsMs: number;
  /** Datagrams from the camera pass a network that does this. */
  readonly datagrams?: DatagramFaults;
  /** `user:pass` for the URL, percent-encoded. */
  readonly login?: string;
  /** Cameras that suffer the same at once, each on a path of its own. Default: 1. */
  readonly copies?: number;
}

export interface Setting {
  readonly clock: Clock;
  readonly random: Random;
}

export interface Step {
  readonly atMs: number;
  /** In words. */
  readonly does: string;
  /** At the camera or on the way to it, for each copy. */
  act?(rig: FaultRig): void | Promise<void>;
  /** At the gateway: readers that come, misbehave, go. Not done where a camera is served by hand. */
  actOnSite?(site: FaultSite): void | Promise<void>;
}

/** Times in ms since the first connection, as in `Step.atMs`. */
export interface ExpectedGap {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What must be seen; a column a subsystem. Everything that is not said must be undisturbed. */
export interface Expected {
  /** The source in the gateway. */
  readonly source: {
    /** Every state from the first on, without the one it gets when the gateway stops. Left out: `also` judges states, faults and gaps. */
    readonly states?: readonly SourceState[];
    /** Why its attempts ended, in order. Default: none did. */
    readonly faults?: readonly PeerFaultCode[];
    /** Settings of the path. */
    readonly options?: Omit<PullOptions, "log" | "clock" | "random">;
    /** `useAbsoluteTimestamp` of the path. Default: no. */
    readonly absoluteTime?: boolean;
  };
  /** Requests the camera gets, by method; methods that are not named may come as they like. */
  readonly requests?: Readonly<Record<string, number>>;
  /**
   * Every reader: one over RTSP/TCP, one inside the gateway that takes frames. They join when there is a stream, and stay. Their media
   * covers the whole time but for the gaps; each bound may be 200 ms off. Without media at all: one gap from 0 to the end.
   */
  readonly readers: {
    readonly gaps?: readonly ExpectedGap[];
    /** Frames that are missing outside of gaps. Default: 0. */
    readonly missing?: Range;
    /** Frames that came flagged as damaged. Default: 0. */
    readonly damaged?: Range;
    /** Frames that seem whole and are not: nothing in RTP tells of a changed payload. Default: 0. */
    readonly corrupt?: Range;
    /** From capture to the reader, ms. Default: two steps of the simulated time. */
    readonly latencyMs?: number;
    /** Default: true. */
    readonly stay?: boolean;
  };
  /** What is recorded of it. Default: all that readers get, from the first keyframe on, with their gaps. */
  readonly recording?: ExpectedRecording;
  /** Lines of the log that must be there so many times. */
  readonly log?: readonly { readonly line: RegExp; readonly times: Range }[];
  /** What has no word of its own yet. */
  also?(outcome: FaultOutcome): void | Promise<void>;
  /** How far the simulated time goes at once, ms; the default is a frame time. More where nothing happens for long: time passes quicker. */
  readonly stepMs?: number;
}

/**
 * The recordings of a camera, one in the ring and one in files. Checked without a word here: they hold every frame that the reader inside got, in
 * order, byte for byte, each once, but for those between the end of a gap and the next keyframe; each of the readers' gaps is one gap of the
 * recorder's, and one between spans; decode times rise and no frame lasts over a gap; damaged frames are no keyframes.
 */
export interface ExpectedRecording {
  /** There is media, and none that can be recorded. */
  readonly nothing?: boolean;
  /** Why footage is missing. Default: "source". */
  readonly cause?: GapCause;
  /** Gaps the recorder tells of that are too short to be gaps for readers. Default: 0. */
  readonly shortGaps?: Range;
  /** Runs in the ring, each with parameters of its own. Default: 1. */
  readonly runs?: Range;
  /** Sound may be missing before. Default: 0. */
  readonly soundFromMs?: number;
  /** How far the UTC of a recorded frame may be off its capture, ms. Default: 100, and a step of the simulated time. */
  readonly utcMs?: number;
  /** What has no word of its own yet. */
  also?(recorded: RecordedOutcome): void | Promise<void>;
}

/** Exactly, or from … to. */
export type Range = number | { readonly least: number; readonly most: number };
