// Answers a request for a clip whose size is known: whole, a part of it, or that the client has it already; RFC 9110 §13, §14.
import { requestedRange } from "#http/byte-range.ts";
import { type HttpExchange, sendError, writeBody } from "#http/server.ts";
import type { ClipBody } from "./clip-body.ts";

/** `headers`: those of every answer. */
export async function sendBody(exchange: HttpExchange, body: ClipBody, headers: Readonly<Record<string, string>>): Promise<void> {
  const { request, response, signal } = exchange;
  const { etag, sizeBytes } = body;
  const common = { ...headers, "Accept-Ranges": "bytes", ETag: etag, "Cache-Control": "private, no-cache" };
  if (isListed(etag, request.headers["if-none-match"])) {
    response.writeHead(304, common).end(); // §13.1.2
    return;
  }
  const ifRange = request.headers["if-range"];
  const wantsPart = request.method === "GET" && (ifRange === undefined || ifRange === etag); // §13.1.5, §14.2
  const range = wantsPart ? requestedRange(request.headers.range, sizeBytes) : "all";
  if (range === "unsatisfiable") {
    response.setHeader("Content-Range", `bytes */${sizeBytes}`);
    sendError(response, 416, `the file has ${sizeBytes} bytes`);
    return;
  }
  const { start, end } = range === "all" ? { start: 0, end: sizeBytes } : range;
  const part = range === "all" ? {} : { "Content-Range": `bytes ${start}-${end - 1}/${sizeBytes}` };
  response.writeHead(range === "all" ? 200 : 206, { ...common, ...part, "Content-Length": end - start });
  if (request.method !== "HEAD") for await (const bytes of body.bytes(start, end, signal)) await writeBody(response, bytes, signal);
  response.end();
}

/** If-None-Match compares weakly: `W/` does not count, §8.8.3.2. */
function isListed(etag: string, header: string | undefined): boolean {
  if (header === undefined) return false;
  return header.split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === etag);
}
