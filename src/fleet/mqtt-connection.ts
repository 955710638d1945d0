// One connection to one broker. The only file that knows mqtt.js: it neither reconnects nor queues here, and each of its callbacks can only end the connection.
import { isIP, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { connect, type IClientOptions, type IClientPublishOptions, type IPublishPacket, MqttClient } from "mqtt";
import { errorText } from "#base/errors.ts";
import { ConnectionLoss, closedByUs, lossOf, lossOfCode } from "./connection-loss.ts";
import { type EarlyTime, type EarlyTls, openEarlyTls } from "./early-tls.ts";
import { WIRE_LIMITS, WireGuard, type WireLimits } from "./wire-guard.ts";

/** MQTT 3.1.1 is protocol level 4. */
export type MqttVersion = 4 | 5;

/** PEM. */
export interface TlsFiles {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

export interface ConnectionOptions {
  /** `mqtt:`, `mqtts:`, `ws:` or `wss:`. */
  readonly url: string;
  readonly version: MqttVersion;
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  readonly tls: TlsFiles;
  /** What is known of the time, where the system's clock is wrong. Default: it is right. */
  readonly time?: EarlyTime;
  /** Of an earlier connection to this broker. */
  readonly tlsSession?: Buffer;
  /** Absent: none. */
  readonly will?: { readonly topic: string; readonly payload: string; readonly delaySeconds: number };
  /** The broker keeps nothing for this client when it goes. Default: it does, as gateways want it. */
  readonly isFleeting?: boolean;
  /** What a broker may send. Default: what a gateway has to expect. */
  readonly limits?: WireLimits;
  readonly keepaliveSeconds: number;
  /** Until the broker has answered. */
  readonly timeoutMs: number;
  /** The broker may forget the message when this resolves. Must not reject. */
  onMessage(message: IncomingMessage): Promise<void>;
  /** The next connection to this broker can be set up faster with it. */
  onTlsSession?(session: Buffer): void;
}

export interface IncomingMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly isRetained: boolean;
  /** MQTT 5 alone. */
  readonly responseTopic: string | undefined;
}

export interface OutgoingMessage {
  readonly topic: string;
  readonly payload: Buffer | string;
  readonly qos: 0 | 1;
  readonly retain?: boolean;
  /** These are told with MQTT 5 alone. */
  readonly expirySeconds?: number;
  readonly contentType?: string;
  readonly correlation?: string;
  readonly responseTopic?: string;
}

export interface Connection {
  readonly version: MqttVersion;
  /** Set where the broker's certificate could not be checked by the system's clock: what is wrong with its dates, once the time is known. */
  readonly datesFault?: ((nowMs: number) => string | undefined) | undefined;
  /** Resolves with why it ended. */
  readonly ended: Promise<ConnectionLoss>;
  /** Messages with QoS 1 that the broker takes at once. */
  readonly receiveMaximum: number;
  /** Rejects where the broker refuses one of them. */
  subscribe(topics: readonly string[], qos?: 0 | 1): Promise<void>;
  /** QoS 1: resolves when the broker has it. Rejects with a PublishRefusal where the broker refuses it, with a ConnectionLoss when the connection ends before. */
  publish(message: OutgoingMessage): Promise<void>;
  /** Says good-bye: no will is sent. Never rejects. */
  close(): Promise<void>;
  /** Ends it at once. */
  drop(loss: ConnectionLoss): void;
  readonly facts: ConnectionFacts;
}

/** What a connection was, so far. */
export interface ConnectionFacts {
  /** In messages of MQTT, without what carries them. */
  readonly sentBytes: number;
  /** How long the broker's name took to look up; undefined: it is an address, or the connection goes over HTTP. */
  readonly lookupMs: number | undefined;
  /** How long the broker took over the last message that it acknowledged, or the last ping. */
  readonly answerMs: number | undefined;
  /** Of its socket; undefined: it goes over HTTP, or has ended. */
  readonly descriptor: number | undefined;
}

/** Rejects with a ConnectionLoss. */
export type Connect = (options: ConnectionOptions, signal: AbortSignal) => Promise<Connection>;

/** The broker took the message and does not want it: MQTT 5 §3.4.2.1. */
export class PublishRefusal extends Error {}

const SESSION_EXPIRY_SECONDS = 3600;
/** Messages that we work on at once; the broker is told with MQTT 5, and made to wait with 3.1.1. */
const RECEIVE_MAXIMUM = 20;
/** Of brokers that say nothing: few are asked to take more at once. */
const USUAL_RECEIVE_MAXIMUM = 20;
/** What may wait in memory for a broker that reads nothing, before messages with QoS 0 are left out. */
const MAX_UNSENT_BYTES = 256 * 1024;
const GOODBYE_MS = 2000;

export const connectMqtt: Connect = async (options, signal) => {
  const { time, tls, url, timeoutMs } = options;
  const { protocol, hostname, port } = new URL(url);
  const isEncrypted = protocol === "mqtts:" || protocol === "wss:";
  if (time === undefined || !isEncrypted || tls.ca === undefined) return connectWith(options, signal, undefined);
  const place = { host: bare(hostname), port: Number(port) || (protocol === "wss:" ? 443 : 8883) };
  return connectWith(options, signal, await openEarlyTls({ ...place, tls, time, timeoutMs }, signal));
};

const connectWith = (options: ConnectionOptions, signal: AbortSignal, early: EarlyTls | undefined): Promise<Connection> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(closedByUs());
      return;
    }
    let link: MqttLink;
    try {
      link = new MqttLink(options, early, reject);
    } catch (error) {
      reject(lossOf(error)); // files that are no certificates
      return;
    }
    const abort = (): void => link.drop(closedByUs());
    signal.addEventListener("abort", abort, { once: true });
    void link.ended.then(() => signal.removeEventListener("abort", abort));
    link.onConnected = () => resolve(link);
  });

class MqttLink implements Connection {
  readonly version: MqttVersion;
  readonly datesFault: Connection["datesFault"];
  readonly ended: Promise<ConnectionLoss>;
  receiveMaximum = USUAL_RECEIVE_MAXIMUM;
  onConnected: (() => void) | undefined;
  readonly #client: MqttClient;
  readonly #guard: WireGuard;
  readonly #options: ConnectionOptions;
  #end!: (loss: ConnectionLoss) => void;
  #loss: ConnectionLoss | undefined;
  /** Messages of the broker that are worked on, and the one that is not read on after until one of them is done. */
  #working = 0;
  #readOn: (() => void) | undefined;
  #serverReference: string | undefined;
  #sentBytes = 0;
  #lookupMs: number | undefined;
  #pingedMs: number | undefined;
  #answerMs: number | undefined;

  /** `refused` is called with a loss that comes before the connection stands, or after. */
  constructor(options: ConnectionOptions, early: EarlyTls | undefined, refused: (loss: ConnectionLoss) => void) {
    this.#options = options;
    this.datesFault = early?.datesFault;
    this.version = options.version;
    this.#guard = new WireGuard(options.limits ?? WIRE_LIMITS, performance.now());
    this.ended = new Promise((resolve) => {
      this.#end = (loss) => {
        refused(loss);
        resolve(loss);
      };
    });
    const begunMs = performance.now();
    const client = clientOf(options, early?.socket);
    this.#client = client;
    this.#watch(client.stream);
    // An answer in two messages does not wait for the broker's word on the first. WebSockets do so by themselves.
    if (client.stream instanceof Socket) client.stream.setNoDelay(true);
    this.#count(client.stream);
    client.stream.once("lookup", () => {
      this.#lookupMs = performance.now() - begunMs;
    });
    client.on("packetsend", ({ cmd }) => {
      if (cmd === "pingreq") this.#pingedMs = performance.now();
    });
    // A session remembers what its certificate was worth: one of a connection whose dates were not checked is not taken up again.
    if (early === undefined) client.stream.on("session", (session: Buffer) => options.onTlsSession?.(session));
    client.on("error", (error) => this.drop(lossOf(error)));
    client.on("disconnect", ({ reasonCode = 0 }) => this.drop(lossOfCode(reasonCode)));
    client.on("close", () => this.drop(new ConnectionLoss("server", "the broker closed the connection")));
    client.handleMessage = (packet, readOn) => this.#receive(packet, readOn);
    client.on("packetreceive", (packet) => {
      if (packet.cmd === "pingresp") this.#noteAnswer(this.#pingedMs);
      if (packet.cmd === "connack") this.#serverReference = packet.properties?.serverReference;
    });
    client.once("connect", ({ properties }) => {
      if (properties?.maximumQoS === 0) this.drop(new ConnectionLoss("auth", "the broker takes no messages with QoS 1"));
      this.receiveMaximum = properties?.receiveMaximum ?? USUAL_RECEIVE_MAXIMUM;
      this.onConnected?.();
    });
  }

  async subscribe(topics: readonly string[], qos: 0 | 1 = 1): Promise<void> {
    try {
      const grants = await this.#orLoss(this.#client.subscribeAsync([...topics], { qos, rap: true }));
      const refused = grants.find(({ qos }) => qos > 2);
      if (refused !== undefined) throw new Error(refused.topic);
    } catch (error) {
      if (error instanceof ConnectionLoss) throw error;
      throw new ConnectionLoss("auth", `the broker refuses a subscription: ${errorText(error)}`);
    }
  }

  publish({ topic, payload, qos, retain = false, expirySeconds, contentType, correlation, responseTopic }: OutgoingMessage): Promise<void> {
    // Without a connection the library would queue it without bound, and send it in its own time.
    if (this.#loss !== undefined) return Promise.reject(this.#loss);
    if (qos === 0 && this.#client.stream.writableLength > MAX_UNSENT_BYTES)
      return Promise.reject(new PublishRefusal("the broker does not read what is sent to it"));
    if (qos === 1) this.#guard.expectAck();
    const properties: NonNullable<IClientPublishOptions["properties"]> = {
      ...(expirySeconds !== undefined && { messageExpiryInterval: expirySeconds }),
      ...(contentType !== undefined && { contentType }),
      ...(correlation !== undefined && { correlationData: Buffer.from(correlation) }),
      ...(responseTopic !== undefined && { responseTopic }),
    };
    const sentMs = performance.now();
    const sent = this.#client.publishAsync(topic, payload as Buffer, { qos, retain, ...(this.version === 5 && { properties }) }).then(
      () => {
        if (qos === 1) this.#noteAnswer(sentMs);
      },
      (error: unknown) => {
        throw this.#loss ?? new PublishRefusal(errorText(error));
      },
    );
    return this.#orLoss(sent);
  }

  async close(): Promise<void> {
    if (this.#loss !== undefined) return;
    const late = setTimeout(() => this.drop(closedByUs()), GOODBYE_MS);
    this.#client.end(false, { reasonCode: 0 });
    await this.ended;
    clearTimeout(late);
  }

  drop(loss: ConnectionLoss): void {
    if (this.#loss !== undefined) return;
    this.#loss = this.#serverReference === undefined ? loss : loss.towards(this.#serverReference);
    this.#client.end(true);
    this.#end(this.#loss);
  }

  get facts(): ConnectionFacts {
    // Node has no other way to it.
    const { _handle: handle } = this.#client.stream as { readonly _handle?: { readonly fd?: number } | null };
    return { sentBytes: this.#sentBytes, lookupMs: this.#lookupMs, answerMs: this.#answerMs, descriptor: handle?.fd };
  }

  #noteAnswer(sinceMs: number | undefined): void {
    if (sinceMs !== undefined) this.#answerMs = performance.now() - sinceMs;
  }

  #count(stream: MqttClient["stream"]): void {
    this.#sentBytes = stream.writableLength; // what a connection begins with waits in it already
    const write = stream.write.bind(stream) as (...words: readonly unknown[]) => boolean;
    stream.write = (chunk: Buffer | string, ...rest: readonly unknown[]): boolean => {
      this.#sentBytes += Buffer.byteLength(chunk);
      return write(chunk, ...rest);
    };
  }

  /** Bytes go by the guard before anything of them is parsed: sockets and WebSockets alike hand them to `push`. */
  #watch(stream: MqttClient["stream"]): void {
    const push = stream.push.bind(stream);
    stream.push = (chunk: Buffer | null): boolean => {
      const fault = chunk === null ? undefined : this.#guard.push(chunk, performance.now());
      if (fault === undefined) return push(chunk);
      this.drop(new ConnectionLoss("server", `the broker is not to be believed: ${fault}`));
      return false;
    };
  }

  #orLoss<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.ended.then((loss) => Promise.reject(loss))]);
  }

  /** What else the broker sends is read on meanwhile: acknowledgements and answers to pings do not wait for a disk. */
  #receive({ topic, payload, retain, properties, qos, messageId }: IPublishPacket, readOn: (error?: Error) => void): void {
    const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
    const work = this.#options.onMessage({ topic, payload: bytes, isRetained: retain, responseTopic: properties?.responseTopic });
    this.#working++;
    void work.then(() => {
      this.#working--;
      if (qos === 1 && this.#loss === undefined) this.#client["_sendPacket"]({ cmd: "puback", messageId: messageId!, reasonCode: 0 });
      this.#readOn?.();
      this.#readOn = undefined;
    });
    // The error says to the library that it is not the one to acknowledge.
    const go = (): void => readOn(qos === 1 ? new Error("acknowledged when it is done") : undefined);
    if (this.#working < RECEIVE_MAXIMUM) go();
    else this.#readOn = go;
  }
}

/** `socket`: a connection to the broker that stands already, in TLS. */
function clientOf(options: ConnectionOptions, socket: TLSSocket | undefined): MqttClient {
  const settings = clientOptions(options);
  if (socket === undefined) return connect(options.url, settings);
  if (options.url.startsWith("mqtts:")) return new MqttClient(() => socket, settings);
  return connect(options.url, { ...settings, wsOptions: { ...settings.wsOptions, createConnection: () => socket } });
}

/** A host as sockets want it: an IPv6 address without brackets. */
function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "");
}

function clientOptions(options: ConnectionOptions): IClientOptions {
  const { url, version, clientId, username, password, tls, tlsSession, will, keepaliveSeconds, timeoutMs } = options;
  const { isFleeting = false } = options;
  const { hostname, protocol } = new URL(url);
  const host = bare(hostname);
  const isEncrypted = protocol === "mqtts:" || protocol === "wss:";
  const trust = { ...tls, minVersion: "TLSv1.2", rejectUnauthorized: true, ...(isIP(host) === 0 && { servername: host }) } as const;
  return {
    ...(isEncrypted && trust),
    ...(isEncrypted && tlsSession !== undefined && { session: tlsSession }),
    ...(protocol.startsWith("ws") && {
      wsOptions: {
        ...(isEncrypted && trust),
        perMessageDeflate: false,
        maxPayload: 2 * WIRE_LIMITS.packetBytes,
        handshakeTimeout: timeoutMs,
      },
    }),
    clientId,
    protocolVersion: version,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    clean: isFleeting,
    keepalive: keepaliveSeconds,
    reschedulePings: true,
    connectTimeout: timeoutMs,
    reconnectPeriod: 0,
    queueQoSZero: false,
    resubscribe: false,
    timerVariant: "native",
    ...(will !== undefined && {
      will: {
        topic: will.topic,
        payload: Buffer.from(will.payload),
        qos: 1,
        retain: true,
        ...(version === 5 && { properties: { willDelayInterval: will.delaySeconds } }),
      },
    }),
    ...(version === 5 && {
      properties: {
        sessionExpiryInterval: isFleeting ? 0 : SESSION_EXPIRY_SECONDS,
        receiveMaximum: RECEIVE_MAXIMUM,
        maximumPacketSize: WIRE_LIMITS.packetBytes,
      },
    }),
  };
}
