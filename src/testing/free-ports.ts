// Ports for programs that are told theirs beforehand: the usual one, or the next that nobody has.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

const LOOPBACK = "127.0.0.1";
const LAST_PORT = 65_535;

/**
 * Below those that systems give to outgoing connections and to listeners on port 0 (Linux: from 32768, others: from 49152): what was free here a moment ago is not
 * taken by a test that runs beside. Processes that run at one time begin at places of their own, and none is told a port twice before all were told.
 */
const CHOICE = { first: 16_384, count: 15_360, perProcess: 128 } as const;
let told = process.pid * CHOICE.perProcess;

/** The first free TCP port from `first` on; with 0, one that this process was not told before. */
export async function freeTcpPort(first: number): Promise<number> {
  return firstFrom(first, 1, isTcpFree);
}

/** The first even UDP port from `first` on that is free together with the next one: RTP and RTCP. With 0, one that this process was not told before. */
export async function freeUdpPortPair(first: number): Promise<number> {
  return firstFrom(first, 2, async (port) => (await isUdpFree(port)) && (await isUdpFree(port + 1)));
}

/** The first free UDP port from `first` on; with 0, one that this process was not told before. */
export async function freeUdpPort(first: number): Promise<number> {
  return firstFrom(first, 1, isUdpFree);
}

/** A multiple of `step`. */
async function firstFrom(first: number, step: 1 | 2, isFree: (port: number) => Promise<boolean>): Promise<number> {
  let port = first === 0 ? choose(step) : first + (first % step);
  while (!(await isFree(port))) {
    port = first === 0 ? choose(step) : port + step;
    if (port >= LAST_PORT) throw new Error(`no port from ${first} on is free`);
  }
  return port;
}

function choose(step: 1 | 2): number {
  told += told % step;
  const port = CHOICE.first + (told % CHOICE.count);
  told += step;
  return port;
}

async function isTcpFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ host: LOOPBACK, port });
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  }
}

async function isUdpFree(port: number): Promise<boolean> {
  const socket = createSocket("udp4");
  try {
    socket.bind({ address: LOOPBACK, port });
    await once(socket, "listening");
    return true;
  } catch {
    return false;
  } finally {
    await new Promise<void>((resolve) => socket.close(() => resolve()));
  }
}
