// A stream published to another server over WHIP: one attempt, from the offer to the end of the session.
import type { Clock } from "#base/clock.ts";
import { deferred } from "#base/deferred.ts";
import { errorText, PeerFault } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { openSrtpLadder } from "#native/srtp-ladder.ts";
import type { ReadLease } from "#relay/path.ts";
import type { Stream } from "#relay/stream.ts";
import { WebRtcReader } from "../from-stream.ts";
import { StreamHistories } from "../stream-history.ts";
import { parseAnswer } from "./client-answer.ts";
import { openClientConnection } from "./client-connection.ts";
import { writeOffer } from "./client-offer.ts";
import { parseClientUrl } from "./client-url.ts";
import { pushOffer } from "./push-offer.ts";
import { Signalling } from "./signalling.ts";

export interface WhipPushOptions {
  /** `whip://…` or `whips://…` */
  readonly url: string;
  readonly bearerToken: string;
  readonly fingerprint: string;
  readonly stunGatherTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  /** Of HTTP. */
  readonly readTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
  random(): number;
}

export class WhipPush {
  readonly #options: WhipPushOptions;
  readonly #histories = new StreamHistories();
  #reader: WebRtcReader | undefined;

  constructor(options: WhipPushOptions) {
    this.#options = options;
  }

  /** Of the newest attempt. */
  get outboundBytes(): number {
    return this.#reader?.outboundBytes ?? 0;
  }

  /** Publishes the stream until aborted (resolves; while it connects it rejects with `aborted`) or until it fails (rejects with a PeerFault). */
  async run(stream: Stream, signal: AbortSignal): Promise<void> {
    const { url, bearerToken, fingerprint, readTimeoutMs, stunGatherTimeoutMs, handshakeTimeoutMs, clock, log } = this.#options;
    const target = parseClientUrl(url);
    if (target === undefined) throw new PeerFault("config", "the destination is no whip:// or whips:// URL");
    const { offer, offered, unsent } = pushOffer(stream.tracks);
    for (const reason of unsent) log.warn(reason);
    if (offered.length === 0) throw new PeerFault("unsupported", unsent[0] ?? "the stream has no track that WebRTC can carry");
    const end = deferred<PeerFault>();
    const signalling = new Signalling({ target, bearerToken, fingerprint, timeoutMs: readTimeoutMs });
    const { makeCipher } = await openSrtpLadder();
    const connection = await openClientConnection({
      handshakeTimeoutMs,
      readBufferBytes: 0,
      makeCipher,
      clock,
      log,
      onEnd: end.resolve,
    }).catch((error: unknown) => {
      throw new PeerFault("config", `no UDP port can be had: ${errorText(error)}`);
    });
    const aborted = (): void => end.resolve(new PeerFault("aborted", "closed"));
    signal.addEventListener("abort", aborted, { once: true });
    if (signal.aborted) aborted();
    try {
      const servers = await signalling.iceServers(signal);
      const transport = await connection.describe(servers, stunGatherTimeoutMs, signal);
      const answer = parseAnswer(await signalling.post(writeOffer(offer, transport), signal), offer);
      if (typeof answer === "string") throw new PeerFault("protocol", answer);
      const taken = answer.medias.map(({ mediaIndex }) => offered[mediaIndex]!);
      for (const one of offered) if (!taken.includes(one)) log.warn(`the server does not take the stream's ${one.kind}`);
      const reader = this.#open(end.resolve);
      reader.prepare(leaseOf(stream, reader), taken);
      connection.connect(answer, reader);
      const fault = await end.promise;
      if (fault.code !== "aborted") throw fault;
    } finally {
      signal.removeEventListener("abort", aborted);
      connection.close();
      await signalling.end();
    }
  }

  #open(end: (fault: PeerFault) => void): WebRtcReader {
    const { url, clock, writeTimeoutMs, random } = this.#options;
    this.#reader = new WebRtcReader({
      name: `WHIP push to ${new URL(parseClientUrl(url)!.url).host}`,
      clock,
      histories: this.#histories,
      writeTimeoutMs,
      random,
      onEnd: (reason) => end(new PeerFault(reason === "too-slow" ? "stalled" : "ended", `the stream ended: ${reason}`)),
      onFault: (message) => queueMicrotask(() => end(new PeerFault("unsupported", message))), // in the middle of a unit nobody may leave
    });
    return this.#reader;
  }
}

/** Forwarding is no reader that anybody counts: it hangs on the stream itself. */
function leaseOf(stream: Stream, reader: WebRtcReader): ReadLease {
  const stop = (): void => stream.removeReader(reader);
  return { stream, start: () => stream.addReader(reader), pause: stop, close: stop };
}
