// A source that is a child process: ffmpeg reads whatever it can and publishes back to us, over loopback.
import type { Writable } from "node:stream";
import { deferred } from "#base/deferred.ts";
import { errorText, PeerFault } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { GroupProcess, type ProcessExit } from "#base/process/group-process.ts";
import type { ProcessGroups } from "#base/process/process-groups.ts";
import type { Schedule } from "#base/schedule.ts";
import type { Source, SourceSink } from "#relay/source.ts";
import { LastWords } from "./last-words.ts";

/** Some inputs are looked at for long before they are passed on. */
const START_MS = 30_000;
/** How long ffmpeg may take to end by itself when it has ended its stream. */
const LEAVE_MS = 2000;

/** Where ffmpeg delivers. */
export interface Inlet {
  open(name: string, sink: SourceSink): Promise<{ readonly url: string; readonly left: Promise<void>; close(): void }>;
}

export interface FfmpegSourceOptions {
  /** Of the path. */
  readonly name: string;
  readonly program: string;
  /** The arguments, when the URL to publish to is known. */
  arguments(output: string): readonly string[];
  /** Called with its standard input, which it has only then. */
  feed?(input: Writable): void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly inlet: Inlet;
  readonly groups: ProcessGroups;
  readonly schedule: Schedule;
  /** Of the path: gets what ffmpeg prints. */
  readonly log: Log;
}

interface End {
  readonly code: "config" | "ended" | "stalled" | "timeout";
  readonly text: string;
}

export class FfmpegSource implements Source {
  readonly #options: FfmpegSourceOptions;
  readonly #lastWords = new LastWords();

  constructor(options: FfmpegSourceOptions) {
    this.#options = options;
  }

  /** Resolves or rejects when nothing of the process is left, within ten seconds of an abort. */
  async run(sink: SourceSink, signal: AbortSignal): Promise<void> {
    const { name, inlet } = this.#options;
    const started = deferred<void>();
    const place = await inlet
      .open(
        name,
        toldOf(sink, () => started.resolve()),
      )
      .catch((error: unknown) => {
        throw new PeerFault("config", `no port on loopback for ffmpeg: ${errorText(error)}`);
      });
    try {
      if (signal.aborted) return;
      const running = this.#spawn(place.url);
      const interrupt = (): void => running.interrupt();
      signal.addEventListener("abort", interrupt);
      const end = await this.#endOf(running, started.promise, place.left);
      interrupt(); // what it left in the background
      await running.gone;
      signal.removeEventListener("abort", interrupt);
      // What ffmpeg printed tells more than its exit code; it may come after its end.
      const words = this.#lastWords.text;
      if (!signal.aborted) throw new PeerFault(end.code, words === "" ? end.text : `${end.text}: ${words}`);
    } finally {
      place.close();
    }
  }

  #spawn(output: string): GroupProcess {
    const { program, environment, groups, schedule, log, feed } = this.#options;
    const out = log.child("ffmpeg");
    const running = new GroupProcess({
      words: [program, ...this.#options.arguments(output)],
      environment,
      groups,
      schedule,
      line: (text) => {
        this.#lastWords.line(text);
        out.info(text);
      },
      ...(feed !== undefined && { output: () => {} }),
    });
    if (running.input !== undefined) feed?.(running.input);
    return running;
  }

  /** Resolves with why there is no media any more. */
  async #endOf(running: GroupProcess, started: Promise<void>, left: Promise<void>): Promise<End> {
    const ended = running.ended.then(endOfProcess);
    const first = await this.#within(START_MS, [ended, started.then(() => undefined)], {
      code: "timeout",
      text: `ffmpeg delivered nothing within ${START_MS / 1000} s`,
    });
    if (first !== undefined) return first;
    const second = await Promise.race([ended, left.then(() => undefined)]);
    return second ?? this.#within(LEAVE_MS, [ended], { code: "stalled", text: "ffmpeg delivers nothing any more" });
  }

  async #within<T>(ms: number, promises: readonly Promise<T>[], late: End): Promise<T | End> {
    const over = deferred<End>();
    const cancel = this.#options.schedule(() => over.resolve(late), ms);
    const first = await Promise.race([...promises, over.promise]);
    cancel();
    return first;
  }
}

function endOfProcess({ text }: ProcessExit): End {
  if (/^cannot be started: .*ENOENT/.test(text)) return { code: "config", text: "there is no ffmpeg on the PATH: install it" };
  return { code: text.startsWith("cannot be started") ? "config" : "ended", text: `ffmpeg ${text}` };
}

/** The sink, with what it is told written where others see it. */
function toldOf(sink: SourceSink, onStart: () => void): SourceSink {
  return {
    linked: (link) => sink.linked?.(link),
    ready: (tracks, native) => {
      onStart();
      sink.state?.("probing");
      const publish = sink.ready(tracks, native);
      let isLive = false;
      return (unit) => {
        if (!isLive) {
          isLive = true;
          sink.state?.("live");
        }
        publish(unit);
      };
    },
  };
}
