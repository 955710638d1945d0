// What each RTSP method does (RFC 2326 §10): from a request to the answer, and what begins once the answer is written.
import { CallerFault } from "#base/errors.ts";
import type { AccessRequest, Action } from "#relay/access.ts";
import type { GrantedLease } from "#relay/path-registry.ts";
import type { Stream } from "#relay/stream.ts";
import { parseSdp, type SdpAttribute } from "#rtp/sdp.ts";
import type { MikeyKey } from "#rtp/srtp/mikey.ts";
import { parseSession, writeRtpInfo } from "./headers.ts";
import { keyAttribute } from "./key-mgmt.ts";
import { RtspHeaders, type RtspRequest, type RtspResponse, rtspResponse } from "./message.ts";
import { ReplayRefusal, RtspRefusal } from "./refusal.ts";
import type { ReplayPlayer } from "./replay-player.ts";
import { parseReplayQuery, type ReplayWish } from "./replay-query.ts";
import { describeReplayRange, parseReplayRange, writeReplayRange } from "./replay-range.ts";
import { contentBaseFor, parseRequestPath, type RequestPath } from "./request-path.ts";
import { describeStream } from "./sdp-tracks.ts";
import { newMikeyKey } from "./secure-track.ts";
import type { ServerContext } from "./server.ts";
import type { ServerConnection } from "./server-connection.ts";
import { ADVERTISED_TIMEOUT_S, type ServerSession } from "./server-session.ts";
import { openWriter, sendReportOf } from "./session-media.ts";
import { setUpTrack } from "./setup.ts";

const METHODS = "DESCRIBE, ANNOUNCE, SETUP, PLAY, RECORD, PAUSE, GET_PARAMETER, TEARDOWN";

export interface Answer {
  readonly response: RtspResponse;
  /** Runs right after the response was written. */
  readonly after?: () => void;
}

export class RequestHandler {
  readonly #connection: ServerConnection;
  readonly #context: ServerContext;
  /** What was described last: SETUPs of some clients leave the query out. */
  #described: RequestPath | undefined;
  /** The keys that its description told, by track; each is for one SETUP. */
  #keys: (MikeyKey | undefined)[] = [];

  constructor(connection: ServerConnection, context: ServerContext) {
    this.#connection = connection;
    this.#context = context;
  }

  /** Throws a CallerFault for whatever cannot be answered with 200. */
  async handle(request: RtspRequest): Promise<Answer> {
    const session = this.#sessionOf(request);
    session?.touch();
    switch (request.method) {
      case "OPTIONS":
        return ok(session, { Public: METHODS });
      case "GET_PARAMETER":
        return ok(session, {});
      case "DESCRIBE":
        return this.#describe(request);
      case "ANNOUNCE":
        return this.#announce(request, session);
      case "SETUP":
        return this.#setup(request, session);
      case "PLAY":
        return this.#play(request, required(session));
      case "RECORD":
        return this.#record(required(session));
      case "PAUSE":
        required(session).pause();
        return ok(session, {});
      case "TEARDOWN":
        return { ...ok(undefined, {}), after: () => session?.tearDown() };
      default:
        throw new RtspRefusal(501, `method ${request.method} is not implemented`);
    }
  }

  #sessionOf(request: RtspRequest): ServerSession | undefined {
    const header = request.headers.get("Session");
    if (header === undefined) return this.#connection.session;
    const id = parseSession(header)?.id ?? "";
    const session = this.#context.findSession(id);
    if (session === undefined) throw new RtspRefusal(454, `session ${id} is not known`);
    if (session.remote.address !== this.#connection.remote.address) throw new RtspRefusal(454, "the session belongs to another client");
    return session;
  }

  #pathOf(request: RtspRequest): RequestPath {
    const parsed = parseRequestPath(request.url);
    if (parsed === undefined) throw new CallerFault("invalid", `invalid URL: ${request.url}`, "URL");
    return parsed;
  }

  #access(request: RtspRequest, action: Action, target: RequestPath, id: string): AccessRequest {
    const { remote, userAgent, auth } = this.#connection;
    const { path, query } = target;
    return { action, path, protocol: "rtsp", remote, query, id, userAgent, credentials: auth.credentials(request) };
  }

  async #describe(request: RtspRequest): Promise<Answer> {
    const target = this.#pathOf(request);
    this.#described = target;
    const wish = this.#replayWish(target);
    if (wish !== undefined) return this.#describeReplay(request, target, wish);
    const description = await this.#context.options.registry.describe(this.#access(request, "read", target, ""));
    this.#context.onAllowed(this.#connection);
    if ("redirect" in description) {
      return { response: rtspResponse(302, RtspHeaders.of({ Location: redirectUrl(request.url, description.redirect) })) };
    }
    return described(request, describeStream(description.stream, [], this.#offerKeys(description.stream)));
  }

  /** Where a secure server has UDP, media goes as SRTP over it, and over TCP where the client wants that. */
  #offerKeys(stream: Stream): readonly SdpAttribute[] | undefined {
    const { isSecure, udp } = this.#context;
    this.#keys = [];
    if (!isSecure || udp === undefined) return undefined;
    return stream.tracks.map(({ index }) => {
      const key = newMikeyKey([stream.output(index).ssrc]);
      this.#keys[index] = key;
      return keyAttribute(key, Date.now());
    });
  }

  #takeKey(trackIndex: number): MikeyKey | undefined {
    const key = this.#keys[trackIndex];
    this.#keys[trackIndex] = undefined;
    return key;
  }

  /** Opened to look at it: clients that describe need not set up. */
  async #describeReplay(request: RtspRequest, target: RequestPath, wish: ReplayWish): Promise<Answer> {
    await this.#context.options.registry.permit(this.#access(request, "playback", target, ""));
    this.#context.onAllowed(this.#connection);
    const replay = await this.#context.replays!.open(target.path, wish);
    try {
      return described(request, describeStream(replay.stream, describeReplayRange(replay.startUtcUs, replay.endUtcUs)));
    } finally {
      replay.close();
    }
  }

  /** undefined: the live stream is meant. */
  #replayWish(target: RequestPath): ReplayWish | undefined {
    return this.#context.replays && parseReplayQuery(target.query);
  }

  async #announce(request: RtspRequest, existing: ServerSession | undefined): Promise<Answer> {
    if (existing !== undefined) throw new RtspRefusal(455, "ANNOUNCE within a session");
    const type = request.headers.get("Content-Type")?.split(";")[0]?.trim().toLowerCase();
    if (type !== "application/sdp") throw new RtspRefusal(415, `unsupported Content-Type: ${type ?? "none"}`);
    const sdp = parseSdp(request.body);
    if (sdp === undefined) throw new CallerFault("invalid", "the SDP cannot be read", "body");
    const target = this.#pathOf(request);
    const permit = await this.#context.options.registry.permitPublish(this.#access(request, "publish", target, ""));
    this.#context.onAllowed(this.#connection);
    const session = this.#context.openSession(this.#connection);
    session.query = target.query;
    for (const reason of session.announce(request.url, sdp, permit)) this.#connection.log.warn(`path '${target.path}': skipping ${reason}`);
    if (session.medias.length === 0) {
      session.tearDown();
      throw new CallerFault("invalid", "the SDP has no media that can be received", "body");
    }
    return ok(session, {});
  }

  async #setup(request: RtspRequest, existing: ServerSession | undefined): Promise<Answer> {
    const target = this.#withQuery(this.#pathOf(request));
    const session = existing ?? this.#context.openSession(this.#connection);
    try {
      if (session.phase === "active") throw new RtspRefusal(455, "SETUP while the session is playing or recording");
      if (session.mode === "none") await this.#openForRead(request, session, target);
      const takeKey = (trackIndex: number): MikeyKey | undefined =>
        target.path === this.#described?.path ? this.#takeKey(trackIndex) : undefined;
      const headers = setUpTrack({ request, target, session, connection: this.#connection, context: this.#context, takeKey });
      session.phase = "ready";
      return ok(session, headers);
    } catch (error) {
      if (existing === undefined) session.tearDown();
      throw error;
    }
  }

  async #openForRead(request: RtspRequest, session: ServerSession, target: RequestPath): Promise<void> {
    const wish = this.#replayWish(target);
    const lease = await (wish === undefined ? this.#openLive(request, session, target) : this.#openReplay(request, session, target, wish));
    try {
      if (session.phase === "closed") throw new CallerFault("no-stream", "the session was closed while it was set up");
      this.#context.options.registry.honour(lease.grant);
    } catch (error) {
      lease.close();
      throw error;
    }
    this.#context.onAllowed(this.#connection);
    session.readLease = lease;
    session.mode = "read";
    session.path = target.path;
    session.query = target.query;
    session.grant = lease.grant;
  }

  #openLive(request: RtspRequest, session: ServerSession, target: RequestPath): Promise<GrantedLease> {
    const access = this.#access(request, "read", target, session.id);
    return this.#context.options.registry.openForRead(access, session.reader, { type: session.kind, id: session.id });
  }

  async #openReplay(request: RtspRequest, session: ServerSession, target: RequestPath, wish: ReplayWish): Promise<GrantedLease> {
    const { registry } = this.#context.options;
    const grant = await registry.permit(this.#access(request, "playback", target, session.id));
    const replay = await this.#context.replays!.open(target.path, wish);
    replay.whenEnded = (fault) => session.endReplay(fault);
    session.replay = replay;
    return { ...replay.lease(session.reader), grant };
  }

  /** A SETUP names its track by a URL of the client's making: the query may be lost in it. */
  #withQuery(target: RequestPath): RequestPath {
    const described = this.#described;
    return target.query === "" && described?.path === target.path ? { ...target, query: described.query } : target;
  }

  #play(request: RtspRequest, session: ServerSession): Answer | Promise<Answer> {
    if (session.mode !== "read" || session.phase === "initial") throw new RtspRefusal(455, "PLAY before SETUP");
    if (session.replay !== undefined) return this.#playReplay(request, session, session.replay);
    if (session.phase === "active") return ok(session, {});
    return begin(session, "npt=0.000-", session.readLease!.stream.startOfPlay());
  }

  async #playReplay(request: RtspRequest, session: ServerSession, replay: ReplayPlayer): Promise<Answer> {
    const header = request.headers.get("Range");
    const scale = request.headers.has("Scale") ? { Scale: "1.000" } : {}; // §12.34: the value that was chosen
    const span = header === undefined ? undefined : parseReplayRange(header, replay);
    if (span === undefined && session.phase === "active") return ok(session, { Range: writeReplayRange(header, replay), ...scale });
    const fromUtcUs = span?.fromUtcUs;
    if (fromUtcUs === undefined && replay.ended) throw new ReplayRefusal(457, "the replay is at its end");
    if (span !== undefined) await replay.seek(fromUtcUs, span.untilUtcUs);
    session.pause();
    return begin(session, writeReplayRange(header, replay), replay.startOfPlay(), scale);
  }

  #record(session: ServerSession): Answer {
    if (session.mode !== "publish") throw new RtspRefusal(455, "RECORD before ANNOUNCE");
    if (session.phase === "active") return ok(session, {});
    if (session.setups.length < session.medias.length) throw new RtspRefusal(455, "RECORD before every track was set up");
    session.record(sendReportOf(session));
    return ok(session, {});
  }
}

function ok(session: ServerSession | undefined, headers: Readonly<Record<string, string>>): Answer {
  const id = session === undefined ? {} : { Session: `${session.id};timeout=${ADVERTISED_TIMEOUT_S}` };
  return { response: rtspResponse(200, RtspHeaders.of({ ...headers, ...id })) };
}

function described(request: RtspRequest, sdp: string): Answer {
  const headers = { "Content-Base": contentBaseFor(request.url), "Content-Type": "application/sdp" };
  return { response: rtspResponse(200, RtspHeaders.of(headers), Buffer.from(sdp)) };
}

/** The answer to a PLAY that begins to deliver. */
function begin(session: ServerSession, range: string, starts: ReturnType<Stream["startOfPlay"]>, more = {}): Answer {
  const info = session.setups.map(({ trackIndex, url }) => ({
    url,
    sequence: starts[trackIndex]!.sequence,
    rtpTime: starts[trackIndex]!.timestamp,
  }));
  return {
    ...ok(session, { Range: range, "RTP-Info": writeRtpInfo(info), ...more }),
    after: () => session.play(openWriter(session)),
  };
}

function required(session: ServerSession | undefined): ServerSession {
  if (session === undefined) throw new RtspRefusal(454, "no session was set up");
  return session;
}

/** A target that begins with a slash is a path of this server, by the name the client knows it by. */
function redirectUrl(requestUrl: string, target: string): string {
  if (!target.startsWith("/")) return target;
  const origin = /^rtsps?:\/\/[^/?]+/i.exec(requestUrl)?.[0] ?? "";
  return origin + target;
}
