// Sources that are pulled over WHEP. Loaded when the first one is opened.
import type { Clock } from "#base/clock.ts";
import type { Log } from "#base/log.ts";
import type { Config, PathEntry } from "#config/config.ts";
import type { WhepPathOptions, WhepSourceFactory } from "#protocols/webrtc/client/source-factory.ts";
import type { Source } from "#relay/source.ts";

export interface WhepSourcesOptions {
  /** The config that runs. */
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
}

export class WhepSources {
  readonly #options: WhepSourcesOptions;
  #factory: Promise<WhepSourceFactory> | undefined;

  constructor(options: WhepSourcesOptions) {
    this.#options = options;
  }

  open(url: string, path: string, settings: PathEntry["settings"]): Source {
    return {
      run: async (sink, signal) => {
        const { global } = this.#options.config;
        this.#factory ??= this.#load();
        await (await this.#factory).open(url, path, optionsOf(settings, global)).run(sink, signal);
      },
    };
  }

  async #load(): Promise<WhepSourceFactory> {
    const { clock, log } = this.#options;
    const { WhepSourceFactory } = await import("#protocols/webrtc/client/source-factory.ts");
    return new WhepSourceFactory(clock, log.child("WebRTC source"));
  }
}

function optionsOf(settings: PathEntry["settings"], global: Config["global"]): WhepPathOptions {
  return {
    bearerToken: settings.whepBearerToken,
    fingerprint: settings.sourceFingerprint,
    stunGatherTimeoutMs: settings.whepSTUNGatherTimeout,
    handshakeTimeoutMs: Math.min(settings.whepHandshakeTimeout, MAX_TIMER_MS),
    trackGatherTimeoutMs: Math.min(settings.whepTrackGatherTimeout, MAX_TIMER_MS),
    readBufferBytes: settings.sourceUDPReadBufferSize || global.udpReadBufferSize,
    readTimeoutMs: Math.min(global.readTimeout, MAX_TIMER_MS),
  };
}

/** setTimeout fires at once for more. */
const MAX_TIMER_MS = 2 ** 31 - 1;
