// Pages, scripts and styles from a folder of the program: read once, answered with what keeps them fresh and shut in.
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { HttpFault } from "./http-fault.ts";
import type { HttpExchange } from "./server.ts";

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  yaml: "application/yaml",
};

interface Asset {
  readonly type: string;
  readonly bytes: Buffer;
  readonly gzipped: Buffer;
  readonly etag: string;
}

export interface AssetAnswer {
  /** Who may show the page in a frame: `'self'`, `*`. */
  readonly frameAncestors: string;
  /** `no-cache`, `max-age=3600`. */
  readonly cacheControl: string;
}

export class PageAssets {
  readonly #folders: readonly string[];
  readonly #marker: string;
  #assets: Promise<ReadonlyMap<string, Asset>> | undefined;

  /** The first folder that has a file of this name is taken. */
  constructor(folders: readonly string[], marker: string) {
    this.#folders = folders;
    this.#marker = marker;
  }

  /** Answers with a file of the folder, by its plain name. Throws an HttpFault: 404, or 503 where the pages were not built. */
  async send({ request, response }: HttpExchange, name: string, { frameAncestors, cacheControl }: AssetAnswer): Promise<void> {
    const assets = await this.#read();
    if (assets.size === 0) throw new HttpFault(503, "the pages are not built: run `npm run build`");
    const asset = assets.get(name);
    if (asset === undefined) throw new HttpFault(404, "page not found");
    const isSmaller = asset.gzipped.length < asset.bytes.length;
    const packed = isSmaller && /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
    const body = packed ? asset.gzipped : asset.bytes;
    response.setHeader("Content-Type", asset.type);
    response.setHeader("Cache-Control", cacheControl);
    response.setHeader("ETag", asset.etag);
    response.setHeader("Vary", [response.getHeader("Vary"), "Accept-Encoding"].filter((word) => word !== undefined).join(", "));
    response.setHeader("X-Content-Type-Options", "nosniff");
    response.setHeader("Referrer-Policy", "same-origin");
    // No inline script or style, nothing from elsewhere: a camera's name can never become code.
    const policy = ["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data: blob:", "media-src 'self' blob:"];
    policy.push("connect-src 'self'", "form-action 'self'", "base-uri 'none'", `frame-ancestors ${frameAncestors}`);
    response.setHeader("Content-Security-Policy", policy.join("; "));
    if (request.headers["if-none-match"] === asset.etag) {
      response.writeHead(304).end();
      return;
    }
    if (packed) response.setHeader("Content-Encoding", "gzip");
    response.writeHead(200, { "Content-Length": body.length });
    response.end(request.method === "HEAD" ? undefined : body);
  }

  async #read(): Promise<ReadonlyMap<string, Asset>> {
    this.#assets ??= readAssets(this.#folders, this.#marker);
    const assets = await this.#assets;
    if (assets.size === 0) this.#assets = undefined; // they may be built yet
    return assets;
  }
}

async function readAssets(folders: readonly string[], marker: string): Promise<ReadonlyMap<string, Asset>> {
  for (const folder of folders) {
    const names = await readdir(folder).catch((): string[] => []);
    if (!names.includes(marker)) continue;
    const assets = new Map<string, Asset>();
    for (const name of names) {
      const type = TYPES[name.split(".").pop() ?? ""];
      if (type === undefined) continue;
      const bytes = await readFile(join(folder, name));
      const etag = `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
      assets.set(name, { type, bytes, gzipped: await promisify(gzip)(bytes), etag });
    }
    return assets;
  }
  return new Map();
}
