// The NOC's connection to the broker: no will, nothing kept for it, and as much to read as a fleet has to say.
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { CallerFault, errorText } from "#base/errors.ts";
import { ConnectionLoss } from "#fleet/connection-loss.ts";
import {
  type Connection,
  type ConnectionOptions,
  connectMqtt,
  type IncomingMessage,
  type OutgoingMessage,
  type TlsFiles,
} from "#fleet/mqtt-connection.ts";
import type { WireLimits } from "#fleet/wire-guard.ts";

export interface BrokerAccess {
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  readonly tls: TlsFiles;
}

const KEEPALIVE_SECONDS = 60;
const CONNECT_MS = 30_000;
/** Of a fleet of a hundred thousand. */
const LIMITS: WireLimits = {
  packetBytes: 256 * 1024,
  burstPackets: 2e6,
  packetsPerSecond: 20_000,
  burstBytes: 1 << 30,
  bytesPerSecond: 64 << 20,
};
/** Retained messages of a subscription come at once: when nothing came for so long there are no more. */
const QUIET_MS = 1000;

export class NocConnection {
  readonly #connection: Connection;
  readonly #listeners: Set<(message: IncomingMessage) => void>;

  private constructor(connection: Connection, listeners: Set<(message: IncomingMessage) => void>) {
    this.#connection = connection;
    this.#listeners = listeners;
  }

  /** With MQTT 5, or with 3.1.1 where the broker has that alone. Rejects with a CallerFault that says why there is none. */
  static async open(access: BrokerAccess, signal: AbortSignal): Promise<NocConnection> {
    const listeners = new Set<(message: IncomingMessage) => void>();
    const options: ConnectionOptions = {
      ...access,
      version: 5,
      clientId: `noc-cli-${randomBytes(6).toString("hex")}`,
      isFleeting: true,
      limits: LIMITS,
      keepaliveSeconds: KEEPALIVE_SECONDS,
      timeoutMs: CONNECT_MS,
      onMessage: async (message) => {
        for (const listener of [...listeners]) listener(message);
      },
    };
    try {
      return new NocConnection(await connectOld(options, signal), listeners);
    } catch (error) {
      if (!(error instanceof ConnectionLoss)) throw error;
      throw new CallerFault("timed-out", `no connection to ${access.url}: ${error.message}`);
    }
  }

  /** Resolves with why, when it ends. */
  get ended(): Promise<ConnectionLoss> {
    return this.#connection.ended;
  }

  /** The listener must not throw. The returned function ends it. */
  listen(listener: (message: IncomingMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Rejects with a CallerFault where the broker refuses it. Topics of a whole fleet are asked for with QoS 0: with QoS 1 a broker holds so many messages for a
   * client at most, mosquitto 1,020, and drops the rest of what it keeps, and of what gateways say at once.
   */
  async subscribe(topics: readonly string[]): Promise<void> {
    const isFleet = topics.some((topic) => topic.includes("+"));
    await this.#connection.subscribe(topics, isFleet ? 0 : 1).catch((error: unknown) => {
      throw new CallerFault("unauthorized", errorText(error));
    });
  }

  /** Rejects with a CallerFault where the broker refuses it, or goes. */
  async publish(message: OutgoingMessage): Promise<void> {
    await this.#connection.publish(message).catch((error: unknown) => {
      throw new CallerFault("unauthorized", `the broker did not take a message on ${message.topic}: ${errorText(error)}`);
    });
  }

  /** What the broker keeps on these topics, by topic; empty payloads are not there. */
  async retained(topics: readonly string[], quietMs = QUIET_MS): Promise<ReadonlyMap<string, Buffer>> {
    const found = new Map<string, Buffer>();
    let seen = 0;
    const stop = this.listen(({ topic, payload, isRetained }) => {
      seen++;
      if (isRetained && payload.length > 0) found.set(topic, payload);
    });
    try {
      await this.subscribe(topics);
      for (let before = -1; before !== seen; ) {
        before = seen;
        await delay(quietMs);
      }
      return found;
    } finally {
      stop();
    }
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}

async function connectOld(options: ConnectionOptions, signal: AbortSignal): Promise<Connection> {
  try {
    return await connectMqtt(options, signal);
  } catch (error) {
    if (!(error instanceof ConnectionLoss) || error.notes.isVersionRefused !== true) throw error;
    return await connectMqtt({ ...options, version: 4 }, signal);
  }
}
