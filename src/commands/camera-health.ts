// How each camera is, in the words of the MQTT contract: sampled at most every few seconds, once for everybody who asks.
import type { Clock } from "#base/clock.ts";
import { codecProperties } from "#codecs/properties.ts";
import type { PathSnapshot } from "#relay/path.ts";
import type { PathRegistry } from "#relay/path-registry.ts";
import type { SessionRegistry } from "#relay/session-registry.ts";
import type { SourceState } from "#relay/source.ts";
import type { Track } from "#relay/track.ts";

/** `null`: not known now. Times are UTC, ms since 1970. */
export interface CameraHealth {
  readonly st: SourceState;
  /** Since when it is in that state. */
  readonly since: number | null;
  /** `rtsp/tcp`. */
  readonly proto: string | null;
  readonly codec: string | null;
  readonly w: number | null;
  readonly h: number | null;
  readonly fps: number | null;
  /** Media of all tracks. */
  readonly kbps: number | null;
  /** Between the last two keyframes. */
  readonly gop_s: number | null;
  /** Of the newest frame. */
  readonly age_ms: number | null;
  /** Of the session that stands now. */
  readonly rtp_lost: number;
  readonly rtp_late: number;
  readonly dup: number;
  readonly reconn: number;
  readonly last_err: string | null;
  /** The camera's clock less ours. */
  readonly cam_clk_off_ms: number | null;
  /** Times that it came with other parameter sets. */
  readonly ps_changes: number;
  readonly audio: string | null;
  readonly readers: Readonly<Record<string, number>>;
  readonly tx_kbps: number;
}

export type CamerasHealth = Readonly<Record<string, CameraHealth>>;

export interface CameraWatchOptions {
  readonly registry: Pick<PathRegistry, "list">;
  readonly sessions: Pick<SessionRegistry, "get">;
  readonly clock: Clock;
}

/** What rates are made of. */
interface Counts {
  readonly atUs: number;
  /** Of the first video track. */
  readonly frames: number;
  readonly inboundBytes: number;
  readonly outboundBytes: number;
}

const MAX_AGE_US = 5e6;
/** Rates over more than this tell of the past. */
const MAX_SPAN_US = 90e6;

/** By the first word of the API's types; those of WebRTC are named by the protocol that browsers read with. */
const READER_WORDS: readonly (readonly [prefix: string, word: string])[] = [
  ["rtsp", "rtsp"],
  ["webRTC", "whep"],
  ["hls", "hls"],
  ["srt", "srt"],
  ["rtmp", "rtmp"],
  ["moq", "moq"],
];

export class CameraWatch {
  readonly #options: CameraWatchOptions;
  #sample: { readonly atUs: number; readonly cameras: CamerasHealth } | undefined;
  #before = new Map<string, Counts>();

  constructor(options: CameraWatchOptions) {
    this.#options = options;
  }

  /** By name, in the order of names: every path that something is pulled to or published to. */
  read(): CamerasHealth {
    const { registry, clock } = this.#options;
    const nowUs = clock.nowUs();
    if (this.#sample !== undefined && nowUs - this.#sample.atUs < MAX_AGE_US) return this.#sample.cameras;
    const counted = new Map<string, Counts>();
    const cameras: Record<string, CameraHealth> = {};
    for (const path of registry.list()) {
      const snapshot = path.snapshot();
      if (snapshot.source === undefined || snapshot.source.type === "redirect") continue;
      const counts = countsOf(snapshot, nowUs);
      cameras[path.name] = this.#healthOf(snapshot, counts, this.#startOf(snapshot, counts));
      counted.set(path.name, counts);
    }
    this.#before = counted;
    this.#sample = { atUs: nowUs, cameras };
    return cameras;
  }

  /** Where rates count from: the last sample, or the beginning of the stream where that is later, or the sample long ago. */
  #startOf({ name, availableSinceUs }: PathSnapshot, now: Counts): Counts | undefined {
    const before = this.#before.get(name);
    const isFresh = before !== undefined && now.atUs - before.atUs <= MAX_SPAN_US && before.atUs >= (availableSinceUs ?? 0);
    if (isFresh) return before;
    return availableSinceUs === undefined ? undefined : { atUs: availableSinceUs, frames: 0, inboundBytes: 0, outboundBytes: 0 };
  }

  #healthOf(snapshot: PathSnapshot, counts: Counts, start: Counts | undefined): CameraHealth {
    const { clock, sessions } = this.#options;
    const { tracks, tallies, sourceState, sourceStateSinceUs, availableSinceUs, sourceLink, source, reconnects, lastError } = snapshot;
    const isLive = snapshot.state === "available";
    const sinceUs = sourceState === undefined ? availableSinceUs : sourceStateSinceUs;
    const video = tracks.findIndex(({ kind }) => kind === "video");
    const [track, tally] = [tracks[video] ?? tracks[0], tallies[video] ?? tallies[0]];
    const link = sourceLink ?? sessions.get(source?.id ?? "");
    const counters = link?.counters() ?? {};
    const props = track === undefined ? null : codecProperties(track.parameters).props;
    const sizeOf = (name: "width" | "height"): number | null => Number(props?.[name] ?? 0) || null;
    const perSecond = (now: number, before: number): number => Math.max(0, now - before) / (Math.max(1, counts.atUs - start!.atUs) / 1e6);
    const capturedUs = tally?.lastCaptureUs;
    const senderUs = tally?.lastSenderUtcUs;
    return {
      st: sourceState ?? (isLive ? "live" : "off"),
      since: sinceUs === undefined ? null : Math.round(clock.utcOf(sinceUs).utcUs / 1000),
      proto: link?.transport === undefined ? null : `${protocolOf(source!.type)}/${link.transport.toLowerCase()}`,
      codec: video < 0 ? null : codecWord(tracks[video]!),
      w: sizeOf("width"),
      h: sizeOf("height"),
      fps: start === undefined || video < 0 ? null : Number(perSecond(counts.frames, start.frames).toFixed(1)),
      kbps: start === undefined ? null : Math.round((perSecond(counts.inboundBytes, start.inboundBytes) * 8) / 1000),
      gop_s: tally?.gopTicks === undefined ? null : Number((tally.gopTicks / track!.clockRateHz).toFixed(2)),
      age_ms: capturedUs === undefined ? null : Math.max(0, Math.round((counts.atUs - capturedUs) / 1000)),
      rtp_lost: counters["inboundRTPPacketsLost"] ?? 0,
      rtp_late: counters["inboundRTPPacketsLate"] ?? 0,
      dup: counters["inboundRTPPacketsDuplicated"] ?? 0,
      reconn: reconnects,
      last_err: lastError ?? null,
      cam_clk_off_ms: senderUs === undefined ? null : Math.round((senderUs - clock.utcOf(capturedUs!).utcUs) / 1000),
      ps_changes: tallies.reduce((sum, { parameterChanges }) => sum + parameterChanges, 0),
      audio: audioOf(tracks),
      readers: readersOf(snapshot),
      tx_kbps: start === undefined ? 0 : Math.round((perSecond(counts.outboundBytes, start.outboundBytes) * 8) / 1000),
    };
  }
}

function countsOf({ tracks, tallies, inboundBytes, outboundBytes }: PathSnapshot, atUs: number): Counts {
  const video = tracks.findIndex(({ kind }) => kind === "video");
  return { atUs, frames: tallies[video]?.units ?? 0, inboundBytes, outboundBytes };
}

function audioOf(tracks: readonly Track[]): string | null {
  const track = tracks.find(({ kind }) => kind === "audio");
  return track === undefined ? null : codecWord(track);
}

/** As the contract has it: G.711 by its law. */
function codecWord({ parameters }: Track): string {
  return parameters.codec === "g711" ? (parameters.muLaw ? "pcmu" : "pcma") : parameters.codec;
}

function protocolOf(type: string): string {
  return type.replace(/(?:Conn|Session|Source)$/, "").toLowerCase();
}

function readersOf({ readers }: PathSnapshot): Readonly<Record<string, number>> {
  const counts: Record<string, number> = { rtsp: 0, whep: 0, hls: 0, srt: 0 };
  for (const { type } of readers) {
    const word = READER_WORDS.find(([prefix]) => type.startsWith(prefix))?.[1] ?? protocolOf(type);
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return counts;
}
