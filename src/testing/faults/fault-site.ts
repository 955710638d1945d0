// The gateway of a fault run: faulty cameras on one path each, an undisturbed one beside them, and readers that watch what comes.
import { randomUUID } from "node:crypto";
import type { Clock } from "#base/clock.ts";
import type { PeerFaultCode } from "#base/errors.ts";
import type { ReadLease } from "#relay/path.ts";
import type { SourceState } from "#relay/source.ts";
import type { Track } from "#relay/track.ts";
import { ClipMedia } from "../clip-media.ts";
import { type CollectedLog, collectedLog } from "../collected-log.ts";
import { expect200, overTcp, RawRtspClient } from "../raw-rtsp-client.ts";
import { pulled, type Site, startSite } from "../rtsp-site.ts";
import { ScriptedCamera } from "../scripted-camera.ts";
import { UnitTap } from "../unit-tap.ts";
import type { FaultCase } from "./fault.ts";
import { FaultRecording } from "./fault-recording.ts";
import type { FaultRig } from "./fault-rig.ts";
import { frameOfUnit, framesOfPackets, type SeenFrame } from "./seen-frames.ts";

/** A reader of one path. */
export interface Watcher {
  /** `cam over RTSP` */
  readonly name: string;
  readonly path: string;
  /** When it joined, monotonic; undefined while it has found no stream. */
  readonly joinedUs: number | undefined;
  readonly hasEnded: boolean;
  /** Counts what came. */
  readonly received: number;
  /** Of the first video track. */
  frames(): readonly SeenFrame[];
}

/** A reader over RTSP/TCP: channel 2 × track for RTP. */
export class RtspWatcher implements Watcher {
  readonly name: string;
  readonly path: string;
  joinedUs: number | undefined;
  client: RawRtspClient | undefined;
  #tracks: readonly Track[] = [];

  constructor(path: string) {
    this.name = `${path} over RTSP`;
    this.path = path;
  }

  async join(site: Site, clock: Clock): Promise<void> {
    this.joinedUs = clock.nowUs();
    this.#tracks = site.registry.get(this.path)!.snapshot().tracks;
    const url = site.url(this.path);
    const client = await RawRtspClient.connect(site.port, "127.0.0.1", () => clock.nowUs());
    this.client = client;
    for (const { index } of this.#tracks)
      await expect200(client.request("SETUP", `${url}/trackID=${index}`, { Transport: overTcp(index * 2) }));
    await expect200(client.request("PLAY", url));
  }

  get hasEnded(): boolean {
    return this.client?.isClosed ?? false;
  }

  get received(): number {
    return this.client?.packets.length ?? 0;
  }

  /** RTP of a track so far. */
  packets(trackIndex: number): readonly Buffer[] {
    return this.client?.on(trackIndex * 2) ?? [];
  }

  frames(): readonly SeenFrame[] {
    const video = this.#tracks.find(({ kind }) => kind === "video");
    return video === undefined || this.client === undefined ? [] : framesOfPackets(this.client.packets, video.index * 2, video);
  }
}

/** A reader inside the gateway that takes frames, as a recorder does. */
export class FrameWatcher implements Watcher {
  readonly name: string;
  readonly path: string;
  joinedUs: number | undefined;
  readonly tap: UnitTap;
  readonly #arrivals: number[] = [];

  constructor(path: string, clock: Clock) {
    this.name = `${path} inside`;
    this.path = path;
    this.tap = new UnitTap({ wants: () => "frame", onUnit: () => void this.#arrivals.push(clock.nowUs()) });
  }

  async join(site: Site, clock: Clock): Promise<void> {
    this.joinedUs = clock.nowUs();
    const lease: ReadLease = await site.registry.openForRead(
      {
        action: "read",
        path: this.path,
        protocol: "",
        remote: { address: "", port: 0 },
        query: "",
        id: "",
        credentials: { kind: "none" },
      },
      this.tap,
      { type: "test", id: randomUUID() },
    );
    lease.start();
  }

  get hasEnded(): boolean {
    return this.tap.ends.length > 0;
  }

  get received(): number {
    return this.tap.units.length;
  }

  frames(): readonly SeenFrame[] {
    return this.tap.units.flatMap((unit, i) => (unit.track.kind === "video" ? [frameOfUnit(unit, this.#arrivals[i]!)] : []));
  }
}

const WITNESS = "witness";
/** A camera that sends less often than this would be taken for one that stalls. */
const MAX_WITNESS_FRAME_MS = 1000;

export class FaultSite {
  readonly site: Site;
  readonly clock: Clock;
  readonly rigs: readonly FaultRig[];
  readonly log: CollectedLog;
  /** Two for each faulty camera: over RTSP and inside. */
  readonly watchers: readonly (RtspWatcher | FrameWatcher)[];
  /** Of a camera that nothing is done to. */
  readonly witness: FrameWatcher;
  /** Of the faulty cameras. */
  readonly recording: FaultRecording;
  readonly #witnessCamera: ScriptedCamera;
  readonly #joining = new Set<Promise<void>>();

  private constructor(
    site: Site,
    clock: Clock,
    rigs: readonly FaultRig[],
    log: CollectedLog,
    witnessCamera: ScriptedCamera,
    recording: FaultRecording,
  ) {
    this.site = site;
    this.clock = clock;
    this.rigs = rigs;
    this.log = log;
    this.#witnessCamera = witnessCamera;
    this.recording = recording;
    this.watchers = rigs.flatMap((_, i) => [new RtspWatcher(pathOf(i)), new FrameWatcher(pathOf(i), clock)]);
    this.witness = new FrameWatcher(WITNESS, clock);
  }

  static async start({ expected }: FaultCase, rigs: readonly FaultRig[], clock: Clock, frameMs: number): Promise<FaultSite> {
    const log = collectedLog();
    const random = (): number => 0.5; // no jitter
    const witnessMs = Math.min(MAX_WITNESS_FRAME_MS, Math.max(frameMs, expected.stepMs ?? 0));
    const witness = await ScriptedCamera.start({
      frameMs: witnessMs,
      media: () => new ClipMedia({ clock, framesPerSecond: 1000 / witnessMs }),
    });
    const options = { log, clock, random };
    const { absoluteTime = false } = expected.source;
    const paths = rigs.map((rig, i) => {
      return [pathOf(i), { absoluteTime, source: pulled(rig.url, { ...expected.source.options, ...options }) }] as const;
    });
    const site = await startSite({
      ...options,
      paths: { ...Object.fromEntries(paths), [WITNESS]: { source: pulled(witness.url(), options) } },
    });
    const recording = await FaultRecording.start({ registry: site.registry, clock, paths: paths.map(([name]) => name) });
    return new FaultSite(site, clock, rigs, log, witness, recording);
  }

  /** Readers that have no stream yet join where there is one now. */
  joinReaders(): void {
    for (const watcher of [...this.watchers, this.witness]) {
      if (watcher.joinedUs !== undefined || this.site.registry.get(watcher.path)?.state !== "available") continue;
      const joining = watcher.join(this.site, this.clock).catch((error: unknown) => {
        this.log.error(`${watcher.name} could not join: ${error}`);
      });
      this.#joining.add(joining);
    }
  }

  /** Changes while bytes are on their way. */
  get activity(): number {
    let sum = this.witness.received + this.recording.activity;
    for (const { camera, proxy, udp } of this.rigs) {
      sum += proxy.forwardedBytes + proxy.accepted + proxy.open + camera.requests.length;
      for (const { counts } of udp) sum += counts.received + counts.sent;
    }
    for (const watcher of this.watchers) sum += watcher.received;
    return sum;
  }

  /** Of the source of a faulty camera, in order. */
  states(copy = 0): SourceState[] {
    return this.#logged(copy, /^source is (\w+)$/) as SourceState[];
  }

  /** Why its attempts ended, in order. */
  faults(copy = 0): PeerFaultCode[] {
    return this.#logged(copy, /^source: .*\((\S+)\)$/) as PeerFaultCode[];
  }

  async close(): Promise<void> {
    await Promise.all(this.#joining);
    for (const watcher of this.watchers) if (watcher instanceof RtspWatcher) watcher.client?.close();
    await this.recording.close();
    await this.site.close();
    await Promise.all(this.rigs.map((rig) => rig.close()));
    await this.#witnessCamera.close();
  }

  #logged(copy: number, what: RegExp): string[] {
    const prefix = `[path ${pathOf(copy)}] `;
    return this.log.lines.flatMap((line) => (line.startsWith(prefix) ? (what.exec(line.slice(prefix.length))?.[1] ?? []) : []));
  }
}

function pathOf(copy: number): string {
  return copy === 0 ? "cam" : `cam${copy + 1}`;
}

/** A run that is over; times are monotonic. */
export interface FaultOutcome {
  readonly site: FaultSite;
  /** The first, or only, camera. */
  readonly rig: FaultRig;
  readonly startUs: number;
  readonly endUs: number;
  readonly rtsp: RtspWatcher;
  readonly inside: FrameWatcher;
}
