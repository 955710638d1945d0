// MediaMTX's profiling server, with the profiles that a Node process has: for Chrome's tools instead of Go's.
import { createHash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import { admit } from "#http/admit.ts";
import { HttpFault } from "#http/http-fault.ts";
import { type HttpExchange, type HttpListener, HttpServer, sendError } from "#http/server.ts";
import type { Authorize } from "#relay/access.ts";
import { pprofPage } from "./pprof-page.ts";
import { Profiler } from "./profiler.ts";

export interface PprofServerOptions extends HttpListener {
  readonly authorize: Authorize;
  /** Default: one of this process. */
  readonly profiler?: Pick<Profiler, "cpu" | "allocations" | "heap">;
}

const PREFLIGHT = { methods: "OPTIONS, GET", headers: "Authorization" };
const DEFAULT_SECONDS = 30;
const MAX_SECONDS = 120;
/** A connection is silent while a profile is made, and for as long as it takes to write it. */
const SLACK_MS = 60_000;
/** Names of MediaMTX's server that mean nothing here. */
const OF_GO = new Set(["block", "cmdline", "goroutine", "mutex", "symbol", "threadcreate", "trace"]);

export class PprofServer {
  readonly #options: PprofServerOptions;
  readonly #profiler: Pick<Profiler, "cpu" | "allocations" | "heap">;
  #http!: HttpServer;

  private constructor(options: PprofServerOptions) {
    this.#options = options;
    this.#profiler = options.profiler ?? new Profiler({ wait: waitFor });
  }

  /** Rejects with the system's error when the address cannot be had. */
  static async listen(options: PprofServerOptions): Promise<PprofServer> {
    const server = new PprofServer(options);
    server.#http = await HttpServer.listen({ ...options, preflight: PREFLIGHT, handle: (exchange) => server.#answer(exchange) });
    return server;
  }

  get port(): number {
    return this.#http.port;
  }

  async close(): Promise<void> {
    await this.#http.close();
  }

  async #answer(exchange: HttpExchange): Promise<void> {
    const { authorize, log } = this.#options;
    if ((await admit(exchange, { action: "pprof" }, authorize, log)) === undefined) return;
    const { request, response, path, signal } = exchange;
    if (request.method !== "GET") {
      response.setHeader("Allow", "GET");
      return sendError(response, 405, "method not allowed");
    }
    switch (path) {
      case "/":
      case "/debug/pprof":
        response.writeHead(302, { Location: path === "/" ? "debug/pprof/" : "pprof/" }).end();
        return;
      case "/debug/pprof/":
        return sendPage(exchange);
      case "/debug/pprof/profile":
        return sendFile(exchange, "cpuprofile", await this.#profiler.cpu(millisecondsOf(exchange), signal));
      case "/debug/pprof/allocs":
        return sendFile(exchange, "heapprofile", await this.#profiler.allocations(millisecondsOf(exchange), signal));
      case "/debug/pprof/heap":
        return this.#profiler.heap(async (pieces) => {
          describeFile(exchange, "heapsnapshot");
          await pipeline(pieces, response, { signal });
        });
      default:
        return sendError(response, 404, missing(path));
    }
  }
}

function missing(path: string): string {
  const name = path.replace(/^\/debug\/pprof\//, "");
  return OF_GO.has(name)
    ? `this is no Go program and has no ${name} profile: /debug/pprof/ tells what there is`
    : "not found: /debug/pprof/ tells what there is";
}

/** Of `seconds`; the connection is left open for so long. Throws an HttpFault. */
function millisecondsOf({ query, request }: HttpExchange): number {
  const text = query.get("seconds") ?? String(DEFAULT_SECONDS);
  const seconds = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (seconds < 1 || seconds > MAX_SECONDS) throw new HttpFault(400, `seconds: has to be a number from 1 to ${MAX_SECONDS}`);
  request.socket.setTimeout(seconds * 1000 + SLACK_MS);
  return seconds * 1000;
}

function describeFile({ response }: HttpExchange, extension: string): void {
  const time = new Date().toISOString().slice(0, 19).replace("T", "_").replaceAll(":", "-");
  response.setHeader("Content-Type", "application/json");
  response.setHeader("Content-Disposition", `attachment; filename="camgate_${time}.${extension}"`);
  response.setHeader("Cache-Control", "no-store");
}

function sendFile(exchange: HttpExchange, extension: string, text: string): void {
  describeFile(exchange, extension);
  exchange.response.end(text);
}

function sendPage({ response }: HttpExchange): void {
  const page = pprofPage();
  const style = createHash("sha256")
    .update(/<style>(.*)<\/style>/s.exec(page)![1]!)
    .digest("base64");
  response.setHeader("Content-Security-Policy", `default-src 'none'; style-src 'sha256-${style}'; base-uri 'none'; frame-ancestors 'none'`);
  response.setHeader("X-Content-Type-Options", "nosniff");
  response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(page);
}

function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
