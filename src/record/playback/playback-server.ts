// MediaMTX's playback server: GET /list and GET /get.
import type { ServerResponse } from "node:http";
import { CallerFault } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { admit } from "#http/admit.ts";
import type { HttpCredentials } from "#http/credentials.ts";
import { HttpFault } from "#http/http-fault.ts";
import { type HttpExchange, type HttpListener, HttpServer, sendError } from "#http/server.ts";
import type { Authorize, Grant } from "#relay/access.ts";
import type { RecordingIndex } from "../recording-index.ts";
import { BodyCache, DEFAULT_CACHE } from "./body-cache.ts";
import { sendClip } from "./get.ts";
import { sendList } from "./list.ts";
import { parseGetQuery, parseListQuery } from "./playback-query.ts";

export interface PlaybackOptions {
  readonly log: Log;
  /** What is wrong with a name that a client asks for; undefined: nothing. */
  readonly pathNameFault: (path: string) => string | undefined;
  readonly authorize: Authorize;
  /** Where the recordings of a path are; undefined: no entry of the config matches it. Asked anew for each request. */
  readonly indexOf: (path: string) => RecordingIndex | undefined;
}

export type PlaybackServerOptions = HttpListener & PlaybackOptions;

const PREFLIGHT = { methods: "OPTIONS, GET", headers: "Authorization, Range" };

/** Answers for any server. */
export class PlaybackHandler {
  readonly #options: PlaybackOptions;
  readonly #cache = new BodyCache({ ...DEFAULT_CACHE, nowMs: () => performance.now() });
  /** Clips that are being sent, and what lets them. */
  readonly #answering = new Map<ServerResponse, Grant>();

  constructor(options: PlaybackOptions) {
    this.#options = options;
  }

  /** Breaks off answers to clients whose grants hold no longer. */
  revoke(honours: (grant: Grant) => boolean): void {
    for (const [response, grant] of this.#answering) if (!honours(grant)) response.destroy();
  }

  /** One request for `/list` or `/get`. Rejects with what the HTTP server makes an answer of. */
  async answer(exchange: HttpExchange, target = exchange.path): Promise<void> {
    try {
      await this.#handle(exchange, target);
    } catch (error) {
      throw exchange.signal.aborted ? new HttpFault(503, "the answer was broken off") : error;
    }
  }

  async #handle(exchange: HttpExchange, target: string): Promise<void> {
    const { request, response, query } = exchange;
    if (target !== "/list" && target !== "/get") return sendError(response, 404, "not found");
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      return sendError(response, 405, "method not allowed");
    }
    const path = query.get("path") ?? "";
    const fault = this.#options.pathNameFault(path);
    if (fault !== undefined) throw new CallerFault("invalid", `invalid path name: ${fault} (${path})`, "path");
    const { authorize, log } = this.#options;
    const grant = await admit(exchange, { action: "playback", path, credentials: credentialsOf(exchange) }, authorize, log);
    if (grant === undefined) return;
    this.#answering.set(response, grant);
    response.once("close", () => this.#answering.delete(response));
    // MediaMTX looks for the path before it reads the times of a list, and after it read those of a clip.
    if (target === "/list") {
      const index = this.#indexOf(path);
      await sendList(exchange, index, path, parseListQuery(query));
    } else {
      const wish = parseGetQuery(query);
      await sendClip(exchange, this.#indexOf(path), path, wish, { cache: this.#cache, log: this.#options.log });
    }
  }

  #indexOf(path: string): RecordingIndex {
    const index = this.#options.indexOf(path);
    if (index === undefined) throw new CallerFault("not-configured", `path '${path}' is not configured`, "path");
    return index;
  }
}

export class PlaybackServer {
  readonly #handler: PlaybackHandler;
  readonly #http: HttpServer;

  private constructor(handler: PlaybackHandler, http: HttpServer) {
    this.#handler = handler;
    this.#http = http;
  }

  /** Rejects with the system's error when the address cannot be had. */
  static async listen(options: PlaybackServerOptions): Promise<PlaybackServer> {
    const handler = new PlaybackHandler(options);
    return new PlaybackServer(
      handler,
      await HttpServer.listen({ ...options, preflight: PREFLIGHT, handle: (exchange) => handler.answer(exchange) }),
    );
  }

  get port(): number {
    return this.#http.port;
  }

  revoke(honours: (grant: Grant) => boolean): void {
    this.#handler.revoke(honours);
  }

  /** What is being read is let go. */
  async close(): Promise<void> {
    await this.#http.close();
  }
}

/** Of the header; without one those of the query, since a page cannot give a video element a header. */
function credentialsOf({ credentials, query }: HttpExchange): HttpCredentials {
  if (credentials.kind !== "none") return credentials;
  const token = query.get("token") || query.get("jwt");
  if (token) return { kind: "token", token };
  const [user, pass] = [query.get("user") ?? "", query.get("pass") ?? ""];
  return user === "" && pass === "" ? credentials : { kind: "basic", user, pass };
}
