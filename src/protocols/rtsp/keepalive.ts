// Signs of life for a session that plays: which request, how often, and what the camera's behaviour says about it (RFC 2326 §12.37).
import { PeerFault } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { CameraMemory, KeepaliveMethod } from "./camera-memory.ts";
import type { RtspResponse } from "./message.ts";

const MIN_INTERVAL_MS = 2000;
/** Part of the session's timeout between two requests. */
const INTERVAL_SHARE = 0.4;
/** A session that lasts from … to these parts of its timeout ended because of it. */
const TIMED_OUT_FROM = 0.8;
const TIMED_OUT_TO = 1.3;
/** Once may be chance. */
const TIMED_OUT_SESSIONS = 2;

/** The session that is kept alive. */
export interface KeptSession {
  /** The methods of OPTIONS. */
  readonly methods: ReadonlySet<string>;
  readonly timeoutS: number;
  keepAlive(method: string): Promise<RtspResponse>;
  /** The camera has forgotten it. */
  end(fault: PeerFault): void;
}

/**
 * GET_PARAMETER where the camera names it, else OPTIONS. A refusal or no answer leads to OPTIONS; two sessions in a row that end at their
 * timeout lead to the other method, whatever was answered. An unanswered keepalive is not fatal while media flows.
 */
export class Keepalive {
  readonly #session: KeptSession;
  readonly #memory: CameraMemory;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  #waiting: KeepaliveMethod | undefined;

  constructor(session: KeptSession, memory: CameraMemory, log: Log) {
    this.#session = session;
    this.#memory = memory;
    this.#log = log;
  }

  start(): void {
    const intervalMs = Math.max(MIN_INTERVAL_MS, this.#session.timeoutS * 1000 * INTERVAL_SHARE);
    this.#timer = setInterval(() => void this.#send(), intervalMs);
  }

  /** The session is over. `livedMs`: from PLAY to its last packet, where the camera ended it; undefined where we did. */
  stop(livedMs: number | undefined): void {
    clearInterval(this.#timer);
    if (livedMs === undefined) return;
    const memory = this.#memory;
    const share = livedMs / (this.#session.timeoutS * 1000);
    memory.timedOutSessions = share >= TIMED_OUT_FROM && share <= TIMED_OUT_TO ? memory.timedOutSessions + 1 : 0;
    if (memory.timedOutSessions < TIMED_OUT_SESSIONS) return;
    const old = this.#method;
    memory.timedOutSessions = 0;
    memory.keepaliveMethod = old === "OPTIONS" ? "GET_PARAMETER" : "OPTIONS";
    this.#log.info(
      `sessions end at their timeout of ${this.#session.timeoutS} s: keepalive by ${memory.keepaliveMethod} in place of ${old}`,
    );
  }

  get #method(): KeepaliveMethod {
    return this.#memory.keepaliveMethod ?? (this.#session.methods.has("GET_PARAMETER") ? "GET_PARAMETER" : "OPTIONS");
  }

  async #send(): Promise<void> {
    if (this.#waiting === "GET_PARAMETER") this.#memory.keepaliveMethod = "OPTIONS";
    const method = this.#method;
    this.#waiting = method;
    try {
      const { status } = await this.#session.keepAlive(method);
      if (status === 454) this.#session.end(new PeerFault("ended", "the session was forgotten by the source"));
      else if (status !== 200 && method === "GET_PARAMETER") this.#memory.keepaliveMethod = "OPTIONS";
    } catch (error) {
      if (method === "GET_PARAMETER" && error instanceof PeerFault && error.code === "timeout") this.#memory.keepaliveMethod = "OPTIONS";
      this.#log.debug(`keepalive: ${(error as Error).message}`);
    } finally {
      if (this.#waiting === method) this.#waiting = undefined;
    }
  }
}
