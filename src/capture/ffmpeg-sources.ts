// Opens ffmpeg sources for paths, and sees to it that no process of them is left.
import type { Writable } from "node:stream";
import { deferred } from "#base/deferred.ts";
import { PeerFault } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { OrphanWatch } from "#base/process/orphan-watch.ts";
import { KILL_AFTER_MS, ProcessGroups } from "#base/process/process-groups.ts";
import { afterDelay, type Schedule } from "#base/schedule.ts";
import type { SourceVariables } from "#relay/path-options.ts";
import type { Source } from "#relay/source.ts";
import { ffmpegArguments } from "./ffmpeg-command.ts";
import { ffmpegProgram } from "./ffmpeg-program.ts";
import { FfmpegSource, type FfmpegSourceOptions, type Inlet } from "./ffmpeg-source.ts";
import { type TranscodeTarget, transcodeArguments } from "./transcode-command.ts";

/** Paths of expressions may be asked for by strangers. */
const MAX_RUNNING = 256;
/** For a process that cannot even be killed: it waits for a disk. */
const LAST_WAIT_MS = 2000;

export interface FfmpegSourcesOptions {
  readonly inlet: Inlet;
  readonly log: Log;
  /** Of `rtspAddress`, for `$RTSP_PORT`. */
  readonly rtspPort: number;
  /** Largest RTP packet, header included. */
  readonly packetBytes: number;
  /** For tests. */
  readonly program?: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly schedule?: Schedule;
  readonly maxRunning?: number;
}

export class FfmpegSources {
  readonly #options: FfmpegSourcesOptions;
  readonly #program: string;
  readonly #schedule: Schedule;
  readonly #groups: ProcessGroups;
  readonly #running = new Set<Promise<void>>();

  constructor(options: FfmpegSourcesOptions) {
    this.#options = options;
    this.#program = options.program ?? ffmpegProgram();
    this.#schedule = options.schedule ?? afterDelay;
    this.#groups = new ProcessGroups({ watch: new OrphanWatch(options.log), schedule: this.#schedule });
  }

  /** A source for one attempt, from a `source` as it stands in the config. */
  open(source: string, path: string, { groups, query }: SourceVariables): Source {
    const { rtspPort, packetBytes } = this.#options;
    const variables = {
      MTX_PATH: path,
      MTX_QUERY: query,
      RTSP_PORT: String(rtspPort),
      ...Object.fromEntries(groups.map((group, i) => [`G${i + 1}`, group])),
    };
    return this.#open(path, {
      arguments: (output) => {
        const words = ffmpegArguments(source, { output, packetBytes, variables });
        if (words === undefined) throw new PeerFault("config", "the command line of the source is not complete");
        return words;
      },
    });
  }

  /** What a track of a path is made into, encoded anew. `feed` is called with where its MPEG-TS goes. */
  openTranscoded(path: string, target: TranscodeTarget, feed: (input: Writable) => void): Source {
    const { packetBytes } = this.#options;
    return this.#open(path, { arguments: (output) => transcodeArguments(target, output, packetBytes), feed });
  }

  #open(path: string, of: Pick<FfmpegSourceOptions, "arguments" | "feed">): Source {
    const { inlet, log, environment = process.env } = this.#options;
    const one = new FfmpegSource({
      ...of,
      name: path,
      program: this.#program,
      environment,
      inlet,
      groups: this.#groups,
      schedule: this.#schedule,
      log: log.child(`path ${path}`),
    });
    return {
      run: (sink, signal) => {
        const { maxRunning = MAX_RUNNING } = this.#options;
        if (this.#running.size >= maxRunning) return Promise.reject(new PeerFault("limit", `${maxRunning} ffmpeg sources run already`));
        return this.#remember(one.run(sink, signal));
      },
    };
  }

  /** Call it when the paths are closed. Resolves, within 12 s, when no process runs. */
  async close(): Promise<void> {
    this.#groups.interruptAll();
    const over = deferred<void>();
    const cancel = this.#schedule(over.resolve, KILL_AFTER_MS + LAST_WAIT_MS);
    await Promise.race([Promise.allSettled(this.#running), over.promise]);
    cancel();
    this.#groups.close();
  }

  #remember(run: Promise<void>): Promise<void> {
    this.#running.add(run);
    const forget = (): void => void this.#running.delete(run);
    run.then(forget, forget);
    return run;
  }
}
