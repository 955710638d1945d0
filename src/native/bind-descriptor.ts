// A bound UDP socket whose descriptor is known: made by the C library, then given to dgram, which has no way to tell its own.
import type { Socket } from "node:dgram";
import { AF_INET, AF_INET6, type Libc, SO_REUSEADDR, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, SOL_SOCKET } from "./libc.ts";
import { SOCKET_ADDRESS_BYTES, type UdpFamily, writeSocketAddress } from "./socket-address.ts";

const ANY_ADDRESS: Record<UdpFamily, string> = { udp4: "0.0.0.0", udp6: "::" };

/** undefined: the system refuses; dgram's own bind will say why. */
export function bindDescriptor(libc: Libc, family: UdpFamily, host: string | undefined, port: number): number | undefined {
  const address = writeSocketAddress(libc, family, host ?? ANY_ADDRESS[family], port);
  if (address === undefined) return undefined;
  const fd = libc.socket(family === "udp4" ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return undefined;
  if (libc.bind(fd, address, SOCKET_ADDRESS_BYTES) === 0) return fd;
  libc.close(fd);
  return undefined;
}

/** From here on the descriptor is the socket's, which closes it. False: it could not be, and the socket is closed. */
export function adoptDescriptor(libc: Libc, socket: Socket, fd: number): boolean {
  try {
    socket.bind({ fd });
  } catch {
    socket.close();
    return false;
  }
  // libuv lets others bind the port of a socket it did not make; a port of ours is ours, as with dgram's own bind.
  libc.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, Buffer.alloc(4), 4);
  return true;
}
