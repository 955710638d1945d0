// Free ports of the loopback, for programs that cannot be asked which port they got.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

/** A TCP port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

/** An even UDP port whose neighbour above is free too: RTP takes it, RTCP the other (RFC 3550 §11). */
export async function freePortPair(): Promise<number> {
  for (;;) {
    const even = (await freePort()) & ~1;
    if ((await isFreeUdp(even)) && (await isFreeUdp(even + 1))) return even;
  }
}

async function isFreeUdp(port: number): Promise<boolean> {
  const socket = createSocket("udp4");
  const free = new Promise<boolean>((resolve) => socket.once("error", () => resolve(false)).bind(port, "127.0.0.1", () => resolve(true)));
  return free.finally(() => socket.close());
}
