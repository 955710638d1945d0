// The pages of streams: `/<path>/` plays, `/<path>/publish` publishes; their scripts beside them, where pages of others look for them too.
import { HttpFault } from "#http/http-fault.ts";
import type { PageAssets } from "#http/page-assets.ts";
import type { HttpExchange } from "#http/server.ts";
import type { Action } from "#relay/access.ts";
import type { PathRegistry } from "#relay/path-registry.ts";

/** Below any path: pages refer to them as `./reader.js`. */
const FILES: ReadonlySet<string> = new Set(["reader.js", "publisher.js", "player.js", "publish.js", "page.css"]);

export interface StreamPagesOptions {
  readonly assets: PageAssets;
  readonly registry: Pick<PathRegistry, "permit">;
}

export class StreamPages {
  readonly #options: StreamPagesOptions;

  constructor(options: StreamPagesOptions) {
    this.#options = options;
  }

  /** Answers a request for anything below a path. Rejects with what the HTTP server, or the one of WebRTC, makes an answer of. */
  async serve(exchange: HttpExchange): Promise<void> {
    const { request, response, path, rawQuery } = exchange;
    if (request.method !== "GET" && request.method !== "HEAD") throw new HttpFault(405, `method ${request.method} is not allowed here`);
    const slash = path.lastIndexOf("/");
    const last = path.slice(slash + 1);
    if (FILES.has(last)) {
      await this.#options.assets.send(exchange, last, { frameAncestors: "*", cacheControl: "max-age=3600" });
      return;
    }
    if (last !== "" && last !== "publish") {
      // One slash in front, however many came: `//host/` would lead to somebody else.
      const location = `/${path.replace(/^\/+/, "")}/${rawQuery === "" ? "" : `?${rawQuery}`}`;
      response.writeHead(302, { Location: location }).end();
      return;
    }
    const name = last === "" ? "player.html" : "publish.html";
    await this.#permit(exchange, last === "" ? "read" : "publish", decoded(path.slice(1, slash)));
    // Pages show streams in frames: anybody's may. Not cached: a page that is loaded again in a frame must start anew.
    await this.#options.assets.send(exchange, name, { frameAncestors: "*", cacheControl: "no-cache" });
  }

  async #permit({ request, remote, rawQuery: query, credentials }: HttpExchange, action: Action, path: string): Promise<void> {
    const userAgent = request.headers["user-agent"] ?? "";
    await this.#options.registry.permit({ action, path, protocol: "webrtc", remote, query, id: "", userAgent, credentials });
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
