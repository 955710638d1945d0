// A TCP proxy that does to a connection what networks and failing peers do: delay, lost and doubled bytes, garbage, half-open, silence, refusal.
import { connect, createServer, type Server, type Socket } from "node:net";
import { type Random, seededRandom } from "./mutate.ts";

/** What happens to what the server sends, chunk by chunk; shares from 0 to 1. */
export interface ChunkFaults {
  readonly loss?: number;
  readonly duplicate?: number;
  /** The chunk goes out behind the next one. */
  readonly swap?: number;
  readonly delayMs?: number;
}

export interface TcpFaultProxyOptions {
  readonly target: { readonly host: string; readonly port: number };
  readonly host?: string;
  /** Default: any free one. */
  readonly port?: number;
  readonly random?: Random;
}

/** Faults are drawn from `random`: the same seed and the same chunks give the same run. */
export class TcpFaultProxy {
  faults: ChunkFaults = {};
  /** Called at the first connection. */
  onFirst: (() => void) | undefined;
  /** Connections so far, those that are gone included. */
  accepted = 0;
  /** Bytes handed on, either way. */
  forwardedBytes = 0;
  readonly #options: TcpFaultProxyOptions;
  readonly #random: Random;
  readonly #links = new Set<Link>();
  #server: Server;
  #port: number;
  #silent = false;

  private constructor(options: TcpFaultProxyOptions, server: Server) {
    this.#options = options;
    this.#random = options.random ?? seededRandom(1);
    this.#server = server;
    this.#port = (server.address() as { port: number }).port;
    this.#accept(server);
  }

  static async listen(options: TcpFaultProxyOptions): Promise<TcpFaultProxy> {
    return new TcpFaultProxy(options, await listen(options.host, options.port ?? 0));
  }

  get port(): number {
    return this.#port;
  }

  /** Connections that are open. */
  get open(): number {
    return this.#links.size;
  }

  /** The peer is gone without a word: what is sent on any connection, old or new, is swallowed both ways, and nothing is closed. */
  goSilent(): void {
    this.#silent = true;
    for (const link of this.#links) link.goSilent();
  }

  /** The peer is back: new connections work; an old one is reset once it sends something. */
  comeBack(): void {
    this.#silent = false;
    for (const link of this.#links) link.resetOnData();
  }

  /** Nobody listens: connections are refused. Those that are open go on. */
  async refuse(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    if (this.#links.size === 0) await closed;
  }

  /** Listens again, on the same port. */
  async listenAgain(): Promise<void> {
    this.#server = await listen(this.#options.host, this.#port);
    this.#accept(this.#server);
  }

  /** Puts bytes into every connection, towards the client. A number: as many random ones. */
  insert(bytes: Buffer | number): void {
    const garbage = typeof bytes === "number" ? Buffer.from(Array.from({ length: bytes }, () => this.#random(256))) : bytes;
    for (const link of this.#links) link.insert(garbage);
  }

  /** Leaves out the next bytes of every connection, towards the client. */
  leaveOut(sizeBytes: number): void {
    for (const link of this.#links) link.leaveOut(sizeBytes);
  }

  /** Ends every connection towards both sides. */
  drop(): void {
    for (const link of this.#links) link.close();
  }

  async close(): Promise<void> {
    this.drop();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** For its connections: what becomes of one chunk. */
  drawFault(): "swap" | "loss" | "duplicate" | undefined {
    const { loss = 0, duplicate = 0, swap = 0 } = this.faults;
    if (loss + duplicate + swap === 0) return undefined;
    const drawn = this.#random(10_000) / 10_000;
    if (drawn < loss) return "loss";
    if (drawn < loss + duplicate) return "duplicate";
    return drawn < loss + duplicate + swap ? "swap" : undefined;
  }

  #accept(server: Server): void {
    server.on("connection", (socket) => {
      if (++this.accepted === 1) this.onFirst?.();
      const link = new Link(socket, this, this.#silent ? undefined : this.#options.target, () => this.#links.delete(link));
      this.#links.add(link);
    });
  }
}

/** One connection through the proxy. */
class Link {
  readonly #client: Socket;
  readonly #server: Socket | undefined;
  readonly #proxy: TcpFaultProxy;
  readonly #timers = new Set<NodeJS.Timeout>();
  #mode: "forward" | "silent" | "reset-on-data" = "forward";
  #leftOutBytes = 0;
  #held: Buffer | undefined;

  /** `target` undefined: the connection is accepted, and that is all. */
  constructor(
    client: Socket,
    proxy: TcpFaultProxy,
    target: { readonly host: string; readonly port: number } | undefined,
    onGone: () => void,
  ) {
    this.#client = client;
    this.#proxy = proxy;
    client.setNoDelay(true);
    client.on("error", () => {});
    client.on("close", () => {
      for (const timer of this.#timers) clearTimeout(timer);
      if (this.#mode === "forward") this.#server?.destroy();
      onGone();
    });
    client.on("data", (chunk: Buffer) => this.#onClientData(chunk));
    client.on("end", () => {
      if (this.#mode === "forward") this.#server?.end();
      else client.destroy();
    });
    if (target === undefined) {
      this.#mode = "silent";
      return;
    }
    const server = connect({ ...target, noDelay: true });
    this.#server = server;
    server.on("error", () => {});
    server.on("data", (chunk: Buffer) => this.#onServerData(chunk));
    server.on("close", () => {
      if (this.#mode === "forward") client.destroySoon();
    });
  }

  goSilent(): void {
    this.#mode = "silent";
    this.#server?.destroy(); // the peer lost its power: to it the connection is gone
  }

  resetOnData(): void {
    if (this.#mode === "silent") this.#mode = "reset-on-data";
  }

  insert(bytes: Buffer): void {
    if (this.#mode === "forward") this.#client.write(bytes);
  }

  leaveOut(sizeBytes: number): void {
    this.#leftOutBytes += sizeBytes;
  }

  close(): void {
    this.#client.destroy();
    this.#server?.destroy();
  }

  #onClientData(chunk: Buffer): void {
    if (this.#mode === "reset-on-data") this.#client.resetAndDestroy();
    if (this.#mode !== "forward") return;
    this.#proxy.forwardedBytes += chunk.length;
    this.#server!.write(chunk);
  }

  #onServerData(chunk: Buffer): void {
    if (this.#mode !== "forward") return;
    const leftOut = Math.min(this.#leftOutBytes, chunk.length);
    this.#leftOutBytes -= leftOut;
    const rest = chunk.subarray(leftOut);
    const fault = this.#proxy.drawFault();
    if (rest.length === 0 || fault === "loss") return;
    if (fault === "swap" && this.#held === undefined) {
      this.#held = rest;
      return;
    }
    this.#forward(rest);
    if (fault === "duplicate") this.#forward(rest);
    if (this.#held !== undefined) this.#forward(this.#held);
    this.#held = undefined;
  }

  #forward(chunk: Buffer): void {
    this.#proxy.forwardedBytes += chunk.length;
    const { delayMs = 0 } = this.#proxy.faults;
    if (delayMs === 0 && this.#timers.size === 0) {
      this.#client.write(chunk);
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#mode === "forward") this.#client.write(chunk);
    }, delayMs);
    this.#timers.add(timer);
  }
}

async function listen(host = "127.0.0.1", port: number): Promise<Server> {
  const server = createServer({ noDelay: true, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen({ host, port }, resolve));
  return server;
}
