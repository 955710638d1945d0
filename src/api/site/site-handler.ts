// The site page and what it asks for, on the port of the streams: the API's own port is closed to the network by default.
import { setTimeout as sleep } from "node:timers/promises";
import type { CommandTable } from "#control/command.ts";
import type { BrowserGuard } from "#http/browser-guard.ts";
import { HttpFault } from "#http/http-fault.ts";
import { type JsonBodyLimits, readJsonBody } from "#http/json-body.ts";
import type { PageAssets } from "#http/page-assets.ts";
import { type SecurityText, serveSecurityText } from "#http/security-text.ts";
import { type HttpExchange, sendError, sendJson } from "#http/server.ts";
import type { WebSessions } from "#http/web-sessions.ts";
import type { PlaybackHandler } from "#record/playback/playback-server.ts";
import { type CamgateSubjects, camgateRoutes } from "../camgate/camgate-routes.ts";
import { type ConfigOptions, configRoutes } from "../config.ts";
import { type ApiRequest, findRoute, OK, type Route } from "../route.ts";
import { SiteAccess, type SiteAccessOptions, type Visitor } from "./site-access.ts";
import { siteRoutes } from "./site-routes.ts";
import { UserDesk, userRoutes } from "./user-routes.ts";

export interface SiteHandlerOptions extends SiteAccessOptions, ConfigOptions {
  readonly assets: PageAssets;
  readonly webSessions: WebSessions;
  readonly camgate: CamgateSubjects & { readonly commands: Pick<CommandTable, "dispatch" | "list"> };
  readonly playback: PlaybackHandler;
  readonly bodyLimits: JsonBodyLimits;
  /** Where to tell of a vulnerability; undefined: nobody said. */
  securityText?(): SecurityText | undefined;
  /** Somebody asks to change a user or a camera's settings; commands are told of by their table. Must not throw. */
  onChange?(who: string, request: string): void;
  /** Undefined: browsers may come under any name. */
  readonly browserGuard?: BrowserGuard | undefined;
}

const API = "/camgate/v1/";
const ASSETS = "/camgate/web/";
const PLAYBACK = "/camgate/v1/playback";
/** Of the control API, what the page needs: under our own name here. */
const CONFIG_PATHS = "/v3/config/paths/";
const CHANGES = /^\/camgate\/v1\/(?:users|config\/paths)\//;

export class SiteHandler {
  readonly #options: SiteHandlerOptions;
  readonly #access: SiteAccess;
  readonly #users: UserDesk;
  readonly #routes: readonly Route[];

  constructor(options: SiteHandlerOptions) {
    this.#options = options;
    this.#access = new SiteAccess(options);
    this.#users = new UserDesk(options.config);
    const config = configRoutes(options).filter(({ template }) => template.startsWith(CONFIG_PATHS));
    this.#routes = [
      ...siteRoutes(options.camgate),
      ...camgateRoutes(options.camgate),
      ...adminOnly([
        ...userRoutes(this.#users),
        ...config.map((route) => ({ ...route, template: route.template.replace(CONFIG_PATHS, `${API}config/paths/`) })),
      ]),
    ];
  }

  /** False: it is nothing of the site's. Rejects with what the HTTP server makes an answer of. */
  async serve(exchange: HttpExchange): Promise<boolean> {
    const { path } = exchange;
    if (serveSecurityText(exchange, this.#options.securityText?.())) return true;
    if (path.startsWith(API) && !path.startsWith(`${PLAYBACK}/`)) this.#options.browserGuard?.check(exchange);
    if (path.startsWith(API)) await this.#answer(exchange);
    else if (path === "/" || path.startsWith(ASSETS)) await this.#sendPage(exchange);
    else return false;
    return true;
  }

  async #sendPage(exchange: HttpExchange): Promise<void> {
    const { request, path } = exchange;
    if (request.method !== "GET" && request.method !== "HEAD") throw new HttpFault(405, `method ${request.method} is not allowed here`);
    const name = path === "/" ? "site.html" : path.slice(ASSETS.length);
    await this.#options.assets.send(exchange, name, { frameAncestors: "'self'", cacheControl: "no-cache" });
  }

  async #answer(exchange: HttpExchange): Promise<void> {
    const { request, response, path, query, signal } = exchange;
    if (path === `${API}session`) return this.#answerSession(exchange);
    if (path === `${PLAYBACK}/get` || path === `${PLAYBACK}/list`)
      return this.#options.playback.answer(exchange, path.slice(PLAYBACK.length));
    if (!(await this.#admits(exchange))) return;
    const caller = this.#access.visitorOf(exchange);
    if (path === `${API}users/password`) return this.#changePassword(exchange, caller);
    const found = findRoute(this.#routes, request.method, decoded(path));
    if (found === undefined) throw new HttpFault(404, "not found");
    if (found.route.method !== "GET" && CHANGES.test(path)) this.#options.onChange?.(caller.name, `${found.route.method} ${path}`);
    const body = (): Promise<unknown> => readJsonBody(request, this.#options.bodyLimits);
    sendJson(response, 200, await found.route.answer({ parameter: found.parameter, query, caller, signal, body }));
  }

  /** POST logs in, DELETE logs out. */
  async #answerSession(exchange: HttpExchange): Promise<void> {
    const { request, response, publicUrl } = exchange;
    const { webSessions } = this.#options;
    const isSecure = publicUrl.startsWith("https:");
    if (request.method === "DELETE") {
      response.setHeader("Set-Cookie", webSessions.close(request, isSecure));
      sendJson(response, 200, OK);
      return;
    }
    if (request.method !== "POST") throw new HttpFault(405, `method ${request.method} is not allowed here`);
    const { user, pass } = ((await readJsonBody(request, this.#options.bodyLimits)) ?? {}) as {
      readonly user?: unknown;
      readonly pass?: unknown;
    };
    if (typeof user !== "string" || user === "" || typeof pass !== "string") throw new HttpFault(400, "user and pass have to be texts");
    const credentials = { kind: "basic", user, pass } as const;
    if (!(await this.#admits(exchange, credentials))) return;
    response.setHeader("Set-Cookie", webSessions.open(credentials, isSecure));
    sendJson(response, 200, OK);
  }

  async #changePassword(exchange: HttpExchange, { user }: Visitor): Promise<void> {
    const { request, response, publicUrl } = exchange;
    if (request.method !== "POST") throw new HttpFault(405, `method ${request.method} is not allowed here`);
    const { old, pass } = ((await readJsonBody(request, this.#options.bodyLimits)) ?? {}) as {
      readonly old?: unknown;
      readonly pass?: unknown;
    };
    if (typeof old !== "string") throw new HttpFault(400, "old: has to be the password so far");
    if (user === "") throw new HttpFault(409, "nobody is logged in");
    if (!(await this.#admits(exchange, { kind: "basic", user, pass: old }))) return;
    this.#options.onChange?.(user, `POST ${API}users/password`);
    await this.#users.setPassword(user, pass);
    response.setHeader(
      "Set-Cookie",
      this.#options.webSessions.open({ kind: "basic", user, pass: String(pass) }, publicUrl.startsWith("https:")),
    );
    sendJson(response, 200, OK);
  }

  /** False: the visitor has his answer. No browser is to ask for a password by itself: the page does that. */
  async #admits(exchange: HttpExchange, credentials = exchange.credentials): Promise<boolean> {
    const refusal = await this.#access.refusalOf(exchange, credentials);
    if (refusal === undefined) return true;
    const { response, signal } = exchange;
    if (refusal.delayMs > 0) await sleep(refusal.delayMs, undefined, { signal }).catch(() => {});
    if (!signal.aborted) sendError(response, 401, refusal.challenge ? "log in first" : "wrong user or password");
    return false;
  }
}

function adminOnly(routes: readonly Route[]): readonly Route[] {
  return routes.map((route) => ({
    ...route,
    answer: async (request: ApiRequest) => {
      if (!(await request.caller.may("admin", undefined, "live"))) throw new HttpFault(403, "you may not change anything here");
      return route.answer(request);
    },
  }));
}

/** Throws an HttpFault for escapes that stand for nothing. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new HttpFault(400, "invalid path: it has escapes that are no UTF-8");
  }
}
