// The one door's question: may this client do this on this path? Every protocol asks it in the same words.
import { CallerFault } from "#base/errors.ts";

export type Action = "publish" | "read" | "playback" | "api" | "metrics" | "pprof";
export type Protocol = "rtsp" | "rtmp" | "hls" | "webrtc" | "srt" | "moq" | "";

export interface RemoteAddress {
  readonly address: string;
  readonly port: number;
}

/** A user's secret as the user list holds it; only the verifier of a digest looks inside. */
export interface Secret {
  readonly plain: string;
}

export type Credentials =
  | { readonly kind: "none" }
  | { readonly kind: "basic"; readonly user: string; readonly pass: string }
  | { readonly kind: "token"; readonly token: string }
  /** Challenge-response: the client proves that it knows the secret without sending it. */
  | { readonly kind: "digest"; readonly user: string; verify(user: string, secret: Secret): boolean };

export interface AccessRequest {
  readonly action: Action;
  readonly path: string;
  readonly protocol: Protocol;
  readonly remote: RemoteAddress;
  /** Raw query string without `?`. */
  readonly query: string;
  /** Session id, a UUID; empty before there is one. */
  readonly id: string;
  readonly userAgent?: string;
  readonly credentials: Credentials;
}

export interface Grant {
  readonly allowed: true;
  /** The user's name as supplied; empty for anonymous. */
  readonly user: string;
}

export interface Denial {
  readonly allowed: false;
  /** Say `401` with a challenge (nothing was supplied) and keep the connection; else the attempt failed. */
  readonly challenge: boolean;
  /** Wait this long before the answer. */
  readonly delayMs: number;
  readonly reason: string;
}

export type Authorize = (request: AccessRequest) => Promise<Grant | Denial>;

/** The door stays shut; the protocol answers with its own words for it. */
export class AccessDenied extends CallerFault {
  readonly denial: Denial;

  constructor(denial: Denial) {
    super("unauthorized", denial.reason);
    this.name = "AccessDenied";
    this.denial = denial;
  }
}
