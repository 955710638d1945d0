// ICE for one session in which we are the client, as a full agent that controls (RFC 8445 §6, §7.2, §8): it checks what the server offers, and takes what works best.
import { randomBytes } from "node:crypto";
import { makeCredentials } from "../ice-agent.ts";
import type { IceCredentials } from "../offer.ts";
import type { PeerPath } from "../peer-path.ts";
import { hasIntegrity, parseStun, type StunMessage, writeBindingError, writeBindingRequest, writeBindingSuccess } from "../stun.ts";
import type { RemoteCandidate } from "./remote-candidate.ts";

/** §14.2: one check at a time. */
const PACE_MS = 20;
/** §14.3: a check without an answer is repeated, in growing distances; whoever owns the agent limits how long. */
const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 2000;
/** A better pair than the first that works has so long to show it. */
const PATIENCE_MS = 150;
/** RFC 7675 §5.1 */
const CONSENT_US = 5_000_000;
const CONSENT_LOST_US = 30_000_000;
const MAX_PAIRS = 48;
/** §5.1.2.2: of a peer-reflexive candidate, which is what a check makes of its sender. */
const PEER_REFLEXIVE_PRIORITY = (110 << 24) + (65_535 << 8) + 255;

export interface CheckingAgentOptions {
  nowUs(): number;
  /** The way to a candidate; undefined: there is none. */
  pathTo(address: string, port: number): PeerPath | undefined;
  /** Once there is a way; again when the server prefers another. */
  onSelected(path: PeerPath): void;
  /** The server does not answer any more. */
  onLost(): void;
}

interface Pair {
  readonly path: PeerPath;
  readonly priority: number;
  state: "waiting" | "checking" | "works";
  /** Of the check that waits for its answer. */
  transactionId: Buffer;
  nominating: boolean;
  /** The server, where it controls, chose this one. */
  chosen: boolean;
  retryMs: number;
  /** Of the monotonic clock of `performance`. */
  dueMs: number;
}

export class CheckingAgent {
  readonly local: IceCredentials = makeCredentials();
  selected: PeerPath | undefined;
  readonly #options: CheckingAgentOptions;
  readonly #tieBreaker = randomBytes(8);
  readonly #pairs = new Map<PeerPath, Pair>();
  #remote: IceCredentials | undefined;
  #role: "controlling" | "controlled" = "controlling";
  #timer: NodeJS.Timeout | undefined;
  #firstWorkedMs: number | undefined;
  #consentAskedUs = 0;
  #consentUs = 0;
  #closed = false;

  constructor(options: CheckingAgentOptions) {
    this.#options = options;
  }

  /** Whether something of the server has come, or been tried: for whoever has to say why it failed. */
  get tried(): number {
    return this.#pairs.size;
  }

  /** The answer is there. */
  begin(remote: IceCredentials, candidates: readonly RemoteCandidate[]): void {
    this.#remote = remote;
    for (const { address, port, priority } of candidates) {
      const path = this.#options.pathTo(address, port);
      if (path !== undefined) this.#add(path, priority);
    }
    this.#timer ??= setInterval(() => this.#checkNext(), PACE_MS);
    this.#checkNext();
  }

  /** A datagram that looks like STUN. */
  onStun(bytes: Buffer, path: PeerPath): void {
    const message = parseStun(bytes);
    if (message === undefined || message.method !== 1 || this.#closed) return;
    if (message.kind === "request") this.#onRequest(bytes, message, path);
    else if (message.kind === "success" || message.kind === "error") this.#onResponse(bytes, message, path);
  }

  /** Due about once a second while the session lives. */
  tick(nowUs: number): void {
    const { selected } = this;
    if (selected === undefined || this.#closed) return;
    if (nowUs - this.#consentUs > CONSENT_LOST_US) {
      this.#options.onLost();
      return;
    }
    if (nowUs - this.#consentAskedUs < CONSENT_US) return;
    this.#consentAskedUs = nowUs;
    const pair = this.#pairs.get(selected)!;
    pair.transactionId = randomBytes(12);
    this.#sendCheck(pair, false);
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  #add(path: PeerPath, priority: number): Pair | undefined {
    const known = this.#pairs.get(path);
    if (known !== undefined || this.#pairs.size >= MAX_PAIRS) return known;
    const pair: Pair = {
      path,
      priority,
      state: "waiting",
      transactionId: randomBytes(12),
      nominating: false,
      chosen: false,
      retryMs: FIRST_RETRY_MS,
      dueMs: 0,
    };
    this.#pairs.set(path, pair);
    return pair;
  }

  /** One check, of the best pair that is due. */
  #checkNext(): void {
    const nowMs = performance.now();
    this.#nominate(nowMs);
    let next: Pair | undefined;
    for (const pair of this.#pairs.values()) {
      if ((pair.state !== "waiting" && pair.state !== "checking") || pair.dueMs > nowMs) continue;
      if (next === undefined || (pair.nominating && !next.nominating) || pair.priority > next.priority) next = pair;
    }
    if (next === undefined) return;
    if (next.nominating && next.retryMs === MAX_RETRY_MS) {
      this.#fail(next); // it worked, and does not any more: another one may
      return;
    }
    next.state = "checking";
    next.dueMs = nowMs + next.retryMs;
    next.retryMs = Math.min(next.retryMs * 2, MAX_RETRY_MS);
    this.#sendCheck(next, next.nominating);
  }

  /** §8.1.1: the best pair that works, once no better one can be expected any more. */
  #nominate(nowMs: number): void {
    if (this.#role !== "controlling" || this.selected !== undefined || this.#firstWorkedMs === undefined) return;
    const pairs = [...this.#pairs.values()];
    if (pairs.some(({ nominating }) => nominating)) return;
    const best = pairs.filter(({ state }) => state === "works").sort((a, b) => b.priority - a.priority)[0];
    if (best === undefined) return;
    const hopeful = pairs.some(({ state, priority }) => (state === "waiting" || state === "checking") && priority > best.priority);
    if (hopeful && nowMs - this.#firstWorkedMs < PATIENCE_MS) return;
    best.nominating = true;
    best.state = "waiting";
    best.transactionId = randomBytes(12);
    best.retryMs = FIRST_RETRY_MS;
    best.dueMs = 0;
  }

  #sendCheck(pair: Pair, useCandidate: boolean): void {
    const remote = this.#remote!;
    pair.path.send(
      writeBindingRequest({
        transactionId: pair.transactionId,
        username: `${remote.ufrag}:${this.local.ufrag}`,
        password: remote.password,
        priority: PEER_REFLEXIVE_PRIORITY,
        useCandidate,
        role: this.#role,
        tieBreaker: this.#tieBreaker,
      }),
    );
  }

  /** §7.3: a check of the server, answered if it is authentic; what it came from is worth a check of ours (§7.3.1.4). */
  #onRequest(bytes: Buffer, message: StunMessage, path: PeerPath): void {
    if (message.username?.split(":", 1)[0] !== this.local.ufrag || !hasIntegrity(bytes, message, this.local.password)) return;
    const response = { transactionId: message.transactionId, password: this.local.password };
    if (message.unknown.length > 0) path.send(writeBindingError(response, 420, "Unknown Attribute", message.unknown));
    else if (message.role === this.#role) path.send(writeBindingError(response, 487, "Role Conflict"));
    else {
      path.send(writeBindingSuccess(response, path));
      if (this.#remote === undefined) return; // the answer is still on its way
      const pair = this.#add(path, message.priority ?? PEER_REFLEXIVE_PRIORITY);
      if (pair === undefined || this.#role !== "controlled" || !message.useCandidate) return;
      pair.chosen = true;
      if (pair.state === "works") this.#select(pair);
    }
  }

  #onResponse(bytes: Buffer, message: StunMessage, path: PeerPath): void {
    const pair = this.#pairs.get(path); // §7.2.5.2.1: an answer comes from where the check went
    if (pair === undefined || !pair.transactionId.equals(message.transactionId)) return;
    if (!hasIntegrity(bytes, message, this.#remote!.password)) {
      if (message.kind === "error" && message.integrityAt === undefined && path !== this.selected) this.#fail(pair);
      return;
    }
    if (message.kind === "error") {
      if (message.errorCode === 487) this.#switchRole(pair);
      else if (path !== this.selected) this.#fail(pair);
      return;
    }
    this.#consentUs = this.#options.nowUs();
    if (path === this.selected) return;
    const wasNominating = pair.nominating;
    pair.state = "works";
    pair.nominating = false;
    this.#firstWorkedMs ??= performance.now();
    if (wasNominating || pair.chosen) this.#select(pair);
    else this.#checkNext();
  }

  /** A server that refuses is not asked again at once: it may be that it has not read our offer yet. */
  #fail(pair: Pair): void {
    pair.state = "waiting";
    pair.nominating = false;
    pair.transactionId = randomBytes(12);
    pair.dueMs = performance.now() + MAX_RETRY_MS / 2;
  }

  /** §7.2.5.1: the server insists on the role that we took. */
  #switchRole(pair: Pair): void {
    this.#role = this.#role === "controlling" ? "controlled" : "controlling";
    for (const one of this.#pairs.values()) one.nominating = false;
    pair.state = "waiting";
    pair.transactionId = randomBytes(12);
    pair.dueMs = 0;
  }

  #select(pair: Pair): void {
    if (this.selected === pair.path) return;
    this.selected = pair.path;
    clearInterval(this.#timer);
    this.#timer = undefined;
    const nowUs = this.#options.nowUs();
    this.#consentUs = nowUs;
    this.#consentAskedUs = nowUs;
    this.#options.onSelected(pair.path);
  }
}
