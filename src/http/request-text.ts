// The body of a request as text, no longer than it may be.
import type { IncomingMessage } from "node:http";
import { HttpFault } from "./http-fault.ts";

/** UTF-8. Throws an HttpFault with `status` when it is too long; rejects when the client is gone. */
export async function readText(request: IncomingMessage, maxBytes: number, status = 413): Promise<string> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    sizeBytes += part.length;
    if (sizeBytes > maxBytes) throw new HttpFault(status, `the body is longer than ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}
