// Opens replays: so many at once, each with a stream of its own.
import type { Clock } from "#base/clock.ts";
import { CallerFault, errorText, PeerFault } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { RtspDoor } from "./door.ts";
import { ReplayRefusal } from "./refusal.ts";
import type { OpenReplay } from "./replay.ts";
import { ReplayPlayer } from "./replay-player.ts";
import type { ReplayWish } from "./replay-query.ts";
import { type FirstFrame, ReplayRun } from "./replay-run.ts";

/** Each reads a disk that the recorder writes to. */
export const MAX_REPLAYS = 16;

export interface ReplayDeskOptions {
  readonly open: OpenReplay;
  readonly registry: RtspDoor;
  readonly clock: Clock;
  readonly log: Log;
  /** How long the first frame may take. */
  readonly timeoutMs: number;
}

export class ReplayDesk {
  readonly #options: ReplayDeskOptions;
  #count = 0;

  constructor(options: ReplayDeskOptions) {
    this.#options = options;
  }

  /** Throws a refusal, or the CallerFault of whoever keeps the recordings. */
  async open(path: string, { fromUtcUs, untilUtcUs }: ReplayWish): Promise<ReplayPlayer> {
    if (this.#count >= MAX_REPLAYS) throw new ReplayRefusal(503, `${MAX_REPLAYS} replays are running, which is the limit`);
    this.#count++;
    const { registry, clock } = this.#options;
    try {
      return await ReplayPlayer.open(
        {
          clock,
          open: (utcUs) => this.#openRun(path, utcUs),
          makeStream: (tracks, native, replayClock) => registry.makeStream(tracks, native, replayClock),
          onClosed: () => void this.#count--,
        },
        fromUtcUs,
        untilUtcUs,
      );
    } catch (error) {
      this.#count--;
      throw error;
    }
  }

  async #openRun(path: string, fromUtcUs: number): Promise<{ readonly run: ReplayRun; readonly first: FirstFrame }> {
    const run = new ReplayRun(await this.#options.open({ path, fromUtcUs }));
    try {
      const first = await run.prime(this.#options.timeoutMs);
      if (first === undefined) throw new CallerFault("no-stream", `nothing was recorded on path '${path}' from then on`);
      return { run, first };
    } catch (error) {
      run.close();
      if (!(error instanceof PeerFault)) throw error;
      this.#options.log.warn(`replay of path '${path}': ${errorText(error)} (${error.code})`);
      throw new ReplayRefusal(error.code === "timeout" ? 504 : 500, "the recording cannot be read");
    }
  }
}
