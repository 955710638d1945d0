// A broker of bytes (MQTT 5 and 3.1.1): it answers as a broker does, until a test replaces an answer, sends what nobody asked for, stalls, or goes.
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

export type RawPacketKind = "connect" | "publish" | "puback" | "subscribe" | "pingreq" | "disconnect" | "other";

export interface RawPacket {
  readonly kind: RawPacketKind;
  readonly flags: number;
  readonly body: Buffer;
}

/** What a broker answers a packet with; undefined: nothing. */
export type RawAnswer = (packet: RawPacket, connection: RawBrokerConnection) => Buffer | undefined;

export interface RawMessage {
  readonly topic: string;
  readonly qos: number;
  /** 0 with QoS 0. */
  readonly id: number;
  /** Undefined: it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: documents of every kind
  readonly json: any;
}

const KINDS: Readonly<Record<number, RawPacketKind>> = {
  1: "connect",
  3: "publish",
  4: "puback",
  8: "subscribe",
  12: "pingreq",
  14: "disconnect",
};

export class RawBroker {
  /** In place of the usual answers; may be changed at any time. */
  answers: Partial<Record<RawPacketKind, RawAnswer>> = {};
  /** Those that stand, and those that are gone, in their order. */
  readonly connections: RawBrokerConnection[] = [];
  /** Of all connections. */
  readonly messages: RawMessage[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => void this.connections.push(new RawBrokerConnection(socket, this)));
  }

  static async listen(answers: RawBroker["answers"] = {}, port = 0): Promise<RawBroker> {
    const server = createServer({ noDelay: true }).listen(port, "127.0.0.1");
    await once(server, "listening");
    const broker = new RawBroker(server);
    broker.answers = answers;
    return broker;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const { socket } of this.connections) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export class RawBrokerConnection {
  readonly socket: Socket;
  /** Of MQTT: 5, or 4 for 3.1.1. */
  version = 5;
  readonly #broker: RawBroker;
  #unread: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, broker: RawBroker) {
    this.socket = socket;
    this.#broker = broker;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
  }

  get isOpen(): boolean {
    return !this.socket.destroyed;
  }

  send(bytes: Buffer): void {
    if (this.isOpen) this.socket.write(bytes);
  }

  /** What a broker that is in order answers. */
  usual({ kind, body, flags }: RawPacket): Buffer | undefined {
    const empty = this.version === 5 ? [0] : [];
    if (kind === "connect") return packet(0x20, Buffer.from([0, 0, ...empty]));
    if (kind === "pingreq") return packet(0xd0, Buffer.alloc(0));
    if (kind === "subscribe") {
      const grants = Array.from({ length: this.#filtersOf(body) }, () => 1);
      return packet(0x90, Buffer.from([body[0]!, body[1]!, ...empty, ...grants]));
    }
    if (kind !== "publish" || (flags & 6) === 0) return undefined;
    const { id } = this.#messageOf(body, flags);
    return packet(0x40, Buffer.from([id >> 8, id & 0xff]));
  }

  #read(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    for (let found = firstPacket(this.#unread); found !== undefined; found = firstPacket(this.#unread)) {
      this.#unread = this.#unread.subarray(found.sizeBytes);
      this.#take(found.packet);
    }
  }

  #take(read: RawPacket): void {
    const { kind, body, flags } = read;
    if (kind === "connect") this.version = body[6]!;
    if (kind === "publish") this.#broker.messages.push(this.#messageOf(body, flags));
    const answer = this.#broker.answers[kind] ?? ((one) => this.usual(one));
    const bytes = answer(read, this);
    if (bytes !== undefined) this.send(bytes);
  }

  #messageOf(body: Buffer, flags: number): RawMessage {
    const qos = (flags >> 1) & 3;
    const topicEnd = 2 + body.readUInt16BE(0);
    const idEnd = topicEnd + (qos === 0 ? 0 : 2);
    const id = qos === 0 ? 0 : body.readUInt16BE(topicEnd);
    const payload = body.subarray(this.version === 5 ? this.#behindProperties(body, idEnd) : idEnd).toString("utf8");
    return { topic: body.toString("utf8", 2, topicEnd), qos, id, json: jsonOf(payload) };
  }

  #filtersOf(body: Buffer): number {
    let filters = 0;
    for (let at = this.version === 5 ? this.#behindProperties(body, 2) : 2; at < body.length; at += 3 + body.readUInt16BE(at)) filters++;
    return filters;
  }

  #behindProperties(body: Buffer, at: number): number {
    const length = variableLength(body, at)!;
    return length.end + length.value;
  }
}

/** `head`: the first byte. */
export function packet(head: number, body: Buffer): Buffer {
  const length: number[] = [];
  for (let rest = body.length; ; rest >>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from([head, ...length]), body]);
}

/** A message of a broker with MQTT 5; `id` 0: QoS 0. */
export function publishPacket(topic: string, payload: string | Buffer, id = 0): Buffer {
  const name = Buffer.from(topic);
  const head = [Buffer.from([name.length >> 8, name.length & 0xff]), name, Buffer.from(id === 0 ? [0] : [id >> 8, id & 0xff, 0])];
  return packet(id === 0 ? 0x30 : 0x32, Buffer.concat([...head, Buffer.from(payload)]));
}

function firstPacket(bytes: Buffer): { readonly packet: RawPacket; readonly sizeBytes: number } | undefined {
  const length = bytes.length < 2 ? undefined : variableLength(bytes, 1);
  if (length === undefined || bytes.length < length.end + length.value) return undefined;
  const sizeBytes = length.end + length.value;
  const [first] = bytes;
  return { packet: { kind: KINDS[first! >> 4] ?? "other", flags: first! & 15, body: bytes.subarray(length.end, sizeBytes) }, sizeBytes };
}

function variableLength(bytes: Buffer, at: number): { readonly value: number; readonly end: number } | undefined {
  for (let [value, shift, next] = [0, 0, at]; next < bytes.length; shift += 7) {
    const byte = bytes[next++]!;
    value += (byte & 127) << shift;
    if (byte < 128) return { value, end: next };
  }
  return undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
