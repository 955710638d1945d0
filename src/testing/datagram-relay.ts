// A UDP relay in front of one port, for clients that nobody knows beforehand: it loses and delays datagrams, both ways.
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type Random, seededRandom } from "./mutate.ts";

export interface RelayFaults {
  /** Share of the datagrams, from 0 to 1. */
  readonly loss: number;
  /** Each waits up to so long: they may overtake each other. */
  readonly jitterMs: number;
}

export class DatagramRelay {
  faults: RelayFaults;
  /** From the server to clients. */
  readonly counts = { passed: 0, lost: 0 };
  readonly #socket: Socket;
  readonly #serverPort: number;
  readonly #random: Random;
  /** By the client's port: a socket that stands for it before the server. */
  readonly #clients = new Map<number, Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();

  private constructor(socket: Socket, serverPort: number, faults: RelayFaults, random: Random) {
    this.#socket = socket;
    this.#serverPort = serverPort;
    this.faults = faults;
    this.#random = random;
    socket.on("message", (bytes, { port }) => this.#fromClient(bytes, port));
  }

  static async start(serverPort: number, faults: RelayFaults): Promise<DatagramRelay> {
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    return new DatagramRelay(socket, serverPort, faults, seededRandom(1));
  }

  get port(): number {
    return this.#socket.address().port;
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of this.#clients.values()) socket.close();
    this.#clients.clear();
    this.#socket.close();
  }

  #fromClient(bytes: Buffer, port: number): void {
    let socket = this.#clients.get(port);
    if (socket === undefined) {
      socket = createSocket("udp4");
      socket.on("message", (answer) => {
        if (this.#pass(() => this.#socket.send(answer, port, "127.0.0.1"))) this.counts.passed++;
        else this.counts.lost++;
      });
      this.#clients.set(port, socket);
    }
    const to = socket;
    this.#pass(() => to.send(bytes, this.#serverPort, "127.0.0.1"));
  }

  /** False: it is lost. */
  #pass(send: () => void): boolean {
    const { loss, jitterMs } = this.faults;
    if (this.#random(1_000_000) < loss * 1_000_000) return false;
    const waitMs = jitterMs === 0 ? 0 : this.#random(jitterMs + 1);
    if (waitMs === 0) {
      send();
      return true;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      send();
    }, waitMs);
    this.#timers.add(timer);
    return true;
  }
}
