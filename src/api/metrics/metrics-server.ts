// MediaMTX's metrics server: GET /metrics for Prometheus, with camgate's own metrics behind MediaMTX's.
import { admit } from "#http/admit.ts";
import { type HttpExchange, type HttpListener, HttpServer, sendError } from "#http/server.ts";
import type { Authorize } from "#relay/access.ts";
import { type CamgateSources, writeCamgateMetrics } from "./camgate-metrics.ts";
import { type MediaSources, writeMediaMetrics } from "./media-metrics.ts";
import { parseMetricsFilter } from "./metrics-filter.ts";
import { CONTENT_TYPE } from "./text-format.ts";

export interface MetricsServerOptions extends HttpListener {
  readonly authorize: Authorize;
  readonly media: MediaSources;
  readonly camgate: CamgateSources;
}

const PREFLIGHT = { methods: "OPTIONS, GET", headers: "Authorization" };

export class MetricsServer {
  readonly #options: MetricsServerOptions;
  #http!: HttpServer;

  private constructor(options: MetricsServerOptions) {
    this.#options = options;
  }

  /** Rejects with the system's error when the address cannot be had. */
  static async listen(options: MetricsServerOptions): Promise<MetricsServer> {
    const server = new MetricsServer(options);
    server.#http = await HttpServer.listen({ ...options, preflight: PREFLIGHT, handle: (exchange) => server.#answer(exchange) });
    return server;
  }

  get port(): number {
    return this.#http.port;
  }

  async close(): Promise<void> {
    await this.#http.close();
  }

  /** Who may not in does not learn what is there, as in MediaMTX. */
  async #answer(exchange: HttpExchange): Promise<void> {
    const { request, response, path, query } = exchange;
    const { authorize, log } = this.#options;
    if ((await admit(exchange, { action: "metrics" }, authorize, log)) === undefined) return;
    if (path !== "/metrics") return sendError(response, 404, "not found");
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      return sendError(response, 405, "method not allowed");
    }
    const filter = parseMetricsFilter(query);
    const { media, camgate } = this.#options;
    const body = Buffer.from(writeMediaMetrics(media, filter) + (await writeCamgateMetrics(camgate, filter)));
    response.writeHead(200, { "Content-Type": CONTENT_TYPE, "Content-Length": body.length }).end(body);
  }
}
