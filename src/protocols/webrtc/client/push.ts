// A stream published to another server over WHIP: one attempt, from the offer to the end of the session.
import type { Clock } from "#base/clock.ts";
import { type Deferred, deferred } from "#base/deferred.ts";
import { errorText, PeerFault } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { openSrtpLadder } from "#native/srtp-ladder.ts";
import type { ReadLease } from "#relay/path.ts";
import type { OpenRead, Push } from "#relay/push.ts";
import { WebRtcReader } from "../from-stream.ts";
import { parseAnswer } from "./client-answer.ts";
import { openClientConnection } from "./client-connection.ts";
import { writeOffer } from "./client-offer.ts";
import { type ClientUrl, parseClientUrl } from "./client-url.ts";
import { pushOffer } from "./push-offer.ts";
import { stunServer } from "./reflexive-address.ts";
import { Signalling, type SignallingPolicy } from "./signalling.ts";

export interface WhipPushOptions {
  /** `whip://…` or `whips://…` */
  readonly url: string;
  readonly bearerToken: string;
  readonly fingerprint: string;
  /** PEM; they vouch beside the usual ones. */
  readonly authorities?: readonly string[];
  /** Where it may lead to; undefined: anywhere. */
  readonly policy?: SignallingPolicy;
  readonly stunGatherTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  /** Of HTTP. */
  readonly readTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
  random(): number;
}

export class WhipPush implements Push {
  readonly #options: WhipPushOptions;
  readonly #told = new Set<string>();
  #reader: WebRtcReader | undefined;

  constructor(options: WhipPushOptions) {
    this.#options = options;
  }

  get outboundBytes(): number {
    return this.#reader?.outboundBytes ?? 0;
  }

  async run(open: OpenRead, signal: AbortSignal): Promise<void> {
    const target = parseClientUrl(this.#options.url);
    if (target === undefined) throw new PeerFault("config", "the destination is no whip:// or whips:// URL");
    const end = deferred<PeerFault>();
    const reader = this.#makeReader(new URL(target.url).host, end.resolve);
    const lease = await open(reader);
    try {
      await this.#publish(target, lease, reader, end, signal);
    } finally {
      lease.close();
    }
  }

  async #publish(target: ClientUrl, lease: ReadLease, reader: WebRtcReader, end: Deferred<PeerFault>, signal: AbortSignal): Promise<void> {
    const { bearerToken, fingerprint, authorities, policy, readTimeoutMs, stunGatherTimeoutMs, handshakeTimeoutMs, clock, log } =
      this.#options;
    const { offer, offered, unsent } = pushOffer(lease.stream.tracks);
    for (const reason of unsent) this.#warn(reason);
    if (offered.length === 0) throw new PeerFault("unsupported", unsent[0] ?? "the stream has no track that WebRTC can carry");
    const signalling = new Signalling({
      ...{ target, bearerToken, fingerprint, timeoutMs: readTimeoutMs },
      ...(authorities !== undefined && { authorities }),
      ...(policy !== undefined && { policy }),
    });
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
      const servers = (await signalling.iceServers(signal)).filter((url) => policy?.hostFault(stunServer(url)?.host ?? "") === undefined);
      const transport = await connection.describe(servers, stunGatherTimeoutMs, signal);
      const answer = parseAnswer(await signalling.post(writeOffer(offer, transport), signal), offer);
      if (typeof answer === "string") throw new PeerFault("protocol", answer);
      const taken = answer.medias.map(({ mediaIndex }) => offered[mediaIndex]!);
      for (const one of offered) if (!taken.includes(one)) this.#warn(`the server does not take the stream's ${one.kind}`);
      reader.prepare(lease, taken);
      const candidates = answer.candidates.filter(({ address }) => policy?.addressFault(address) === undefined);
      connection.connect({ ...answer, candidates }, reader);
      const fault = await end.promise;
      if (fault.code !== "aborted") throw fault;
    } finally {
      signal.removeEventListener("abort", aborted);
      connection.close();
      await signalling.end();
    }
  }

  /** Once, however often it is tried again. */
  #warn(text: string): void {
    if (!this.#told.has(text)) this.#options.log.warn(text);
    this.#told.add(text);
  }

  #makeReader(host: string, end: (fault: PeerFault) => void): WebRtcReader {
    const { clock, writeTimeoutMs, random } = this.#options;
    this.#reader = new WebRtcReader({
      name: `WHIP push to ${host}`,
      clock,
      writeTimeoutMs,
      random,
      onEnd: (reason) => end(new PeerFault(reason === "too-slow" ? "stalled" : "ended", `the stream ended: ${reason}`)),
      onFault: (message) => queueMicrotask(() => end(new PeerFault("unsupported", message))), // in the middle of a unit nobody may leave
    });
    return this.#reader;
  }
}
