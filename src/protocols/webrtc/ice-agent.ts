// ICE for one session, as a lite agent (RFC 8445 §2.5): it answers checks, and takes the path that the client nominates.
import { randomBytes } from "node:crypto";
import type { IceCredentials } from "./offer.ts";
import type { PeerPath } from "./peer-path.ts";
import { hasIntegrity, type StunMessage, writeBindingError, writeBindingSuccess } from "./stun.ts";

/** Addresses that one client may have checked at a time; the oldest makes room. */
const MAX_PATHS = 16;

export interface IceAgentOptions {
  readonly remote: IceCredentials;
  nowUs(): number;
  /** A datagram that is no STUN, over a path that passed a check. */
  onDatagram(datagram: Buffer, path: PeerPath): void;
  /** The client nominated this path: what is sent takes it from now on. */
  onSelected(path: PeerPath): void;
}

export class IceAgent {
  /** The newest. */
  local: IceCredentials = makeCredentials();
  remote: IceCredentials;
  selected: PeerPath | undefined;
  /** When the client was last heard of in a way that nobody else could have made. */
  aliveUs: number;
  /** Those that passed a check, oldest first. */
  readonly paths = new Set<PeerPath>();
  readonly #options: IceAgentOptions;
  /** Of before a restart: good until the first check with the new ones. */
  #former: IceCredentials | undefined;

  constructor(options: IceAgentOptions) {
    this.#options = options;
    this.remote = options.remote;
    this.aliveUs = options.nowUs();
  }

  /** Every name that checks may be addressed to. */
  get ufrags(): readonly string[] {
    return this.#former === undefined ? [this.local.ufrag] : [this.local.ufrag, this.#former.ufrag];
  }

  /** RFC 8445 §9: new credentials on both sides; media goes on over the old path until the new one is nominated. */
  restart(remote: IceCredentials): void {
    this.#former = this.local;
    this.local = makeCredentials();
    this.remote = remote;
  }

  /** Whether a check is of the client of this session: it knows the password. */
  isAuthentic(bytes: Buffer, message: StunMessage): boolean {
    const ufrag = message.username?.split(":", 1)[0];
    const credentials = ufrag === this.local.ufrag ? this.local : ufrag === this.#former?.ufrag ? this.#former : undefined;
    return credentials !== undefined && hasIntegrity(bytes, message, credentials.password);
  }

  /** The answer to an authentic request over `path`. */
  answer(message: StunMessage, path: PeerPath): Buffer {
    const isNew = message.username?.split(":", 1)[0] === this.local.ufrag;
    const { password } = isNew ? this.local : this.#former!;
    const response = { transactionId: message.transactionId, password };
    this.#remember(path);
    if (message.unknown.length > 0) return writeBindingError(response, 420, "Unknown Attribute", message.unknown);
    if (message.role === "controlled") return writeBindingError(response, 487, "Role Conflict"); // §7.3.1.1: a lite agent is never in control
    this.aliveUs = this.#options.nowUs();
    if (isNew) this.#former = undefined;
    if (message.useCandidate && this.selected !== path) {
      this.selected = path;
      this.#options.onSelected(path);
    }
    return writeBindingSuccess(response, path);
  }

  receive(datagram: Buffer, path: PeerPath): void {
    if (this.paths.has(path)) this.#options.onDatagram(datagram, path);
  }

  /** The path is broken: the client may check another one, or is silent from now on. */
  lost(path: PeerPath): void {
    this.paths.delete(path);
    if (this.selected === path) this.selected = undefined;
  }

  close(): void {
    for (const path of this.paths) path.close();
    this.paths.clear();
    this.selected = undefined;
  }

  #remember(path: PeerPath): void {
    this.paths.add(path);
    if (this.paths.size <= MAX_PATHS) return;
    for (const oldest of this.paths) {
      if (oldest === this.selected || oldest === path) continue;
      this.paths.delete(oldest);
      oldest.close();
      return;
    }
  }
}

/** RFC 8445 §5.3: at least 24 and 128 bits of randomness. */
export function makeCredentials(): IceCredentials {
  return { ufrag: randomBytes(8).toString("hex"), password: randomBytes(16).toString("hex") };
}
