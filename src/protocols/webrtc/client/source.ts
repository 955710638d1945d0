// A stream pulled over WHEP: one attempt, from the offer to the end of the session. The Path retries.
import { randomInt } from "node:crypto";
import type { Clock } from "#base/clock.ts";
import { deferred } from "#base/deferred.ts";
import { errorText, PeerFault } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { openSrtpLadder } from "#native/srtp-ladder.ts";
import type { Source, SourceSink } from "#relay/source.ts";
import type { SenderClockMemory } from "#rtp/sender-clock.ts";
import { InboundMedia } from "../to-stream.ts";
import { parseAnswer } from "./client-answer.ts";
import { openClientConnection } from "./client-connection.ts";
import { writeOffer } from "./client-offer.ts";
import { parseClientUrl } from "./client-url.ts";
import { answeredTracks, PULL_OFFER } from "./pull-offer.ts";
import { Signalling } from "./signalling.ts";

/** The settings of a path for a WHEP source, and what is known of the peer from one attempt to the next. */
export interface WhepSourceOptions {
  readonly url: string;
  readonly bearerToken: string;
  readonly fingerprint: string;
  readonly stunGatherTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  readonly trackGatherTimeoutMs: number;
  readonly readBufferBytes: number;
  /** Of HTTP, and of media: silence for this long is a stall. */
  readonly readTimeoutMs: number;
  readonly senderClocks: (trackIndex: number) => SenderClockMemory;
  readonly clock: Clock;
  readonly log: Log;
}

export class WhepSource implements Source {
  readonly #options: WhepSourceOptions;

  constructor(options: WhepSourceOptions) {
    this.#options = options;
  }

  /** Rejects with a PeerFault when the session ends, `aborted` when the signal ended it. */
  async run(sink: SourceSink, signal: AbortSignal): Promise<void> {
    const { url, bearerToken, fingerprint, readTimeoutMs, stunGatherTimeoutMs, clock, log, ...options } = this.#options;
    const target = parseClientUrl(url);
    if (target === undefined) throw new PeerFault("config", "the source is no whep:// or wheps:// URL");
    const end = deferred<PeerFault>();
    const signalling = new Signalling({ target, bearerToken, fingerprint, timeoutMs: readTimeoutMs });
    const { makeCipher } = await openSrtpLadder();
    const connection = await openClientConnection({ ...options, makeCipher, clock, log, onEnd: end.resolve }).catch((error: unknown) => {
      throw new PeerFault("config", `no UDP port can be had: ${errorText(error)}`);
    });
    const aborted = (): void => end.resolve(new PeerFault("aborted", "closed"));
    signal.addEventListener("abort", aborted, { once: true });
    if (signal.aborted) aborted();
    let stallTimer: NodeJS.Timeout | undefined;
    try {
      const servers = await signalling.iceServers(signal);
      const transport = await connection.describe(servers, stunGatherTimeoutMs, signal);
      const answer = parseAnswer(await signalling.post(writeOffer(PULL_OFFER, transport), signal), PULL_OFFER);
      if (typeof answer === "string") throw new PeerFault("protocol", answer);
      const tracks = answeredTracks(answer);
      if (tracks.length === 0) throw new PeerFault("unsupported", "the server sends no format that is known here");
      const media = new InboundMedia({
        tracks,
        ssrc: randomInt(1, 2 ** 32),
        gatherTimeoutMs: options.trackGatherTimeoutMs,
        repairTime: true,
        senderClocks: options.senderClocks,
        clock,
        publish: (known, native, askForKeyframe) => {
          sink.onKeyframeWanted = askForKeyframe;
          const take = sink.ready(known, native);
          sink.state?.("live");
          return { take, close: () => {} };
        },
        onEnd: (reason) => end.resolve(new PeerFault("stalled", reason)),
      });
      sink.state?.("probing");
      connection.connect(answer, media);
      sink.linked?.({
        get remote() {
          const { path } = connection;
          return path && { address: path.address, port: path.port };
        },
        transport: "UDP",
        counters: () => media.counters(),
      });
      stallTimer = this.#watch(media, sink, end.resolve);
      throw await end.promise;
    } finally {
      signal.removeEventListener("abort", aborted);
      clearInterval(stallTimer);
      connection.close();
      await signalling.end();
    }
  }

  /** Ends a session whose media has stopped; one that has not begun is ended by other times. */
  #watch(media: InboundMedia, sink: SourceSink, end: (fault: PeerFault) => void): NodeJS.Timeout {
    const { clock, readTimeoutMs } = this.#options;
    return setInterval(
      () => {
        const { lastPacketUs } = media;
        if (lastPacketUs === undefined || clock.nowUs() - lastPacketUs < readTimeoutMs * 1000) return;
        sink.state?.("stalled");
        end(new PeerFault("stalled", `no media for ${readTimeoutMs / 1000} s`));
      },
      Math.min(1000, Math.max(50, readTimeoutMs / 4)),
    );
  }
}
