// MediaMTX's control API over HTTP. docs/openapi.yaml describes every answer.
import type { Clock } from "#base/clock.ts";
import type { Log } from "#base/log.ts";
import type { Caller } from "#control/command.ts";
import { admit } from "#http/admit.ts";
import type { BrowserGuard } from "#http/browser-guard.ts";
import { HttpFault } from "#http/http-fault.ts";
import { type JsonBodyLimits, readJsonBody } from "#http/json-body.ts";
import type { PageAssets } from "#http/page-assets.ts";
import { type SecurityText, serveSecurityText } from "#http/security-text.ts";
import { type HttpExchange, type HttpListener, HttpServer, sendJson } from "#http/server.ts";
import { writeTime } from "#record/playback/time-text.ts";
import type { Authorize } from "#relay/access.ts";
import type { PathRegistry } from "#relay/path-registry.ts";
import type { SessionRegistry } from "#relay/session-registry.ts";
import { type CamgateSubjects, camgateRoutes } from "./camgate/camgate-routes.ts";
import { type ConfigOptions, configRoutes } from "./config.ts";
import { DocsPage } from "./docs-page.ts";
import { type PathsOptions, pathRoutes } from "./paths.ts";
import { publisherRoutes } from "./publishers.ts";
import { type RecordingsOptions, recordingRoutes } from "./recordings.ts";
import { BytesAnswer, findRoute, OK, type Route } from "./route.ts";
import { rtspRoutes } from "./rtsp.ts";
import { type StatsOptions, statsRoutes } from "./stats.ts";
import { webRtcRoutes } from "./webrtc.ts";

/** What there is to show. */
export interface ApiSubjects extends ConfigOptions, PathsOptions, RecordingsOptions, StatsOptions {
  readonly registry: Pick<PathRegistry, "list" | "get" | "confOf" | "traffic">;
  readonly clock: Pick<Clock, "nowUs" | "utcOf">;
  readonly sessions: Pick<SessionRegistry, "all" | "list" | "get">;
  /** Of those that are not there, nothing is under their names. */
  readonly servers: { readonly rtsp: boolean; readonly rtsps: boolean; readonly webrtc: boolean };
  /** Of the gateway, as /v3/info tells it. */
  readonly version: string;
  readonly camgate: CamgateSubjects;
  /** Forgets the keys that tokens are checked with: the next token fetches them anew. */
  refreshKeys(): void;
}

export interface ApiServerOptions extends ApiSubjects, HttpListener {
  readonly authorize: Authorize;
  readonly bodyLimits: JsonBodyLimits;
  /** Undefined: browsers may come under any name and from any page. */
  readonly browserGuard?: BrowserGuard | undefined;
  /** Where to tell of a vulnerability; undefined: nobody said. */
  securityText?(): SecurityText | undefined;
  /** Somebody asks to change something, in MediaMTX's part of the API. Must not throw. */
  onChange?(who: string, request: string): void;
  /** Where the page of the API is. */
  readonly assets: Pick<PageAssets, "send">;
}

const PREFLIGHT = { methods: "OPTIONS, GET, POST, PATCH, DELETE", headers: "Authorization, Content-Type" };

/** Everything that such an API answers to. */
export function apiRoutes(subjects: ApiSubjects): readonly Route[] {
  const { version, startedUs, clock, sessions, servers } = subjects;
  return [
    { method: "GET", template: "/v3/info", answer: () => ({ version, started: writeTime(clock.utcOf(startedUs).utcUs) }) },
    {
      method: "POST",
      template: "/v3/auth/jwks/refresh",
      answer: () => {
        subjects.refreshKeys();
        return OK;
      },
    },
    ...configRoutes(subjects),
    ...statsRoutes(subjects),
    ...pathRoutes(subjects),
    ...publisherRoutes(subjects),
    ...(servers.rtsp ? rtspRoutes(sessions, "rtsp") : []),
    ...(servers.rtsps ? rtspRoutes(sessions, "rtsps") : []),
    ...(servers.webrtc ? webRtcRoutes(sessions) : []),
    ...recordingRoutes(subjects),
    ...camgateRoutes(subjects.camgate),
  ];
}

export class ApiServer {
  readonly #authorize: Authorize;
  readonly #log: Log;
  readonly #onChange: ApiServerOptions["onChange"];
  readonly #securityText: ApiServerOptions["securityText"];
  readonly #docs: DocsPage;
  readonly #guard: BrowserGuard | undefined;
  readonly #bodyLimits: JsonBodyLimits;
  #routes: readonly Route[];
  #http!: HttpServer;

  private constructor(options: ApiServerOptions) {
    this.#authorize = options.authorize;
    this.#log = options.log;
    this.#onChange = options.onChange;
    this.#securityText = options.securityText;
    this.#guard = options.browserGuard;
    this.#docs = new DocsPage(options.assets);
    this.#bodyLimits = options.bodyLimits;
    this.#routes = apiRoutes(options);
  }

  /** Rejects with the system's error when the address cannot be had. */
  static async listen(options: ApiServerOptions): Promise<ApiServer> {
    const server = new ApiServer(options);
    server.#http = await HttpServer.listen({ ...options, preflight: PREFLIGHT, handle: (exchange) => server.#answer(exchange) });
    return server;
  }

  get port(): number {
    return this.#http.port;
  }

  /** From now on. */
  show(subjects: ApiSubjects): void {
    this.#routes = apiRoutes(subjects);
  }

  async close(): Promise<void> {
    await this.#http.close();
  }

  /** One request. Rejects with what the HTTP server makes an answer of. */
  async #answer(exchange: HttpExchange): Promise<void> {
    if (serveSecurityText(exchange, this.#securityText?.())) return;
    this.#guard?.check(exchange);
    const caller = await this.#admit(exchange);
    if (caller === undefined) return;
    const { request, response, query, signal } = exchange;
    if (await this.#docs.serve(exchange)) return;
    const found = findRoute(this.#routes, request.method, decoded(exchange.path));
    if (found === undefined) {
      response.writeHead(404, { "Content-Type": "text/plain" }).end("404 page not found"); // as MediaMTX: no JSON
      return;
    }
    // Commands are told of by their table.
    if (found.route.method !== "GET" && found.route.template.startsWith("/v3/"))
      this.#onChange?.(caller.name, `${found.route.method} ${exchange.path}`);
    const body = (): Promise<unknown> => readJsonBody(request, this.#bodyLimits);
    const answer = await found.route.answer({ parameter: found.parameter, query, caller, signal, body });
    if (answer instanceof BytesAnswer) {
      response.writeHead(200, { ...answer.headers, "Content-Length": answer.bytes.length }).end(answer.bytes);
      return;
    }
    sendJson(response, 200, answer);
  }

  /** Whoever has the right to the API may do everything with it. Undefined: the client has its answer. */
  async #admit(exchange: HttpExchange): Promise<Caller | undefined> {
    const grant = await admit(exchange, { action: "api" }, this.#authorize, this.#log);
    const { address } = exchange.remote;
    return grant && { name: grant.user === "" ? address : `${grant.user}, ${address}`, may: () => true };
  }
}

/** Throws an HttpFault for escapes that stand for nothing. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new HttpFault(400, "invalid path: it has escapes that are no UTF-8");
  }
}
