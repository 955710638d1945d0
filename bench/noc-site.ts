// What the benchmarks of the NOC stand on: a broker that is ended with them, a client that hears everything, and a proxy that notes when a broker let a gateway in.
import { createServer, connect as openTcp, type Server, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { type Connection, connectMqtt, type IncomingMessage } from "#fleet/mqtt-connection.ts";
import type { Peer } from "#testing/peers/find-peer.ts";
import { startMosquitto } from "#testing/peers/mosquitto.ts";
import { type RunningPeer, startPeer, type TestScope } from "#testing/peers/run-peer.ts";
import type { ServerKind } from "./server-under-test.ts";

export const ROOT = "cg/v1/acme/gw-0001";
/** Nobody here sends more than this. */
const LIMITS = { packetBytes: 1 << 20, burstPackets: 1e9, packetsPerSecond: 1e9, burstBytes: 1e12, bytesPerSecond: 1e12 };
const PATIENCE_MS = 120_000;

/** Runs `measure`, and then ends what it has started, the last first. */
export async function withScope<T>(measure: (scope: TestScope) => Promise<T>): Promise<T> {
  const cleanups: (() => Promise<void>)[] = [];
  try {
    return await measure({ after: (cleanup) => void cleanups.push(cleanup) });
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

export interface HeardMessage {
  readonly topic: string;
  /** Undefined: it is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: documents of every kind
  readonly json: any;
  /** Of `performance.now()`. */
  readonly atMs: number;
}

/** Hears what is published, and publishes. */
export class NocEar {
  readonly messages: HeardMessage[] = [];
  readonly #waiting = new Set<() => void>();
  #connection: Connection | undefined;

  static async open(scope: TestScope, port: number, topics: readonly string[]): Promise<NocEar> {
    const ear = new NocEar();
    const connection = await connectMqtt(
      {
        ...{ url: `mqtt://127.0.0.1:${port}`, version: 5, clientId: "noc-bench-1", tls: {}, isFleeting: true, limits: LIMITS },
        ...{ keepaliveSeconds: 60, timeoutMs: 30_000 },
        onMessage: async (message) => ear.#hear(message),
      },
      new AbortController().signal,
    );
    scope.after(() => connection.close());
    await connection.subscribe(topics);
    ear.#connection = connection;
    return ear;
  }

  async publish(topic: string, payload: string, retain = false): Promise<void> {
    await this.#connection!.publish({ topic, payload, qos: 1, retain });
  }

  /** The first that fits, of those from `from` on. */
  async wait(what: string, fits: (message: HeardMessage) => boolean, from = 0): Promise<HeardMessage> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    for (let next = from; ; ) {
      for (; next < this.messages.length; next++) if (fits(this.messages[next]!)) return this.messages[next]!;
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) throw new Error(`not within ${PATIENCE_MS / 1000} s: ${what}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #hear({ topic, payload }: IncomingMessage): void {
    this.messages.push({ topic, json: jsonOf(payload), atMs: performance.now() });
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

function jsonOf(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** Stands before a broker; the first that a broker says on a connection is its CONNACK. */
export class ConnackProxy {
  /** When the last one came by, of `performance.now()`. */
  connackMs = Number.NaN;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(scope: TestScope, brokerPort: number): Promise<ConnackProxy> {
    const server = createServer({ noDelay: true });
    const proxy = new ConnackProxy(server);
    server.on("connection", (client) => {
      const broker = openTcp({ port: brokerPort, host: "127.0.0.1", noDelay: true });
      broker.once("data", () => {
        proxy.connackMs = performance.now();
      });
      proxy.#join(client, broker);
      proxy.#join(broker, client);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    scope.after(async () => {
      proxy.drop();
      server.close();
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Ends all connections. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on("data", (chunk) => to.write(chunk));
    from.on("error", () => {});
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}

/** A broker that keeps all that waits for whoever is away. */
export async function startBroker(scope: TestScope): Promise<number> {
  const { port } = await startMosquitto(scope, { config: "allow_anonymous true\nmax_queued_messages 0\nset_tcp_nodelay true" });
  return port;
}

/** The gateway alone, with no listener but its link. `more`: further lines of its config. */
export function startGateway(scope: TestScope, kind: ServerKind, folder: string, env: Readonly<Record<string, string>> = {}): RunningPeer {
  const own: Peer = { name: kind.name, file: kind.file, missing: false };
  const off = Object.fromEntries(["RTSP", "HLS", "MOQ", "RTMP", "SRT", "WEBRTC", "API"].map((name) => [`MTX_${name}`, "no"]));
  return startPeer(scope, own, [...kind.args, "bench.yml"], { cwd: folder, env: { ...off, ...kind.env, ...env }, timeoutMs: 600_000 });
}

/** `mqtt` of a gateway's config. */
export function mqttConfig(port: number, more = ""): string {
  return `mqtt:\n  urls: [mqtt://127.0.0.1:${port}]\n  tenant: acme\n  gatewayId: gw-0001\n${more}`;
}
