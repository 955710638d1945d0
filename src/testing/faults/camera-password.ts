// A camera that wants a password: its challenges, and a strict reading of the answers (RFC 7616 §3.4, RFC 2069 §2.1, RFC 7617), with hashing of its own.
import { createHash } from "node:crypto";
import type { Clock } from "#base/clock.ts";
import type { RtspRequest } from "#protocols/rtsp/message.ts";
import type { Script, Scripted, ScriptedCamera } from "../scripted-camera.ts";

const HASHES = { MD5: "md5", "SHA-256": "sha256", "SHA-512-256": "sha512-256" } as const;
const OLD_NONCE = "old nonce";
const METHODS = ["OPTIONS", "DESCRIBE", "SETUP", "PLAY", "GET_PARAMETER", "TEARDOWN"];

export type PasswordAlgorithm = keyof typeof HASHES;

export interface CameraPasswordOptions {
  readonly clock: Clock;
  readonly user: string;
  readonly pass: string;
  /** Values of `WWW-Authenticate`; NONCE in them becomes the nonce that counts now, STALE whether the answer was refused for its old one only. */
  readonly challenges: readonly string[];
  /** The digest that is taken; undefined: Basic. */
  readonly algorithm?: PasswordAlgorithm;
  /** The realm of that challenge. Default: `cam`. */
  readonly realm?: string;
  /** Methods that need the password. Default: all. */
  readonly methods?: readonly string[];
  /** Uses after which a nonce is too old. Default: it never is. */
  readonly nonceUses?: number;
}

/** A request with credentials. */
export interface PasswordAnswer {
  readonly method: string;
  /** The value of `Authorization`. */
  readonly value: string;
  readonly atUs: number;
  /** Why it was refused, in words; undefined: it was right. */
  readonly refusal: string | undefined;
}

const passwords = new WeakMap<Script, CameraPassword>();

/** The password of a camera that was started with its script. */
export function passwordOf({ script }: ScriptedCamera): CameraPassword {
  return passwords.get(script)!;
}

/** One camera's; goes on over its connections. */
export class CameraPassword {
  /** For a `ScriptedCamera`. */
  readonly script: Script;
  /** Every request that carried credentials. */
  readonly answers: PasswordAnswer[] = [];
  #challenges: readonly string[];
  #algorithm: PasswordAlgorithm | undefined;
  readonly #options: CameraPasswordOptions;
  readonly #cnonces = new Set<string>();
  #nonces = 0;
  #uses = 0;
  #count = 0;

  constructor(options: CameraPasswordOptions) {
    this.#options = options;
    this.#challenges = options.challenges;
    this.#algorithm = options.algorithm;
    const check = (request: RtspRequest): Scripted => this.#check(request);
    this.script = Object.fromEntries((options.methods ?? METHODS).map((method) => [method, check]));
    passwords.set(this.script, this);
  }

  /** From now on another nonce counts. */
  newNonce(): void {
    this.#nonces++;
    this.#uses = 0;
    this.#count = 0;
  }

  /** From now on Basic is wanted, and nothing else. */
  wantBasic(): void {
    this.#challenges = ['Basic realm="cam"'];
    this.#algorithm = undefined;
  }

  get #nonce(): string {
    return `nonce${this.#nonces}`;
  }

  #check(request: RtspRequest): Scripted {
    const value = request.headers.get("Authorization");
    let refusal: string | undefined;
    if (value !== undefined) {
      const { clock, nonceUses = Number.POSITIVE_INFINITY } = this.#options;
      if (this.#uses >= nonceUses) this.newNonce();
      refusal = value.startsWith("Digest ") ? this.#refusalOf(request, value) : this.#refusalOfBasic(value);
      this.answers.push({ method: request.method, value, atUs: clock.nowUs(), refusal });
      if (refusal === undefined) {
        this.#uses++;
        return undefined;
      }
    }
    const fill = (text: string): string => text.replaceAll("NONCE", this.#nonce).replaceAll("STALE", String(refusal === OLD_NONCE));
    return { status: 401, headers: { "WWW-Authenticate": this.#challenges.map(fill) } };
  }

  #refusalOfBasic(value: string): string | undefined {
    if (this.#algorithm !== undefined) return "Basic";
    const { user, pass } = this.#options;
    return value === `Basic ${Buffer.from(`${user}:${pass}`).toString("base64")}` ? undefined : "wrong password";
  }

  #refusalOf(request: RtspRequest, value: string): string | undefined {
    if (this.#algorithm === undefined) return "Digest";
    const fields = new Map(
      [...value.matchAll(/(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g)].map((match) => [match[1]!, match[2] ?? match[3]!]),
    );
    const field = (name: string): string => fields.get(name) ?? "";
    const { user, pass, realm = "cam" } = this.#options;
    if (field("nonce") !== this.#nonce) return OLD_NONCE;
    if ((fields.get("algorithm") ?? "MD5") !== this.#algorithm) return `algorithm ${field("algorithm")}`;
    if (field("uri") !== request.url || request.url.includes("@")) return `uri ${field("uri")} for ${request.url}`;
    if (field("username") !== user || field("realm") !== realm) return "username or realm";
    const hash = (text: string): string => createHash(HASHES[this.#algorithm!]).update(text, "utf8").digest("hex");
    const [secret, subject] = [hash(`${user}:${realm}:${pass}`), hash(`${request.method}:${request.url}`)];
    const qop = fields.get("qop");
    if (qop === undefined) return field("response") === hash(`${secret}:${this.#nonce}:${subject}`) ? undefined : "wrong password";
    if (qop !== "auth") return `qop ${qop}`;
    const [nc, cnonce] = [field("nc"), field("cnonce")];
    if (Number.parseInt(nc, 16) !== ++this.#count || nc.length !== 8) return `nc ${nc}`;
    if (cnonce === "" || this.#cnonces.has(cnonce)) return "cnonce used before";
    this.#cnonces.add(cnonce);
    return field("response") === hash(`${secret}:${this.#nonce}:${nc}:${cnonce}:auth:${subject}`) ? undefined : "wrong password";
  }
}
