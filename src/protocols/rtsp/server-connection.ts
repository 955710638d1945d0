// One TCP connection to our RTSP server: reads requests, answers them one after the other, carries interleaved media.
import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { CallerFault } from "#base/errors.ts";
import { formatAddress } from "#base/listen-address.ts";
import type { Log } from "#base/log.ts";
import { AccessDenied, type RemoteAddress } from "#relay/access.ts";
import type { SessionEntry } from "#relay/session-registry.ts";
import { DigestServer } from "./digest-server.ts";
import { RtspSplitter, type TakePacket } from "./interleaved.ts";
import { RtspHeaders, type RtspRequest, type RtspResponse, rtspResponse, writeResponse } from "./message.ts";
import { ReplayRefusal, RtspRefusal } from "./refusal.ts";
import { RequestHandler } from "./request-handler.ts";
import type { RtspServerOptions, ServerContext } from "./server.ts";
import { SESSION_TIMEOUT_S, type ServerSession } from "./server-session.ts";

/** Requests of a client that may wait for their turn. */
const MAX_WAITING = 32;

export class ServerConnection implements SessionEntry {
  readonly id = randomUUID();
  readonly kind: "rtspConn" | "rtspsConn";
  readonly created = new Date();
  readonly remote: RemoteAddress;
  readonly query = "";
  readonly user = "";
  readonly transport = undefined;
  userAgent = "";
  /** The session that the newest request belonged to. */
  session: ServerSession | undefined;
  readonly socket: Socket;
  readonly auth: DigestServer;
  readonly log: Log;
  readonly options: RtspServerOptions;
  readonly #context: ServerContext;
  readonly #splitter: RtspSplitter;
  readonly #handler: RequestHandler;
  /** Who takes what comes on an interleaved channel. */
  readonly #channels = new Map<number, (bytes: Buffer, start: number, end: number) => void>();
  readonly #waiting: RtspRequest[] = [];
  /** Runs until the first request has come. A trickle of bytes does not stop it. */
  readonly #handshakeTimer: NodeJS.Timeout;
  #busy = false;
  #closed = false;
  #onDrained: () => void = () => {};

  constructor(socket: Socket, remote: RemoteAddress, context: ServerContext) {
    this.kind = context.isSecure ? "rtspsConn" : "rtspConn";
    this.socket = socket;
    this.#context = context;
    this.options = context.options;
    this.remote = remote;
    this.log = context.options.log.child(`conn ${formatAddress(this.remote.address, this.remote.port)}`);
    this.auth = new DigestServer({ methods: context.options.authMethods });
    this.#handler = new RequestHandler(this, context);
    this.#splitter = new RtspSplitter({
      isKnownChannel: (channel) => this.#channels.has(channel),
      onPacket: (channel, bytes, start, end) => this.#channels.get(channel)!(bytes, start, end),
      onRequest: (request) => this.#enqueue(request),
      onResponse: () => {}, // answers to nothing: some clients answer our RTCP's keepalive
      onFault: (fault) => this.#fail(fault.message),
    });
    socket.setNoDelay(true);
    this.#handshakeTimer = setTimeout(() => this.#fail("sent no request in time"), context.options.handshakeTimeoutMs);
    socket.setTimeout(SESSION_TIMEOUT_S * 1000, () => {
      if (this.session === undefined && (!this.#busy || socket.writableNeedDrain)) this.#fail("silent, without a session");
    });
    socket.on("data", (chunk: Buffer) => this.#splitter.push(chunk));
    socket.on("error", (error) => {
      this.log.debug(`closed: ${error.message}`); // clients that leave with data unread make a reset of it
      this.close();
    });
    socket.on("drain", () => this.#onDrained());
    socket.on("end", () => this.close());
    socket.on("close", () => this.#onClosed());
    this.log.debug("opened");
  }

  get state(): SessionEntry["state"] {
    return this.session?.state ?? "idle";
  }

  get path(): string {
    return this.session?.path ?? "";
  }

  counters(): Readonly<Record<string, number>> {
    return { inboundBytes: this.socket.bytesRead, outboundBytes: this.socket.bytesWritten };
  }

  /** Takes the interleaved channel for RTP and the one above it for RTCP; false when there are no such two, or one is taken already. */
  claimChannels(rtp: number, take: TakePacket): boolean {
    if (rtp > 254 || this.#channels.has(rtp) || this.#channels.has(rtp + 1)) return false;
    this.#channels.set(rtp, (bytes, start, end) => take(false, bytes, start, end));
    this.#channels.set(rtp + 1, (bytes, start, end) => take(true, bytes, start, end));
    return true;
  }

  releaseChannels(rtp: number): void {
    this.#channels.delete(rtp);
    this.#channels.delete(rtp + 1);
  }

  close(): void {
    this.socket.destroy();
  }

  #enqueue(request: RtspRequest): void {
    clearTimeout(this.#handshakeTimer);
    this.#context.onRequest(this);
    this.userAgent = request.headers.get("User-Agent") ?? this.userAgent;
    this.#waiting.push(request);
    if (this.#waiting.length > MAX_WAITING) this.#fail("sends requests faster than they are answered");
    else if (!this.#busy) void this.#answerAll();
  }

  async #answerAll(): Promise<void> {
    this.#busy = true;
    for (let request = this.#waiting.shift(); request !== undefined && !this.#closed; request = this.#waiting.shift()) {
      await this.#answer(request);
      // Who does not read answers gets no more of them: the requests behind pile up to their limit.
      if (this.socket.writableNeedDrain) await this.#drained();
    }
    this.#busy = false;
  }

  /** Resolves once what was written has left, or the connection is gone. */
  #drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrained = resolve;
    });
  }

  async #answer(request: RtspRequest): Promise<void> {
    const sequence = request.headers.get("CSeq");
    let response: RtspResponse;
    let after: (() => void) | undefined;
    try {
      if (sequence === undefined) throw new CallerFault("invalid", "CSeq is missing", "CSeq");
      const answer = await this.#handler.handle(request);
      response = answer.response;
      after = answer.after;
    } catch (error) {
      response = await this.#refuse(request, error);
      if (response.status === 401 && error instanceof AccessDenied && !error.denial.challenge) after = () => this.socket.destroySoon();
    }
    if (this.#closed) return;
    const headers = RtspHeaders.of({ ...(sequence !== undefined && { CSeq: sequence }), Server: "gortsplib" });
    for (const [name, value] of response.headers) headers.add(name, value);
    this.socket.write(writeResponse({ ...response, headers }));
    after?.();
  }

  /** The answer to a request that was refused; errors that are nobody's fault but ours are thrown on. */
  async #refuse(request: RtspRequest, error: unknown): Promise<RtspResponse> {
    if (error instanceof AccessDenied) {
      if (!error.denial.challenge) this.log.warn(`authentication failed: ${error.denial.reason}`);
      await new Promise((resolve) => setTimeout(resolve, error.denial.delayMs).unref());
      return rtspResponse(401, RtspHeaders.of({ "WWW-Authenticate": this.auth.challenges(request) }));
    }
    if (!(error instanceof CallerFault)) throw error;
    this.log.info(`${request.method} refused: ${error.message}${error.cure === undefined ? "" : ` (${error.cure})`}`);
    const response = rtspResponse(statusOf(error));
    return error instanceof ReplayRefusal ? { ...response, reason: `${response.reason}: ${error.message}` } : response;
  }

  #fail(reason: string): void {
    if (this.#closed) return;
    this.log.info(`closed: ${reason}`);
    this.close();
  }

  #onClosed(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#handshakeTimer);
    this.#splitter.stop();
    this.#waiting.length = 0;
    this.#onDrained();
    this.log.debug("closed");
    this.#context.onConnectionClosed(this);
  }
}

/** What MediaMTX's clients expect: 404 for a path without a stream, 400 for everything else. */
function statusOf(fault: CallerFault): number {
  if (fault instanceof RtspRefusal) return fault.status;
  return fault.code === "no-stream" ? 404 : 400;
}
