// An RTSP connection that we open: requests and their answers, authentication, interleaved packets (RFC 2326). Used to pull and to push.
import { connect, type Socket } from "node:net";
import { type TLSSocket, connect as tlsConnect } from "node:tls";
import { errorText, PeerFault } from "#base/errors.ts";
import { plainAddress } from "#base/listen-address.ts";
import { resolveHost } from "#base/resolve-host.ts";
import { distrustOf, trustOptions } from "#base/tls-trust.ts";
import { type ChallengeOutcome, DigestClient } from "./digest-client.ts";
import { RtspSplitter } from "./interleaved.ts";
import { NO_BODY, RtspHeaders, type RtspRequest, type RtspResponse, rtspResponse, writeRequest, writeResponse } from "./message.ts";
import type { RtspUrl } from "./url.ts";

const CONNECT_TIMEOUT_MS = 5000;
const PROBE_TIMEOUT_MS = 1000;
const REQUEST_TIMEOUT_MS = 5000;
/** A DESCRIBE answer without Content-Length ends when nothing more comes for this long. */
const OPEN_BODY_MS = 2000;
const READ_BUFFER_BYTES = 64 * 1024;
/** Rounds of challenge and answer for one request: the first, a stale nonce, and one more. */
const MAX_AUTH_ROUNDS = 3;

/** What a server taught us. */
export interface ServerMemory {
  /** It asked for a digest, if only once: it does not get the bare password any more. */
  digestSeen: boolean;
}

export interface RtspClientOptions {
  /** `rtsps` is TLS. */
  readonly url: RtspUrl;
  /** SHA-256 of the certificate that is trusted alone; empty: the usual authorities. */
  readonly fingerprint: string;
  /** PEM; they vouch beside the usual ones. */
  readonly authorities?: readonly string[];
  /** Names what a fingerprint is set with, for whoever finds a server that nobody vouches for. */
  readonly fingerprintSetting?: string;
  /** Goes on to the next connection to this server. */
  readonly memory: ServerMemory;
  isKnownChannel(channel: number): boolean;
  onPacket(channel: number, bytes: Buffer, start: number, end: number): void;
  /** There was garbage between the packets, and they were found again. */
  onResync?(): void;
  /** Called once, whoever ended the connection. */
  onClosed(fault: PeerFault): void;
  /** What forbids to connect to one of the addresses of the host, in words; undefined: nothing. */
  addressFault?: AddressFault | undefined;
}

export type AddressFault = (address: string) => string | undefined;

interface Pending {
  readonly sequence: string;
  /** Ends its timers. */
  stop(): void;
  resolve(response: RtspResponse): void;
  reject(fault: PeerFault): void;
}

export class RtspClient {
  readonly socket: Socket;
  readonly #options: RtspClientOptions;
  readonly #splitter: RtspSplitter;
  readonly #auth: DigestClient | undefined;
  readonly #pending: Pending[] = [];
  #sequence = 0;
  #session: string | undefined;
  #fault: PeerFault | undefined;

  private constructor(socket: Socket, options: RtspClientOptions) {
    this.socket = socket;
    this.#options = options;
    const { user, pass } = options.url;
    if (user !== undefined) this.#auth = new DigestClient({ user, pass: pass ?? "", digestSeen: options.memory.digestSeen });
    this.#splitter = new RtspSplitter({
      isKnownChannel: options.isKnownChannel,
      onPacket: options.onPacket,
      onRequest: (request) => this.#answer(request),
      onResponse: (response) => this.#settle(response),
      onResync: () => options.onResync?.(),
      onFault: (fault) => this.close(fault),
    });
    socket.on("error", (error) => this.close(new PeerFault("connect", error.message)));
    socket.on("end", () => this.close(new PeerFault("ended", "the peer closed the connection")));
    socket.on("close", () => this.close(new PeerFault("ended", "the connection was lost")));
  }

  /** Connects to the first address of the host that answers. Rejects with a PeerFault: `connect`; `config` where one of the addresses is forbidden. */
  static async connect(options: RtspClientOptions, signal: AbortSignal): Promise<RtspClient> {
    const { scheme, host, port } = options.url;
    let addresses: readonly string[];
    try {
      addresses = await resolveHost(host);
    } catch (error) {
      throw new PeerFault("connect", `cannot resolve ${host}: ${errorText(error)}`);
    }
    const forbidden = addresses.map((address) => options.addressFault?.(address)).find((fault) => fault !== undefined);
    if (forbidden !== undefined) throw new PeerFault("config", forbidden);
    let last = new PeerFault("connect", `${host} has no address`);
    for (const address of addresses) {
      if (signal.aborted) throw new PeerFault("aborted", "closed");
      try {
        return await open({
          address,
          port,
          tls: scheme === "rtsps" ? { host, ...options } : undefined,
          signal,
          make: (socket) => new RtspClient(socket, options),
          take: (client, bytes) => client.#splitter.push(bytes),
        });
      } catch (error) {
        last = error as PeerFault;
      }
    }
    throw last;
  }

  /** Address of the peer, IPv4 without its IPv6 prefix. */
  get remoteAddress(): string {
    return plainAddress(this.socket.remoteAddress ?? "");
  }

  /** Bytes that belonged to no message and no packet. */
  get skippedBytes(): number {
    return this.#splitter.skippedBytes;
  }

  /** Sent with every request from now on. */
  setSession(id: string): void {
    this.#session = id;
  }

  /** Resolves with any answer but 401; rejects with a PeerFault: `auth`, `timeout`, or why the connection ended. */
  async request(
    method: string,
    url: string,
    headers: Readonly<Record<string, string>> = {},
    body: Buffer = NO_BODY,
  ): Promise<RtspResponse> {
    for (let round = 0; round < MAX_AUTH_ROUNDS; round++) {
      const response = await this.#exchange(method, url, headers, body);
      if (response.status !== 401) return response;
      const outcome = this.#auth?.accept(response.headers.getAll("WWW-Authenticate"));
      if (this.#auth?.digestSeen) this.#options.memory.digestSeen = true;
      if (outcome !== "retry" && outcome !== "stale") throw new PeerFault("auth", refusalText(outcome));
    }
    throw new PeerFault("auth", "the credentials are challenged again and again");
  }

  /** Ends the connection; what waits for an answer is rejected with `fault`. */
  close(fault: PeerFault): void {
    if (this.#fault !== undefined) return;
    this.#fault = fault;
    this.#splitter.stop();
    this.socket.destroy();
    for (const pending of this.#pending.splice(0)) {
      pending.stop();
      pending.reject(fault);
    }
    this.#options.onClosed(fault);
  }

  #exchange(method: string, url: string, extra: Readonly<Record<string, string>>, body: Buffer): Promise<RtspResponse> {
    if (this.#fault !== undefined) return Promise.reject(this.#fault);
    const sequence = String(++this.#sequence);
    const authorization = this.#auth?.authorize(method, url, body);
    const headers = RtspHeaders.of({
      CSeq: sequence,
      "User-Agent": "camgate",
      ...(authorization !== undefined && { Authorization: authorization }),
      ...(this.#session !== undefined && { Session: this.#session }),
      ...extra,
    });
    this.#splitter.expectBodyWithoutLength = method === "DESCRIBE";
    this.socket.write(writeRequest({ method, url, headers, body }));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.splice(this.#pending.indexOf(pending), 1);
        pending.stop();
        reject(new PeerFault("timeout", `no answer to ${method} within ${REQUEST_TIMEOUT_MS / 1000} s`));
      }, REQUEST_TIMEOUT_MS);
      const bodyTimer = method === "DESCRIBE" ? setInterval(() => this.#splitter.finishBody(), OPEN_BODY_MS) : undefined;
      const stop = (): void => {
        clearTimeout(timer);
        clearInterval(bodyTimer);
      };
      const pending: Pending = { sequence, stop, resolve, reject };
      this.#pending.push(pending);
    });
  }

  /** By CSeq; an answer without one, or with a wrong one, is taken for the oldest request, unless it comes too late for an earlier one. */
  #settle(response: RtspResponse): void {
    const sequence = response.headers.get("CSeq");
    if (this.#pending.length > 0 && Number(sequence) < Number(this.#pending[0]!.sequence)) return;
    const index = Math.max(
      0,
      this.#pending.findIndex((pending) => pending.sequence === sequence),
    );
    const [pending] = this.#pending.splice(index, 1);
    if (pending === undefined) return;
    pending.stop();
    pending.resolve(response);
  }

  /** Servers may send requests of their own: keepalives are welcome, the rest is not for us. */
  #answer(request: RtspRequest): void {
    const welcome = request.method === "OPTIONS" || request.method === "GET_PARAMETER";
    const headers = RtspHeaders.of({ CSeq: request.headers.get("CSeq") ?? "0" });
    this.socket.write(writeResponse(rtspResponse(welcome ? 200 : 501, headers)));
  }
}

function refusalText(outcome: ChallengeOutcome | undefined): string {
  switch (outcome) {
    case undefined:
      return "the peer asks for credentials and the URL has none";
    case "downgrade":
      return "the peer offers only Basic, though it offered Digest before: the password is not sent";
    case "unsupported":
      return "the peer asks for an authentication scheme that is not supported";
    case "refused":
    case "retry":
    case "stale":
      return "the credentials were refused";
  }
}

/** Whether somebody takes a TCP connection there now; it is closed at once. */
export async function isListening({ host, port }: RtspUrl, signal: AbortSignal, addressFault?: AddressFault): Promise<boolean> {
  const addresses = await resolveHost(host).catch(() => []);
  const [address] = addresses;
  if (address === undefined || signal.aborted || addresses.some((one) => addressFault?.(one) !== undefined)) return false;
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const settle = (answered: boolean): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      socket.destroy();
      resolve(answered);
    };
    const abort = (): void => settle(false);
    const timer = setTimeout(abort, PROBE_TIMEOUT_MS);
    signal.addEventListener("abort", abort);
    socket.once("connect", () => settle(true)).on("error", abort);
  });
}

interface OpenOptions {
  readonly address: string;
  readonly port: number;
  readonly tls: ({ readonly host: string } & Pick<RtspClientOptions, "fingerprint" | "authorities" | "fingerprintSetting">) | undefined;
  readonly signal: AbortSignal;
  make(socket: Socket): RtspClient;
  take(client: RtspClient, bytes: Buffer): void;
}

/** One TCP or TLS connection with a fixed read buffer: what `take` gets is only borrowed. */
function open({ address, port, tls, signal, make, take }: OpenOptions): Promise<RtspClient> {
  return new Promise((resolve, reject) => {
    let client: RtspClient | undefined;
    const options = {
      host: address,
      port,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES),
        callback: (count: number, buffer: Uint8Array) => {
          if (client !== undefined) take(client, (buffer as Buffer).subarray(0, count));
          return true;
        },
      },
    };
    const socket = tls === undefined ? connect(options) : tlsConnect({ ...options, ...trustOptions(tls.host, tls.authorities) });
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      socket.removeListener("error", onError);
    };
    const fail = (fault: PeerFault): void => {
      settle();
      socket.on("error", () => {});
      socket.destroy();
      reject(fault);
    };
    const onError = (error: Error): void => fail(new PeerFault("connect", error.message));
    const onAbort = (): void => fail(new PeerFault("aborted", "closed"));
    const timer = setTimeout(() => fail(new PeerFault("connect", `no connection to ${address} port ${port}`)), CONNECT_TIMEOUT_MS);
    signal.addEventListener("abort", onAbort);
    socket.once("error", onError);
    socket.once(tls === undefined ? "connect" : "secureConnect", () => {
      // Before anything is sent: a stranger learns no password.
      const distrust = tls && distrustOf(socket as TLSSocket, tls.fingerprint);
      const cure = tls?.fingerprint === "" ? `: if that is the right one, set ${tls.fingerprintSetting ?? "sourceFingerprint"} to it` : "";
      if (distrust !== undefined) return fail(new PeerFault("connect", `${distrust}${cure}`));
      settle();
      client = make(socket);
      resolve(client);
    });
  });
}
