// The least RTSP server that a gateway can pull cameras from (RFC 2326): interleaved or over UDP, each client gets what is live.
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { MessageSplitter, type RtspMessage, transportPort, writeMessage } from "./rtsp-messages.ts";
import { type CameraFrame, cameraSdp } from "./synthetic-h264.ts";
import { openUdpPair, type UdpPair } from "./udp-pair.ts";

/** A client that has left this much unread misses what follows. */
const MAX_UNREAD_BYTES = 8 * 2 ** 20;
const FRAMING_BYTES = 4;

/** Where the packets of a client go. */
type Send = (frame: CameraFrame, from: number, to: number) => void;

export class CameraServer {
  /** Packets that were not sent to a client because it did not read. */
  dropped = 0;
  readonly url: string;
  readonly #tcp: Server;
  readonly #udp: UdpPair;
  /** Clients that play, by path. */
  readonly #playing = new Map<string, Set<Send>>();
  #sessions = 0;

  private constructor(tcp: Server, udp: UdpPair) {
    this.url = `rtsp://127.0.0.1:${(tcp.address() as AddressInfo).port}`;
    this.#tcp = tcp;
    this.#udp = udp;
  }

  /** Serves any path, on a free port of the loopback. */
  static async listen(): Promise<CameraServer> {
    const udp = await openUdpPair();
    const tcp = createServer({ noDelay: true }).listen(0, "127.0.0.1");
    await once(tcp, "listening");
    const server = new CameraServer(tcp, udp);
    tcp.on("connection", (socket) => server.#accept(socket));
    return server;
  }

  clientsOf(path: string): number {
    return this.#playing.get(path)?.size ?? 0;
  }

  /** Sends packets `from` to `to` (exclusive) of a frame to every client of the path: over TCP as one write. */
  send(path: string, frame: CameraFrame, from: number, to: number): void {
    for (const send of this.#playing.get(path) ?? []) send(frame, from, to);
  }

  /** Takes no more clients; those that are there end by themselves. */
  close(): void {
    this.#tcp.close();
    this.#udp.close();
  }

  #accept(socket: Socket): void {
    let send: Send | undefined;
    let path = "";
    const stop = () => void this.#playing.get(path)?.delete(send!);
    this.#sessions += 1;
    const session = String(this.#sessions);
    const answer = ({ startLine, headers }: RtspMessage): Readonly<Record<string, string>> | undefined => {
      const [method, url = ""] = startLine.split(" ");
      switch (method) {
        case "OPTIONS":
          return { Public: "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN" };
        case "DESCRIBE":
          return { "Content-Base": `${url}/`, "Content-Type": "application/sdp" };
        case "SETUP": {
          path = new URL(url).pathname.split("/")[1] ?? "";
          const wanted = headers.get("transport") ?? "";
          const granted = this.#grant(socket, wanted);
          send = granted.send;
          return { Transport: `${wanted}${granted.more}`, Session: session };
        }
        case "PLAY":
          this.#playing.set(path, (this.#playing.get(path) ?? new Set()).add(send!));
          return { Session: session };
        case "TEARDOWN":
          stop();
          return { Session: session };
        case "GET_PARAMETER":
          return { Session: session };
        default:
          return undefined;
      }
    };
    const splitter = new MessageSplitter();
    splitter.onMessage = (message) => {
      const found = answer(message);
      const body = message.startLine.startsWith("DESCRIBE") ? cameraSdp() : "";
      const status = found === undefined ? "501 Not Implemented" : "200 OK";
      socket.write(writeMessage(`RTSP/1.0 ${status}`, { CSeq: message.headers.get("cseq") ?? "0", ...found }, body));
    };
    socket.on("data", (chunk) => splitter.push(chunk));
    socket.on("error", () => {});
    socket.on("close", stop);
  }

  #grant(socket: Socket, transport: string): { readonly send: Send; readonly more: string } {
    const clientPort = transportPort(transport, "client_port");
    const { rtp, rtpPort } = this.#udp;
    if (clientPort !== undefined) {
      return {
        more: `;server_port=${rtpPort}-${rtpPort + 1}`,
        send: ({ bytes, offsets }, from, to) => {
          for (let i = from; i < to; i += 1) {
            const start = offsets[i]! + FRAMING_BYTES;
            rtp.send(bytes, start, offsets[i + 1]! - start, clientPort, "127.0.0.1");
          }
        },
      };
    }
    return {
      more: "",
      send: ({ bytes, offsets }, from, to) => {
        if (socket.writableLength > MAX_UNREAD_BYTES) this.dropped += to - from;
        else socket.write(bytes.subarray(offsets[from], offsets[to]));
      },
    };
  }
}
