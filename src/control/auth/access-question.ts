// Who wants what, and the answer: the relay's words for it by structure, so that its AccessRequest fits and every HTTP listener can ask as well.

/** Proof of a secret that was not sent: RTSP Digest. */
export interface DigestProof {
  readonly kind: "digest";
  readonly user: string;
  verify(user: string, secret: { readonly plain: string }): boolean;
}

export type SuppliedCredentials =
  | { readonly kind: "none" }
  | { readonly kind: "basic"; readonly user: string; readonly pass: string }
  | { readonly kind: "token"; readonly token: string }
  | DigestProof;

export interface AuthRequest {
  /** publish, read, playback, api, metrics or pprof. */
  readonly action: string;
  /** Counts for publish, read and playback only. */
  readonly path: string;
  /** rtsp, rtmp, hls, webrtc, srt, moq; empty for playback, api, metrics and pprof. */
  readonly protocol: string;
  readonly remote: { readonly address: string };
  /** Raw, without `?`. */
  readonly query: string;
  /** A UUID; empty where there is none. */
  readonly id: string;
  readonly userAgent?: string;
  readonly credentials: SuppliedCredentials;
}

/** Keep the object while the session lives: `Authenticator.revalidate` knows it by identity. */
export interface AuthGrant {
  readonly allowed: true;
  /** As supplied, or the subject of the token; empty for anonymous. */
  readonly user: string;
}

export interface AuthDenial {
  readonly allowed: false;
  /** Nothing was supplied that could have been right: ask for credentials, keep the connection. */
  readonly challenge: boolean;
  /** Wait this long before the answer. */
  readonly delayMs: number;
  /** For the log; holds no secret. */
  readonly reason: string;
  /** Whatever is asked for with these credentials is refused: they are wrong, or banned. */
  readonly isWrong: boolean;
}

/** What a method of authentication says of one request. */
export type Verdict =
  | { readonly kind: "granted"; readonly user: string; readonly proof: GrantProof }
  /** Wrong credentials: they are answered late, and count towards a ban. */
  | { readonly kind: "wrong"; readonly reason: string }
  /** Right credentials without the permission, or a service that cannot be asked: answered late, not counted. */
  | { readonly kind: "refused"; readonly reason: string };

/** What a grant rests on; compared by its method once settings change. */
export type GrantProof =
  | { readonly kind: "everybody" }
  | { readonly kind: "user"; readonly name: string; readonly pass: string }
  | { readonly kind: "service"; readonly key: string };

/** One way to authenticate, with the settings of one version of the config. */
export interface AuthMethod {
  /** Whether anybody may, whatever he sends. */
  isOpen(request: Pick<AuthRequest, "action" | "path" | "remote">): boolean;
  judge(request: AuthRequest): Promise<Verdict>;
  /** Whether a grant that was given with this proof, maybe under other settings, would be given now. */
  honours(proof: GrantProof, request: Pick<AuthRequest, "action" | "path" | "remote">): boolean;
  /** True where nothing was sent that this method could take for credentials. */
  lacksCredentials(request: AuthRequest): boolean;
}

/** `read 'gate'`, `api`: for a line in the log. */
export function accessText({ action, path }: Pick<AuthRequest, "action" | "path">): string {
  return path === "" ? action : `${action} ${quotedName(path)}`;
}

/** A stranger's name as it may stand in a log line. */
export function quotedName(name: string): string {
  return `'${name.length > 64 ? `${name.slice(0, 64)}…` : name}'`;
}
