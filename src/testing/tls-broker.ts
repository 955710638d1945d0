// What answers as a broker does, in TLS or as a WebSocket in TLS, whoever gets that far: for tests of whom a client takes for its broker.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import type { TestContext } from "node:test";
import { createServer, type TlsOptions } from "node:tls";
import type { SelfSigned } from "./self-signed.ts";

export interface TlsBroker {
  readonly port: number;
  /** Of all connections there were. */
  readonly sockets: ReadonlySet<Socket>;
  /** What clients have sent in TLS; of a WebSocket from its request on. */
  readonly received: readonly (Buffer | string)[];
}

/** Of MQTT 5. */
const CONNACK = Buffer.from("2003000000", "hex");

/** On loopback, until the test ends. */
export async function tlsBroker(t: TestContext, shown: SelfSigned, more: TlsOptions = {}, overWebSocket = false): Promise<TlsBroker> {
  const options: TlsOptions = { key: shown.key, cert: shown.cert, ...more };
  const sockets = new Set<Socket>();
  const received: (Buffer | string)[] = [];
  const server: Server = overWebSocket
    ? createHttpsServer(options)
    : createServer(options, (socket) => {
        socket.on("error", () => {});
        socket.on("data", (bytes) => received.push(bytes));
        socket.once("data", () => socket.write(CONNACK));
      });
  if (overWebSocket)
    server.on("upgrade", (request, socket: Socket) => {
      received.push(request.url);
      const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      const accept = createHash("sha1").update(key).digest("base64");
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      socket.once("data", () => {
        socket.write(Buffer.concat([Buffer.from([0x82, CONNACK.length]), CONNACK]));
        socket.once("data", () => socket.end());
      });
    });
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets, received };
}
