// One HTTP request of ours to another server: bounded in time and size, its certificate pinned before a byte is sent.
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from "node:http";
import { isIP, type LookupFunction } from "node:net";
import { type TLSSocket, connect as tlsConnect } from "node:tls";
import { errorText } from "#base/errors.ts";
import { resolveHost } from "#base/resolve-host.ts";
import { distrustOf, trustOptions } from "#base/tls-trust.ts";

export interface OutgoingRequest {
  readonly method: string;
  /** `http://` or `https://`; user and password in it become Basic credentials. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** SHA-256 of the server's certificate in hex, with or without colons: it is trusted, and no other. Empty: the usual authorities. */
  readonly fingerprint: string;
  /** PEM; they vouch beside the usual ones. */
  readonly authorities?: readonly string[];
  /** What forbids to connect to one of the addresses of the host, in words; undefined: nothing. */
  addressFault?: ((address: string) => string | undefined) | undefined;
  /** For all of it, from the name's resolution to the last byte. */
  readonly timeoutMs: number;
  /** More of an answer with this status is not read; 0: nothing. */
  readonly maxBytes: (status: number) => number;
  readonly signal: AbortSignal;
}

export interface IncomingReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** There was more. */
  readonly cut: boolean;
}

/** Redirects are not followed. Rejects when there is no answer; the error's text holds no secret. */
export async function sendRequest(outgoing: OutgoingRequest): Promise<IncomingReply> {
  const { timeoutMs, signal } = outgoing;
  const ended = new AbortController();
  const stop = (): void => ended.abort();
  const timer = setTimeout(() => ended.abort(new Error(`no answer within ${timeoutMs / 1000} s`)), Math.min(timeoutMs, 2 ** 31 - 1));
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    const response = await send(outgoing, ended.signal);
    try {
      return await readBody(response, outgoing.maxBytes(response.statusCode ?? 0));
    } finally {
      response.destroy();
    }
  } catch (error) {
    throw new Error(textOf(ended.signal.aborted ? ended.signal.reason : error));
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    ended.abort();
  }
}

async function send(outgoing: OutgoingRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const { method, url, headers, body, addressFault } = outgoing;
  const { protocol, hostname, port, pathname, search, username, password } = new URL(url);
  const secure = protocol === "https:";
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const size = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
  const options: RequestOptions = {
    host,
    port: port || (secure ? 443 : 80),
    path: pathname + search,
    method,
    headers: { ...headers, ...size, Host: new URL(url).host },
    lookup: lookupOf(addressFault),
    signal,
    ...(username !== "" && { auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}` }),
  };
  // An address is not looked up.
  const forbidden = isIP(host) === 0 ? undefined : addressFault?.(host);
  if (forbidden !== undefined) throw new Error(forbidden);
  const socket = secure ? await connectTrusted(host, Number(port || 443), outgoing, signal) : undefined;
  return new Promise((resolve, reject) => {
    const connection = socket === undefined ? { agent: false } : { createConnection: () => socket };
    const request = httpRequest({ ...options, ...connection });
    request.on("error", reject).on("response", resolve).end(body);
  });
}

/** The certificate is looked at before the request is written: a stranger learns no password. */
function connectTrusted(
  host: string,
  port: number,
  { fingerprint, authorities, addressFault }: OutgoingRequest,
  signal: AbortSignal,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({ host, port, lookup: lookupOf(addressFault), ...trustOptions(host, authorities) });
    const giveUp = (): void => void socket.destroy(new Error("given up"));
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    socket.on("error", reject).once("close", () => {
      signal.removeEventListener("abort", giveUp);
      reject(new Error("the connection was closed"));
    });
    socket.once("secureConnect", () => {
      const distrust = distrustOf(socket, fingerprint);
      if (distrust === undefined) resolve(socket);
      else socket.destroy(new Error(distrust));
    });
  });
}

async function readBody(response: IncomingMessage, maxBytes: number): Promise<IncomingReply> {
  const { statusCode: status = 0, headers } = response;
  if (maxBytes === 0) return { status, headers, body: Buffer.alloc(0), cut: true };
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxBytes) break;
  }
  return { status, headers, body: Buffer.concat(chunks).subarray(0, maxBytes), cut: size > maxBytes };
}

/** Without libuv's thread pool, which slow disks may hold. What it answers is what is connected to. */
function lookupOf(addressFault: OutgoingRequest["addressFault"]): LookupFunction {
  return (hostname, options, done) => {
    resolveHost(hostname).then(
      (addresses) => {
        const forbidden = addressFault && addresses.map((address) => addressFault(address)).find((fault) => fault !== undefined);
        if (forbidden !== undefined) return done(new Error(forbidden), []);
        const all = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
        if (options.all === true) done(null, all);
        else done(null, all[0]!.address, all[0]!.family);
      },
      (error: NodeJS.ErrnoException) => done(error, []),
    );
  };
}

/** An error for several addresses has a code and no text. */
function textOf(error: unknown): string {
  return errorText(error) || ((error as NodeJS.ErrnoException).code ?? "no connection");
}
