// Ports for programs that are told theirs beforehand: the usual one, or the next that nobody has.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

const LOOPBACK = "127.0.0.1";
const LAST_PORT = 65_535;

/** The first free TCP port from `first` on; with 0, one of the system's choice. */
export async function freeTcpPort(first: number): Promise<number> {
  for (let port = first; port <= LAST_PORT; port++) {
    const bound = await tryTcp(port);
    if (bound !== undefined) return bound;
  }
  throw new Error(`no TCP port from ${first} on is free`);
}

/** The first even UDP port from `first` on that is free together with the next one: RTP and RTCP. With 0, somewhere above 32768. */
export async function freeUdpPortPair(first: number): Promise<number> {
  for (let port = first === 0 ? await someUdpPort() : first + (first % 2); port < LAST_PORT; port += 2) {
    if ((await tryUdp(port)) !== undefined && (await tryUdp(port + 1)) !== undefined) return port;
  }
  throw new Error(`no two UDP ports from ${first} on are free`);
}

/** The first free UDP port from `first` on; with 0, one of the system's choice. */
export async function freeUdpPort(first: number): Promise<number> {
  for (let port = first; port <= LAST_PORT; port++) {
    const bound = await tryUdp(port);
    if (bound !== undefined) return bound;
  }
  throw new Error(`no UDP port from ${first} on is free`);
}

/** An even one. */
async function someUdpPort(): Promise<number> {
  const port = (await tryUdp(0)) ?? 0;
  return port & ~1;
}

async function tryTcp(port: number): Promise<number | undefined> {
  const server = createServer();
  try {
    server.listen({ host: LOOPBACK, port });
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  } catch {
    return undefined;
  } finally {
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  }
}

async function tryUdp(port: number): Promise<number | undefined> {
  const socket = createSocket("udp4");
  try {
    socket.bind({ address: LOOPBACK, port });
    await once(socket, "listening");
    return socket.address().port;
  } catch {
    return undefined;
  } finally {
    await new Promise<void>((resolve) => socket.close(() => resolve()));
  }
}
