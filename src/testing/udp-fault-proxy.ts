// A UDP proxy for one RTP and one RTCP port that does what networks do to datagrams: loss, duplicates, reordering, delay, jitter, strangers, silence.
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type Random, seededRandom } from "./mutate.ts";

/** What happens to the RTP of the server; shares from 0 to 1. RTCP and what the client sends pass as they are. */
export interface DatagramFaults {
  readonly loss?: number;
  readonly duplicate?: number;
  /** A share of the datagrams waits until `depth` later ones went out, but not longer than `holdMs`. */
  readonly reorder?: { readonly share: number; readonly depth: number; readonly holdMs: number };
  readonly delayMs?: number;
  /** Up to this much more, drawn for each datagram: they may overtake each other. */
  readonly jitterMs?: number;
}

export interface UdpPeer {
  readonly address: string;
  readonly ports: readonly [rtp: number, rtcp: number];
}

export interface UdpFaultProxyOptions {
  readonly client: UdpPeer;
  readonly server: UdpPeer;
  readonly faults?: DatagramFaults;
  readonly random?: Random;
}

interface Held {
  readonly bytes: Buffer;
  readonly timer: NodeJS.Timeout;
  after: number;
}

/** Faults are drawn from `random`: the same seed and the same datagrams give the same run. */
export class UdpFaultProxy {
  faults: DatagramFaults;
  /** Nothing passes, either way. */
  silent = false;
  /** RTP datagrams of the server; `fromClient`: those that came the other way. */
  readonly counts = { received: 0, sent: 0, lost: 0, duplicated: 0, reordered: 0, fromClient: 0 };
  readonly #rtp: Socket;
  readonly #rtcp: Socket;
  readonly #client: UdpPeer;
  readonly #random: Random;
  readonly #held = new Set<Held>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #strangers: Socket[] = [];
  #closed = false;

  private constructor({ client, server, faults = {}, random = seededRandom(1) }: UdpFaultProxyOptions, rtp: Socket, rtcp: Socket) {
    this.faults = faults;
    this.#rtp = rtp;
    this.#rtcp = rtcp;
    this.#client = client;
    this.#random = random;
    for (const [index, socket] of [rtp, rtcp].entries()) {
      socket.on("message", (bytes, { port }) => {
        if (socket === rtp && port !== server.ports[0]) this.counts.fromClient++;
        if (this.silent) return;
        if (port !== server.ports[index]) socket.send(bytes, server.ports[index]!, server.address);
        else if (socket === rtp) this.#onMedia(bytes);
        else socket.send(bytes, client.ports[1], client.address);
      });
    }
  }

  static async open(options: UdpFaultProxyOptions): Promise<UdpFaultProxy> {
    return new UdpFaultProxy(options, await bind(), await bind());
  }

  /** Where both sides send to, and what they get datagrams from. */
  get ports(): readonly [rtp: number, rtcp: number] {
    return [this.#rtp.address().port, this.#rtcp.address().port];
  }

  /** A datagram to the client's RTP port; `stranger`: from a port that nobody announced. */
  async insert(bytes: Buffer, stranger = false): Promise<void> {
    const socket = stranger ? await bind() : this.#rtp;
    if (stranger) this.#strangers.push(socket);
    socket.send(bytes, this.#client.ports[0], this.#client.address);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const { timer } of this.#held) clearTimeout(timer);
    for (const socket of [this.#rtp, this.#rtcp, ...this.#strangers]) socket.close();
  }

  #onMedia(bytes: Buffer): void {
    const { loss = 0, duplicate = 0, reorder } = this.faults;
    this.counts.received++;
    if (this.#draws(loss)) {
      this.counts.lost++;
      return;
    }
    if (reorder !== undefined && this.#draws(reorder.share)) {
      this.counts.reordered++;
      const held: Held = { bytes, after: reorder.depth, timer: setTimeout(() => this.#release(held), reorder.holdMs) };
      this.#held.add(held);
      return;
    }
    this.#send(bytes);
    if (this.#draws(duplicate)) {
      this.counts.duplicated++;
      this.#send(bytes);
    }
    for (const held of [...this.#held]) if (--held.after <= 0) this.#release(held);
  }

  #release(held: Held): void {
    clearTimeout(held.timer);
    this.#held.delete(held);
    this.#send(held.bytes);
  }

  #send(bytes: Buffer): void {
    const { delayMs = 0, jitterMs = 0 } = this.faults;
    const waitMs = delayMs + (jitterMs > 0 ? this.#random(jitterMs + 1) : 0);
    if (waitMs === 0) {
      this.#toClient(bytes);
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#toClient(bytes);
    }, waitMs);
    this.#timers.add(timer);
  }

  #toClient(bytes: Buffer): void {
    if (this.silent) return;
    this.counts.sent++;
    this.#rtp.send(bytes, this.#client.ports[0], this.#client.address);
  }

  #draws(share: number): boolean {
    return share > 0 && this.#random(10_000) < share * 10_000;
  }
}

async function bind(): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.on("error", () => {});
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}
