// /docs: the API for people, and its document for programs.
import type { PageAssets } from "#http/page-assets.ts";
import type { HttpExchange } from "#http/server.ts";

/** By the name below /docs/; the others are not shown here. */
const FILES: Readonly<Record<string, string>> = { "": "docs.html", "docs.css": "docs.css", "openapi.yaml": "openapi.yaml" };

export class DocsPage {
  readonly #assets: Pick<PageAssets, "send">;

  constructor(assets: Pick<PageAssets, "send">) {
    this.#assets = assets;
  }

  /** False: the request is for something else. */
  async serve(exchange: HttpExchange): Promise<boolean> {
    const { request, response, path } = exchange;
    if (request.method !== "GET" && request.method !== "HEAD") return false;
    if (path === "/docs") {
      response.writeHead(302, { Location: "docs/" }).end(); // relative: a proxy may have a path of its own in front
      return true;
    }
    const name = path.startsWith("/docs/") ? path.slice("/docs/".length) : undefined;
    if (name === undefined || !Object.hasOwn(FILES, name)) return false;
    await this.#assets.send(exchange, FILES[name]!, { frameAncestors: "'none'", cacheControl: "no-cache" });
    return true;
  }
}
