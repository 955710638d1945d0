// Connections to a broker that does what a test says: it takes messages, keeps them waiting, refuses them, and goes.
import { type Deferred, deferred } from "#base/deferred.ts";
import { ConnectionLoss } from "#fleet/connection-loss.ts";
import type {
  Connect,
  Connection,
  ConnectionFacts,
  ConnectionOptions,
  IncomingMessage,
  MqttVersion,
  OutgoingMessage,
} from "#fleet/mqtt-connection.ts";

export interface PublishedMessage extends OutgoingMessage {
  /** As it was sent. */
  // biome-ignore lint/suspicious/noExplicitAny: documents of every kind
  readonly json: any;
}

export class ScriptedConnection implements Connection {
  readonly version: MqttVersion;
  readonly ended: Promise<ConnectionLoss>;
  receiveMaximum = 20;
  facts: ConnectionFacts = { sentBytes: 0, lookupMs: undefined, answerMs: undefined, descriptor: undefined };
  readonly options: ConnectionOptions;
  readonly published: PublishedMessage[] = [];
  readonly subscribed: string[] = [];
  isClosed = false;
  /** While it is false, messages with QoS 1 wait in `unacknowledged`. */
  acknowledges = true;
  readonly unacknowledged: Deferred<void>[] = [];
  readonly #end = deferred<ConnectionLoss>();

  constructor(options: ConnectionOptions) {
    this.options = options;
    this.version = options.version;
    this.ended = this.#end.promise;
  }

  async subscribe(topics: readonly string[]): Promise<void> {
    this.subscribed.push(...topics);
  }

  async publish(message: OutgoingMessage): Promise<void> {
    const { payload } = message;
    const json = typeof payload === "string" ? JSON.parse(payload) : undefined;
    this.published.push({ ...message, json });
    if (message.qos === 0 || this.acknowledges) return;
    const ack = deferred<void>();
    this.unacknowledged.push(ack);
    await Promise.race([ack.promise, this.ended.then((loss) => Promise.reject(loss))]);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.drop(new ConnectionLoss("link", "closed"));
  }

  drop(loss: ConnectionLoss): void {
    this.#end.resolve(loss);
  }

  /** To the gateway; resolves when it would be acknowledged. */
  send(message: Partial<IncomingMessage> & Pick<IncomingMessage, "topic">): Promise<void> {
    return this.options.onMessage({ payload: Buffer.alloc(0), isRetained: false, responseTopic: undefined, ...message });
  }
}

export class ScriptedBroker {
  readonly attempts: ConnectionOptions[] = [];
  readonly connections: ScriptedConnection[] = [];
  /** Why an attempt fails; undefined: it does not. */
  refuses: (options: ConnectionOptions) => ConnectionLoss | undefined = () => undefined;
  /** Before anything is sent over it. */
  onConnection: (connection: ScriptedConnection) => void = () => {};

  readonly connect: Connect = async (options, signal) => {
    if (signal.aborted) throw new ConnectionLoss("link", "aborted");
    this.attempts.push(options);
    const refusal = this.refuses(options);
    if (refusal !== undefined) throw refusal;
    const connection = new ScriptedConnection(options);
    signal.addEventListener("abort", () => connection.drop(new ConnectionLoss("link", "aborted")));
    this.connections.push(connection);
    this.onConnection(connection);
    return connection;
  };
}
