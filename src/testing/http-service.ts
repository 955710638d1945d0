// A HTTP or HTTPS server on loopback that a test scripts: what it was asked, and what it answers.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";

export interface ServiceCall {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface HttpService {
  readonly url: string;
  /** In the order they came in, complete with their bodies. */
  readonly calls: readonly ServiceCall[];
  /** Resolves once so many requests have come in. */
  received(count: number): Promise<void>;
  close(): Promise<void>;
}

/** `answer` may end the response whenever it likes, or never. */
export async function startHttpService(
  answer: (call: ServiceCall, response: ServerResponse) => void,
  tls?: { readonly key: Buffer; readonly cert: Buffer },
): Promise<HttpService> {
  const calls: ServiceCall[] = [];
  const waiting: { readonly count: number; readonly done: () => void }[] = [];
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const call = { method, path: url, headers, body: Buffer.concat(chunks).toString("utf8") };
      calls.push(call);
      for (const { count, done } of waiting) if (calls.length >= count) done();
      answer(call, response);
    });
  };
  const server = tls === undefined ? createServer(serve) : createSecureServer(tls, serve);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    received: (count) => new Promise((done) => (calls.length >= count ? done() : waiting.push({ count, done }))),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
