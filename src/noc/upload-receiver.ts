// Takes files that gateways send (docs/uploads.md), each into a place of its own below a folder: from whoever has leave for that name.
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { TlsPair } from "#http/certificate.ts";
import { HttpFault } from "#http/http-fault.ts";
import { parseReprDigest, parseUploadRange, type UploadRange, writeHeldBytes, writeReprDigest } from "#http/upload-headers.ts";
import { parseUploadPath } from "./upload-name.ts";
import type { Upload, UploadFacts, UploadStore } from "./upload-store.ts";
import { readUploadToken } from "./upload-tokens.ts";

export interface UploadReceiverOptions {
  readonly store: UploadStore;
  readonly tls: TlsPair;
  /** PEM, who vouches for gateways: one with its certificate may send what begins with its name. Undefined: nobody. */
  readonly clientAuthority: Buffer | undefined;
  /** PEM, certificates that count no more. */
  readonly revoked?: Buffer | undefined;
  /** That tokens are made with. */
  readonly tokenKey: Buffer;
  /** UTC, ms. */
  nowMs(): number;
  readonly log: Log;
  /** A file is whole. */
  readonly onReceived: (file: ReceivedFile) => void;
}

export interface ReceivedFile {
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** Hex. */
  readonly sha256: string;
  /** Who sent it. */
  readonly by: string;
}

/** The socket's, in which nothing comes. */
const SILENCE_MS = 60_000;
const HEADERS_MS = 10_000;
const HANDSHAKE_MS = 5000;
const MAX_HEADER_BYTES = 16_384;
const MAX_CONNECTIONS = 256;
const MAX_BUSY = 64;

export class UploadReceiver {
  readonly #options: UploadReceiverOptions;
  readonly #server: Server;
  #busy = 0;

  constructor(options: UploadReceiverOptions) {
    this.#options = options;
    this.#server = createServer({
      ...options.tls,
      ...this.#clientRules(),
      requestCert: options.clientAuthority !== undefined,
      rejectUnauthorized: false, // a token will do
      handshakeTimeout: HANDSHAKE_MS,
      headersTimeout: HEADERS_MS,
      requestTimeout: 0, // a slow link takes as long as it takes, while something comes
      maxHeaderSize: MAX_HEADER_BYTES,
    });
    this.#server.timeout = SILENCE_MS;
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on("request", (request, response) => void this.#serve(request, response, false));
    this.#server.on("checkContinue", (request, response) => void this.#serve(request, response, true));
    this.#server.on("tlsClientError", (error) => options.log.debug(`a connection was refused: ${errorText(error)}`));
  }

  /** Resolves with the port. Rejects with the system's error. */
  listen(port: number, host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  /** Another certificate for new connections. */
  setSecureContext(pair: TlsPair): void {
    this.#server.setSecureContext({ ...pair, ...this.#clientRules() });
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  #clientRules() {
    const { clientAuthority, revoked } = this.#options;
    return clientAuthority === undefined ? {} : { ca: clientAuthority, ...(revoked !== undefined && { crl: revoked }) };
  }

  async #serve(request: IncomingMessage, response: ServerResponse, isAsked: boolean): Promise<void> {
    this.#busy++;
    try {
      if (this.#busy > MAX_BUSY) throw new HttpFault(503, "too many uploads at once");
      await this.#receive(request, response, isAsked);
    } catch (error) {
      if (response.headersSent || response.destroyed || request.socket.destroyed) return;
      const status = error instanceof HttpFault ? error.status : (error as NodeJS.ErrnoException).code === "ENOSPC" ? 507 : 500;
      if (status === 500) this.#options.log.error(`an upload failed: ${errorText(error)}`);
      const text = error instanceof HttpFault ? error.message : status === 507 ? "this receiver's disk is full" : "internal error";
      // What is still to come is not waited for.
      const headers = { "Content-Type": "text/plain", Connection: "close", ...(status === 503 && { "Retry-After": "10" }) };
      response.writeHead(status, { ...headers, ...(status === 401 && { "WWW-Authenticate": "Bearer" }) }).end(`${text}\n`);
    } finally {
      this.#busy--;
    }
  }

  async #receive(request: IncomingMessage, response: ServerResponse, isAsked: boolean): Promise<void> {
    const [path = ""] = (request.url ?? "").split("?");
    if (request.method !== "PUT") throw new HttpFault(405, "files are sent with PUT, and nothing else is served here");
    const name = parseUploadPath(path);
    if (name === undefined) throw new HttpFault(404, "this is no name of a file");
    const by = this.#authorize(request, name);
    const { range, facts, length } = wishOf(request);
    const upload = this.#options.store.upload(name);
    await upload.inTurn(async (signal) => {
      const stored = await upload.storedSha256();
      if (stored !== undefined) {
        if (stored !== facts.sha256) throw new HttpFault(409, "there is another file of that name");
        return void response.writeHead(200, { "Repr-Digest": writeReprDigest(stored), Connection: "close" }).end();
      }
      const isWhole = range === undefined;
      const held = await upload.heldBytes(facts);
      if (!isWhole && range.part === undefined) return answerHeld(response, held);
      const start = isWhole ? 0 : range.part!.start;
      if (!isWhole && start !== held) throw new HttpFault(416, `${held} bytes are there`);
      if (isAsked) response.writeContinue();
      endWith(request, signal);
      const reached = await upload.write(facts, start, length, request);
      if (reached < start + length) throw new HttpFault(400, "there are fewer bytes than Content-Range says");
      if (reached < facts.sizeBytes) return answerHeld(response, reached);
      await this.#finish(upload, { name, facts, by }, response);
    });
  }

  async #finish(
    upload: Upload,
    { name, facts, by }: { readonly name: string; readonly facts: UploadFacts; readonly by: string },
    response: ServerResponse,
  ): Promise<void> {
    const sha256 = await upload.finish(facts);
    this.#options.onReceived({ name, path: upload.path, sizeBytes: facts.sizeBytes, sha256, by });
    response.writeHead(201, { "Repr-Digest": writeReprDigest(sha256) }).end();
  }

  /** Who sends it. Throws a HttpFault. */
  #authorize(request: IncomingMessage, name: string): string {
    const { tokenKey, clientAuthority, nowMs } = this.#options;
    const { authorization } = request.headers;
    const socket = request.socket as TLSSocket;
    if (authorization !== undefined) {
      const [, word] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
      const token = readUploadToken(tokenKey, word ?? "", nowMs());
      if ("fault" in token) throw new HttpFault(401, `the token ${token.fault}`);
      if (token.name !== name) throw new HttpFault(403, "the token is for another name");
      return "a token";
    }
    const gateway = clientAuthority !== undefined && socket.authorized ? socket.getPeerCertificate().subject?.CN : undefined;
    if (gateway === undefined) throw new HttpFault(401, "a token is needed, or a certificate that is known here");
    if (!name.startsWith(`${String(gateway)}/`))
      throw new HttpFault(403, `${String(gateway)} may send what begins with ${String(gateway)}/`);
    return String(gateway);
  }
}

interface UploadWish {
  /** Undefined: the body is all of it. */
  readonly range: UploadRange | undefined;
  readonly facts: UploadFacts;
  /** Of the body. */
  readonly length: number;
}

/** Throws a HttpFault. */
function wishOf({ headers }: IncomingMessage): UploadWish {
  const text = headers["content-length"];
  if (text === undefined) throw new HttpFault(411, "Content-Length is needed");
  const length = Number(text);
  const digest = headers["repr-digest"];
  const sha256 = parseReprDigest(typeof digest === "string" ? digest : undefined);
  const header = headers["content-range"];
  if (header === undefined) {
    if (length === 0) throw new HttpFault(400, "an empty file");
    return { range: undefined, facts: { sizeBytes: length, sha256 }, length };
  }
  const range = parseUploadRange(header);
  if (range === undefined || range.sizeBytes === 0)
    throw new HttpFault(400, "Content-Range has to be like 'bytes 0-1048575/25165824' or 'bytes */25165824'");
  const wanted = range.part === undefined ? 0 : range.part.end - range.part.start;
  if (length !== wanted) throw new HttpFault(400, `Content-Length has to be ${wanted} for this Content-Range`);
  return { range, facts: { sizeBytes: range.sizeBytes, sha256 }, length };
}

function answerHeld(response: ServerResponse, held: number): void {
  const range = writeHeldBytes(held);
  response.writeHead(308, range === undefined ? {} : { Range: range }).end();
}

/** When another request has come for the same file this one's connection is of no use. */
function endWith(request: IncomingMessage, signal: AbortSignal): void {
  signal.addEventListener("abort", () => request.destroy(), { once: true });
  if (signal.aborted) request.destroy();
}
