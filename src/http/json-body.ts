// The body of a request, as JSON.
import type { IncomingMessage } from "node:http";
import { HttpFault } from "./http-fault.ts";

export interface JsonBodyLimits {
  readonly maxBytes: number;
  /** A body has to say that it is JSON: pages of other sites can send text without asking, but not this. */
  readonly isTyped?: boolean;
}

const MAX_DEPTH = 64;

/** Undefined: it is empty. Throws an HttpFault: too large, too deep, no JSON, or cut off. */
export async function readJsonBody(request: IncomingMessage, { maxBytes, isTyped = false }: JsonBodyLimits): Promise<unknown> {
  const text = (await readBody(request, maxBytes)).toString("utf8");
  if (text.trim() === "") return undefined;
  const type = request.headers["content-type"] ?? "";
  if (isTyped && !/^application\/([\w.-]+\+)?json\s*(;|$)/i.test(type))
    throw new HttpFault(415, `the body has to be sent with Content-Type: application/json, not '${type.slice(0, 100)}'`);
  const value = parsed(text);
  if (isDeeper(value, MAX_DEPTH)) throw new HttpFault(400, `the body is nested deeper than ${MAX_DEPTH} levels`);
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new HttpFault(400, `the body is no JSON: ${(error as Error).message.slice(0, 200)}`);
  }
}

/** What is too large is not kept, but let run out: a client that is cut off while it sends does not see the answer. */
function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let length = Number(request.headers["content-length"] ?? 0) > maxBytes ? Number.POSITIVE_INFINITY : 0;
    const take = (chunk: Buffer): void => {
      length += chunk.length;
      if (length <= maxBytes) {
        chunks.push(chunk);
        return;
      }
      chunks = [];
      reject(new HttpFault(413, `the body is larger than ${maxBytes} bytes`));
    };
    take(Buffer.alloc(0));
    request.on("data", take);
    request.once("end", () => resolve(Buffer.concat(chunks)));
    request.once("close", () => reject(new HttpFault(400, "the body was cut off")));
  });
}

/** Whoever goes through a value by recursion must not be led too deep. */
function isDeeper(value: unknown, limit: number): boolean {
  let level: readonly unknown[] = [value];
  for (let depth = 0; depth <= limit; depth++) {
    level = level.flatMap((one) => (typeof one === "object" && one !== null ? Object.values(one) : []));
    if (level.length === 0) return false;
  }
  return true;
}
