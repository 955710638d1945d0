// What every HTTP listener shares: TLS, CORS, client address behind a proxy, credentials, error envelope, timeouts, an orderly end.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { ConnectionLimits, ConnectionSlot } from "#base/connection-limits.ts";
import { errorText } from "#base/errors.ts";
import type { ListenAddress } from "#base/listen-address.ts";
import type { Log } from "#base/log.ts";
import { Certificate, type CertificateFiles } from "./certificate.ts";
import { allowedOrigin } from "./cors.ts";
import { type HttpCredentials, httpCredentials } from "./credentials.ts";
import { readForwarded } from "./forwarded.ts";
import { HttpFault, statusOf } from "./http-fault.ts";
import type { WebSessions } from "./web-sessions.ts";

/** What the settings of every HTTP server say alike. */
export interface HttpListener {
  readonly address: ListenAddress;
  /** Served over TLS with these; undefined: plain HTTP. */
  readonly certificate?: CertificateFiles | undefined;
  readonly allowOrigins: readonly string[];
  readonly readTimeoutMs: number;
  readonly writeTimeoutMs: number;
  /** Shared with other servers; undefined: none. */
  readonly connectionLimits?: ConnectionLimits | undefined;
  /** Peers whose X-Forwarded-… headers count. */
  readonly trustsProxy: (address: string) => boolean;
  readonly log: Log;
  /** Logins of our own pages: they count where a request has no Authorization header. */
  readonly webSessions?: WebSessions | undefined;
}

export interface HttpServerOptions extends HttpListener {
  /** Answer to a preflight: methods and headers that pages may use. */
  readonly preflight: { readonly methods: string; readonly headers: string };
  /** What it throws is answered: HttpFault and CallerFault with their text, anything else with 500 and a line in the log. */
  handle(exchange: HttpExchange): Promise<void>;
}

/** One request and its answer. */
export interface HttpExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Always begins with a slash, as sent: percent-escapes are in it. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Without `?`. */
  readonly rawQuery: string;
  readonly remote: { readonly address: string; readonly port: number };
  readonly credentials: HttpCredentials;
  /** Where the client sees this server: `http://host:port` or `https://host:port`, and the prefix that a trusted proxy adds to every path. */
  readonly publicUrl: string;
  /** Aborted when the client is gone, or the server closes. */
  readonly signal: AbortSignal;
}

/** RFC 9110 §10.2.4: clients of MediaMTX look for this name. */
const SERVER_NAME = "mediamtx";
const KEEP_ALIVE_MS = 30_000;
const MAX_CONNECTIONS = 256;
const MAX_ERROR_LENGTH = 2000;
const MAX_HEADER_BYTES = 16_384;
const TLS_HANDSHAKE_MS = 5000;
/** What stands open when the server closes may finish its answer for so long. */
const CLOSE_TIMEOUT_MS = 1000;

export class HttpServer {
  readonly #server: Server;
  readonly #options: HttpServerOptions;
  readonly #closing = new AbortController();
  readonly #certificate: Certificate | undefined;
  /** By the client's address and port, which a connection and the TLS in it have alike. */
  readonly #slots = new Map<string, ConnectionSlot>();

  private constructor(options: HttpServerOptions, certificate: Certificate | undefined) {
    this.#options = options;
    this.#certificate = certificate;
    const settings = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: options.readTimeoutMs,
      requestTimeout: options.readTimeoutMs,
      connectionsCheckingInterval: Math.ceil(options.readTimeoutMs / 2), // Node looks for both every 30 s
      keepAliveTimeout: KEEP_ALIVE_MS,
      noDelay: true,
    };
    const serve = (request: IncomingMessage, response: ServerResponse): void => void this.#serve(request, response);
    if (certificate === undefined) this.#server = createServer(settings, serve);
    else {
      const server = createSecureServer({ ...settings, ...certificate.pair, handshakeTimeout: TLS_HANDSHAKE_MS }, serve);
      certificate.serve(server);
      this.#server = server;
    }
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on(certificate === undefined ? "connection" : "secureConnection", (socket: Socket) =>
      socket.setTimeout(Math.max(KEEP_ALIVE_MS, options.writeTimeoutMs), () => socket.destroy()),
    );
    this.#server.on("connection", (socket: Socket) => this.#enter(socket));
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
      // A TLS handshake that failed comes here, too: there is nobody to tell.
      if (socket.writable && /^(?:HPE|ERR_HTTP)_/.test(error.code ?? ""))
        socket.end(
          `HTTP/1.1 ${error.code === "HPE_HEADER_OVERFLOW" ? "431 Request Header Fields Too Large" : "400 Bad Request"}\r\nConnection: close\r\n\r\n`,
        );
      else socket.destroy();
    });
  }

  /** Rejects with the system's error when the address cannot be had, or with what is wrong with the certificate. */
  static async listen(options: HttpServerOptions): Promise<HttpServer> {
    const { certificate: files, log } = options;
    const server = new HttpServer(options, files && (await Certificate.open({ ...files, log })));
    try {
      await new Promise<void>((resolve, reject) => {
        server.#server.once("error", reject).listen({ host: options.address.host, port: options.address.port }, () => {
          server.#server.off("error", reject);
          resolve();
        });
      });
    } catch (error) {
      server.#certificate?.close();
      throw error;
    }
    server.#server.on("error", (error) => options.log.error(errorText(error)));
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#certificate?.close();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), CLOSE_TIMEOUT_MS);
    await closed;
    clearTimeout(timer);
  }

  /** Behind a proxy clients share its address: its connections count in the total alone. */
  #enter(socket: Socket): void {
    const { connectionLimits, trustsProxy } = this.#options;
    if (connectionLimits === undefined) return;
    const address = socket.remoteAddress ?? "";
    const slot = connectionLimits.enter(trustsProxy(address) ? undefined : address, () => socket.destroy());
    if (slot === undefined) {
      socket.destroy();
      return;
    }
    const key = slotKey(socket);
    this.#slots.set(key, slot);
    socket.once("close", () => {
      slot.leave();
      this.#slots.delete(key);
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { allowOrigins, preflight, log } = this.#options;
    response.setHeader("Server", SERVER_NAME);
    response.on("error", () => {}); // the client is gone: `close` follows
    const target = request.url ?? "";
    if (!target.startsWith("/")) {
      response.writeHead(400).end();
      return;
    }
    const origin = allowedOrigin(request.headers.origin, allowOrigins);
    if (origin !== undefined) {
      response.setHeader("Access-Control-Allow-Origin", origin);
      if (origin !== "*") response.setHeader("Vary", "Origin");
    }
    if (request.method === "OPTIONS" && request.headers["access-control-request-method"] !== undefined) {
      response
        .writeHead(204, { "Access-Control-Allow-Methods": preflight.methods, "Access-Control-Allow-Headers": preflight.headers })
        .end();
      return;
    }
    const gone = new AbortController();
    const slot = slotKey(request.socket); // later the request may have lost it
    response.once("close", () => {
      gone.abort();
      if (response.headersSent && response.statusCode !== 401) this.#slots.get(slot)?.admit();
      if (this.#closing.signal.aborted) setImmediate(() => this.#server.closeIdleConnections());
    });
    try {
      await this.#options.handle(this.#exchange(request, response, target, AbortSignal.any([gone.signal, this.#closing.signal])));
    } catch (error) {
      if (gone.signal.aborted) return;
      const status = statusOf(error);
      if (status === undefined) log.error(`${request.method} ${target.split("?", 1)[0]}: ${errorText(error)}`);
      if (response.headersSent) response.destroy();
      else sendError(response, status ?? 500, status === undefined ? "internal error; the log says more" : errorText(error));
    }
  }

  #exchange(request: IncomingMessage, response: ServerResponse, target: string, signal: AbortSignal): HttpExchange {
    const mark = target.indexOf("?");
    const rawQuery = mark < 0 ? "" : target.slice(mark + 1);
    const { socket, headers } = request;
    const direct = socket.remoteAddress ?? "";
    const { trustsProxy, webSessions } = this.#options;
    const forwarded = trustsProxy(direct) ? readForwarded(headers, trustsProxy) : undefined;
    const scheme = forwarded?.scheme ?? (this.#certificate === undefined ? "http" : "https");
    const host = forwarded?.host ?? headers.host ?? `localhost:${this.port}`;
    return {
      request,
      response,
      path: mark < 0 ? target : target.slice(0, mark),
      query: new URLSearchParams(rawQuery),
      rawQuery,
      remote: {
        address: forwarded?.address ?? direct,
        port: socket.remotePort ?? 0,
      },
      credentials: (headers.authorization === undefined && webSessions?.credentialsOf(request)) || httpCredentials(headers.authorization),
      publicUrl: `${scheme}://${host}${forwarded?.prefix ?? ""}`,
      signal,
    };
  }
}

function slotKey({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, { "Content-Type": "application/json; charset=utf-8", "Content-Length": body.length }).end(body);
}

/** The error envelope of every MediaMTX server. A text that has something of the request in it is no longer than it has to be. */
export function sendError(response: ServerResponse, status: number, error: string): void {
  const shown = error.length > MAX_ERROR_LENGTH ? `${error.slice(0, MAX_ERROR_LENGTH)}…` : error;
  sendJson(response, status, { status: "error", error: shown });
}

/** Hands bytes to the client; resolves when it may have more. Rejects when it is gone. */
export async function writeBody(response: ServerResponse, bytes: Buffer, signal: AbortSignal): Promise<void> {
  if (signal.aborted || response.destroyed) throw new HttpFault(499, "the client is gone");
  if (response.write(bytes)) return;
  await new Promise<void>((resolve, reject) => {
    const end = (): void => {
      response.off("drain", drained);
      signal.removeEventListener("abort", gone);
    };
    const drained = (): void => {
      end();
      resolve();
    };
    const gone = (): void => {
      end();
      reject(new HttpFault(499, "the client is gone"));
    };
    response.once("drain", drained);
    signal.addEventListener("abort", gone, { once: true });
  });
}
