// What the kernel knows of a TCP connection: getsockopt TCP_INFO, Linux ≥ 4.6 (`struct tcp_info` of <linux/tcp.h>, the same on every architecture).
import { loadLibc } from "./libc.ts";

export interface TcpInfo {
  /** Smoothed. 0: nothing was measured yet. */
  readonly roundTripUs: number;
  /** Segments with data, those that were sent again included. */
  readonly sentSegments: number;
  readonly resentSegments: number;
}

const IPPROTO_TCP = 6;
const TCP_INFO = 11;
const AT = { roundTripUs: 68, totalRetrans: 100, dataSegmentsOut: 156 } as const;
const NEEDED_BYTES = 160;
const ROOM_BYTES = 256;

/** `bytes`: what the kernel filled. Undefined: an older kernel. */
export function parseTcpInfo(bytes: Buffer): TcpInfo | undefined {
  if (bytes.length < NEEDED_BYTES) return undefined;
  return {
    roundTripUs: bytes.readUInt32LE(AT.roundTripUs),
    sentSegments: bytes.readUInt32LE(AT.dataSegmentsOut),
    resentSegments: bytes.readUInt32LE(AT.totalRetrans),
  };
}

/** Undefined: it is no TCP socket, or the kernel does not tell. */
export type ReadTcpInfo = (fd: number) => TcpInfo | undefined;

/** Undefined: the C library cannot be called here. */
export async function openTcpInfo(): Promise<ReadTcpInfo | undefined> {
  const libc = await loadLibc();
  if (typeof libc === "string") return undefined;
  const value = Buffer.alloc(ROOM_BYTES);
  const size = Buffer.alloc(4);
  return (fd) => {
    size.writeUInt32LE(ROOM_BYTES);
    if (libc.getsockopt(fd, IPPROTO_TCP, TCP_INFO, value, size) !== 0) return undefined;
    return parseTcpInfo(value.subarray(0, Math.min(size.readUInt32LE(), ROOM_BYTES)));
  };
}
