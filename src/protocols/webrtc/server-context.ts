// What the parts of the WebRTC server share.
import type { Clock } from "#base/clock.ts";
import type { ListenAddress } from "#base/listen-address.ts";
import type { Log } from "#base/log.ts";
import type { HttpExchange, HttpListener } from "#http/server.ts";
import type { PathRegistry } from "#relay/path-registry.ts";
import type { SessionRegistry } from "#relay/session-registry.ts";
import type { Stream } from "#relay/stream.ts";
import type { Track } from "#relay/track.ts";
import type { IceServer } from "./ice-servers.ts";
import type { IceCredentials } from "./offer.ts";
import type { OfferLimitOptions } from "./offer-limits.ts";
import type { WebRtcSession, WebRtcSessionOptions } from "./session.ts";

/** Opus in the place of an audio track, for all readers who hold it. */
export interface OpusInstead {
  /** Of one track. */
  readonly stream: Stream;
  /** Why nothing comes of it at present, in words. */
  readonly fault: string | undefined;
  /** Idempotent. */
  close(): void;
}

export interface WebRtcServerOptions extends HttpListener {
  /** undefined: no media over UDP. */
  readonly udp: { readonly address: ListenAddress; readonly readBufferBytes: number } | undefined;
  /** undefined: no media over TCP. */
  readonly tcp?: ListenAddress | undefined;
  readonly addressesFromInterfaces: boolean;
  /** Names of interfaces; empty: all. */
  readonly interfaces: readonly string[];
  readonly additionalHosts: readonly string[];
  readonly iceServers: readonly IceServer[];
  readonly handshakeTimeoutMs: number;
  /** How long the tracks of a publisher are waited for. */
  readonly trackGatherTimeoutMs: number;
  readonly limits: OfferLimitOptions;
  readonly registry: PathRegistry;
  readonly sessions: SessionRegistry;
  readonly clock: Clock;
  /** Whether a path may be read over WebRTC. */
  mayRead(path: string): boolean;
  /**
   * Opus in the place of an audio track that a client cannot be sent; a refusal says in words why there is none. undefined: the path offers none. Never
   * rejects.
   */
  opusFor?(path: string, stream: Stream, track: Track): Promise<OpusInstead | { readonly refusal: string } | undefined>;
  /** Answers requests that are no signalling, such as those for pages; false: neither does it. */
  readonly servePage?: ((exchange: HttpExchange) => Promise<boolean>) | undefined;
}

export type NewSession = Pick<WebRtcSessionOptions, "mode" | "remote" | "userAgent" | "path" | "query" | "grant" | "offer">;

/** What goes back to a client whose offer was taken. */
export interface Answered {
  readonly session: WebRtcSession;
  readonly sdp: string;
}

export interface WebRtcContext {
  readonly options: WebRtcServerOptions;
  readonly log: Log;
  /** Counts an offer in until the returned function is called; throws an HttpFault when it is one too many. */
  admitOffer(address: string): () => void;
  /** Makes a session, which waits for its client. `onSettled`: it came, or the session is over. */
  openSession(id: string, session: NewSession, onSettled: () => void): WebRtcSession;
  findSession(secret: string): WebRtcSession | undefined;
  /** What an answer says of the way to us. */
  transportOf(credentials: IceCredentials): Promise<{
    readonly credentials: IceCredentials;
    readonly fingerprint: string;
    readonly candidates: readonly string[];
  }>;
}
