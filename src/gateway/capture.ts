// What child processes make: ffmpeg as a source, Opus for browsers, still pictures. Loaded when it is wanted: a gateway that only pulls does not carry it in memory.
import type { Clock } from "#base/clock.ts";
import type { Log } from "#base/log.ts";
import type { EncoderSupport } from "#capture/encoder-support.ts";
import type { FfmpegSources } from "#capture/ffmpeg-sources.ts";
import type { OpusLease } from "#capture/opus-audio.ts";
import type { OpusAudios } from "#capture/opus-audios.ts";
import type { Snapshot, SnapshotRequest, Snapshots } from "#capture/snapshots.ts";
import type { TranscodeTarget } from "#capture/transcode-command.ts";
import type { Config } from "#config/config.ts";
import type { RtspInlet } from "#protocols/rtsp/inlet.ts";
import type { SourceVariables } from "#relay/path-options.ts";
import type { PathRegistry } from "#relay/path-registry.ts";
import type { OpenRead } from "#relay/push.ts";
import type { Source } from "#relay/source.ts";
import type { Stream } from "#relay/stream.ts";
import type { Track } from "#relay/track.ts";
import { addressOf } from "./part.ts";

export interface CaptureOptions {
  /** The config that runs. */
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly registry: () => Pick<PathRegistry, "get" | "makeStream">;
}

interface Loaded {
  readonly ffmpeg: FfmpegSources;
  readonly inlet: RtspInlet;
  readonly h264: EncoderSupport;
}

export class Capture {
  readonly #options: CaptureOptions;
  #loaded: Promise<Loaded> | undefined;
  #snapshots: Promise<Snapshots> | undefined;
  #opus: Promise<OpusAudios> | undefined;

  constructor(options: CaptureOptions) {
    this.#options = options;
  }

  /** `source` as it stands in the config: `ffmpeg://…`. */
  openFfmpeg(source: string, path: string, variables: SourceVariables): Source {
    return {
      run: async (sink, signal) => {
        this.#loaded ??= this.#load();
        await (await this.#loaded).ffmpeg.open(source, path, variables).run(sink, signal);
      },
    };
  }

  /** The last keyframe of a path. Rejects with a CallerFault. */
  async takeSnapshot(request: SnapshotRequest, signal: AbortSignal): Promise<Snapshot> {
    const { registry, clock } = this.#options;
    this.#snapshots ??= import("#capture/snapshots.ts").then(({ Snapshots }) => new Snapshots({ registry: registry(), clock }));
    return (await this.#snapshots).take(request, signal);
  }

  /** Makes of a way to read a path one whose readers get the picture alone, encoded anew for each. A refusal says why it cannot be, in words. */
  async transcode(path: string, target: TranscodeTarget): Promise<((open: OpenRead) => OpenRead) | { readonly refusal: string }> {
    const { registry, clock } = this.#options;
    this.#loaded ??= this.#load();
    const [{ transcodedRead }, { ffmpeg, h264 }] = await Promise.all([import("#capture/transcoded-read.ts"), this.#loaded]);
    const refusal = await h264.fault();
    if (refusal !== undefined) return { refusal };
    return (open) =>
      transcodedRead({
        open,
        encoder: (feed) => ffmpeg.openTranscoded(path, target, feed),
        makeStream: (tracks, native) => registry().makeStream(tracks, native, clock),
      });
  }

  /** Opus of an audio track of the path's stream. A refusal says why there is none, in words. */
  async opusFor(path: string, stream: Stream, track: Track): Promise<OpusLease | { readonly refusal: string }> {
    const { registry, clock, log } = this.#options;
    this.#opus ??= import("#capture/opus-audios.ts").then(({ OpusAudios }) => new OpusAudios({ registry: registry(), clock, log }));
    return (await this.#opus).open(path, stream, track);
  }

  /** Call it when the paths are closed. Resolves, within 12 s, when no process runs. */
  async close(): Promise<void> {
    await (await this.#opus)?.close();
    const loaded = await this.#loaded;
    await loaded?.ffmpeg.close();
    await loaded?.inlet.close();
  }

  async #load(): Promise<Loaded> {
    const { clock, log } = this.#options;
    const [{ EncoderSupport }, { ffmpegProgram }, { TRANSCODE_ENCODER }, { FfmpegSources }, { RtspInlet }] = await Promise.all([
      import("#capture/encoder-support.ts"),
      import("#capture/ffmpeg-program.ts"),
      import("#capture/transcode-command.ts"),
      import("#capture/ffmpeg-sources.ts"),
      import("#protocols/rtsp/inlet.ts"),
    ]);
    const global = (): Config["global"] => this.#options.config.global;
    const inlet = new RtspInlet({
      clock,
      log,
      get readTimeoutMs() {
        return global().readTimeout;
      },
    });
    const ffmpeg = new FfmpegSources({
      inlet,
      log,
      get rtspPort() {
        return addressOf(global().rtspAddress).port;
      },
      get packetBytes() {
        return global().udpMaxPayloadSize;
      },
    });
    return { ffmpeg, inlet, h264: new EncoderSupport(TRANSCODE_ENCODER, ffmpegProgram(), clock) };
  }
}
