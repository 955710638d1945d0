// Opus for those who cannot be sent a path's own audio: one encoder a track, whoever wants it, and no process left when it is closed.
import type { Clock } from "#base/clock.ts";
import { deferred } from "#base/deferred.ts";
import type { Log } from "#base/log.ts";
import { OrphanWatch } from "#base/process/orphan-watch.ts";
import { KILL_AFTER_MS, ProcessGroups } from "#base/process/process-groups.ts";
import { afterDelay, type Schedule } from "#base/schedule.ts";
import { tsRefusal } from "#containers/mpegts/carriage.ts";
import type { PathRegistry } from "#relay/path-registry.ts";
import type { Stream } from "#relay/stream.ts";
import type { Track } from "#relay/track.ts";
import { EncoderSupport } from "./encoder-support.ts";
import { ffmpegProgram } from "./ffmpeg-program.ts";
import { OpusAudio, type OpusLease } from "./opus-audio.ts";
import { OpusEncoder } from "./opus-encoder.ts";

/** Each takes two hundredths of a core, and 50 MB. */
const MAX_RUNNING = 64;
/** For a process that cannot even be killed: it waits for a disk. */
const LAST_WAIT_MS = 2000;

export interface OpusAudiosOptions {
  readonly registry: Pick<PathRegistry, "makeStream">;
  readonly clock: Clock;
  readonly log: Log;
  /** For tests. */
  readonly program?: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly schedule?: Schedule;
  readonly maxRunning?: number;
}

export class OpusAudios {
  readonly #options: OpusAudiosOptions;
  readonly #program: string;
  readonly #schedule: Schedule;
  readonly #groups: ProcessGroups;
  readonly #support: EncoderSupport;
  readonly #audios = new Set<OpusAudio>();
  readonly #running = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: OpusAudiosOptions) {
    this.#options = options;
    this.#program = options.program ?? ffmpegProgram();
    this.#schedule = options.schedule ?? afterDelay;
    this.#groups = new ProcessGroups({ watch: new OrphanWatch(options.log), schedule: this.#schedule });
    this.#support = new EncoderSupport("libopus", this.#program, options.clock);
  }

  /** For a track of the stream of `path`. A refusal says why there is none, in words. Never rejects. */
  async open(path: string, source: Stream, track: Track): Promise<OpusLease | { readonly refusal: string }> {
    const { maxRunning = MAX_RUNNING } = this.#options;
    const refusal = tsRefusal(track);
    if (refusal !== undefined) return { refusal: `it cannot be given to ffmpeg: ${refusal}` };
    const fault = await this.#support.fault();
    if (fault !== undefined) return { refusal: fault };
    if (this.#isClosed) return { refusal: "the gateway is closing" };
    const there = [...this.#audios].find((audio) => audio.source === source && audio.trackIndex === track.index);
    if (there !== undefined) return there.lease();
    if (this.#audios.size >= maxRunning) return { refusal: `${maxRunning} tracks are transcoded already` };
    const audio = this.#make(path, source, track);
    this.#audios.add(audio);
    return audio.lease();
  }

  /** Call it when the readers are closed. Resolves, within 12 s, when no process runs. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const audio of this.#audios) audio.stop();
    this.#groups.interruptAll();
    const over = deferred<void>();
    const cancel = this.#schedule(over.resolve, KILL_AFTER_MS + LAST_WAIT_MS);
    await Promise.race([Promise.all(this.#running), over.promise]);
    cancel();
    this.#groups.close();
  }

  #make(path: string, source: Stream, track: Track): OpusAudio {
    const { registry, clock } = this.#options;
    const log = this.#options.log.child(`path ${path}`);
    return new OpusAudio({
      source,
      track,
      clock,
      schedule: this.#schedule,
      log,
      makeStream: (opus) => registry.makeStream([opus], "frame", clock, source.absoluteTime),
      startEncoder: (options) => {
        const encoder = new OpusEncoder({
          ...options,
          program: this.#program,
          environment: this.#options.environment ?? process.env,
          groups: this.#groups,
          schedule: this.#schedule,
          log: log.child("ffmpeg"),
        });
        this.#running.add(encoder.gone);
        void encoder.gone.then(() => this.#running.delete(encoder.gone));
        return encoder;
      },
      onClose: (audio) => this.#audios.delete(audio),
    });
  }
}
