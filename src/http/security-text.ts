// /.well-known/security.txt: where to tell of a vulnerability, for whoever finds one. RFC 9116.
import type { HttpExchange } from "./server.ts";

export interface SecurityText {
  /** A URI: `mailto:`, `https:` or `tel:`. */
  readonly contact: string;
  /** Not to be believed after that; ms since 1970. */
  readonly expiresMs: number;
}

const PATH = "/.well-known/security.txt";

/** §2.5: a field a line. */
export function writeSecurityText({ contact, expiresMs }: SecurityText): string {
  return `Contact: ${contact}\nExpires: ${new Date(expiresMs).toISOString()}\nPreferred-Languages: en\n`;
}

/** False: the request is for something else, or there is nothing to tell. To be asked before credentials are: strangers find most of them. */
export function serveSecurityText({ request, response, path }: HttpExchange, text: SecurityText | undefined): boolean {
  if (path !== PATH || text === undefined || (request.method !== "GET" && request.method !== "HEAD")) return false;
  response
    .writeHead(200, { "Content-Type": "text/plain; charset=utf-8" })
    .end(request.method === "HEAD" ? undefined : writeSecurityText(text));
  return true;
}
