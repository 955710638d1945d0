// Ports for programs that are told theirs beforehand: the usual one, or the next that nobody has.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

const LOOPBACK = "127.0.0.1";
const LAST_PORT = 65_535;

/**
 * Below those that systems give to outgoing connections and to listeners on port 0 (Linux: from 32768, others: from 49152): what was free here a moment ago is not
 * taken by a test that runs beside. Two that pick at random hardly pick the same.
 */
const CHOICE = { first: 16_384, end: 32_000 } as const;

/** The first free TCP port from `first` on; with 0, from a port picked at random. */
export async function freeTcpPort(first: number): Promise<number> {
  for (let port = first || pick(); port <= LAST_PORT; port++) {
    const bound = await tryTcp(port);
    if (bound !== undefined) return bound;
  }
  throw new Error(`no TCP port from ${first} on is free`);
}

/** The first even UDP port from `first` on that is free together with the next one: RTP and RTCP. With 0, from a port picked at random. */
export async function freeUdpPortPair(first: number): Promise<number> {
  const from = first || pick();
  for (let port = from + (from % 2); port < LAST_PORT; port += 2) {
    if ((await tryUdp(port)) !== undefined && (await tryUdp(port + 1)) !== undefined) return port;
  }
  throw new Error(`no two UDP ports from ${first} on are free`);
}

/** The first free UDP port from `first` on; with 0, from a port picked at random. */
export async function freeUdpPort(first: number): Promise<number> {
  for (let port = first || pick(); port <= LAST_PORT; port++) {
    const bound = await tryUdp(port);
    if (bound !== undefined) return bound;
  }
  throw new Error(`no UDP port from ${first} on is free`);
}

function pick(): number {
  return CHOICE.first + Math.floor(Math.random() * (CHOICE.end - CHOICE.first));
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
