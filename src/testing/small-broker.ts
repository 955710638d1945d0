// A broker in this process, MQTT 3.1.1 over TCP on loopback: for the demo, and for what a gateway does without MQTT 5.
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { Aedes } from "aedes";

export interface SmallBroker {
  readonly port: number;
  close(): Promise<void>;
}

/** `port` 0: one of the system's choice. */
export async function startSmallBroker(port = 0): Promise<SmallBroker> {
  const broker = await Aedes.createBroker();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    broker.handle(socket);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => broker.close(() => resolve()));
    },
  };
}
