// The C library of this process, through koffi: the calls that UDP in batches needs. Linux, little-endian.
import { koffiFault, loadKoffi } from "./koffi.ts";

/** `<sys/socket.h>`, `<netinet/udp.h>`: the same on every architecture that `koffi.ts` admits. */
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_DGRAM = 2;
export const SOCK_NONBLOCK = 0x800;
export const SOCK_CLOEXEC = 0x80000;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SOL_UDP = 17;
export const UDP_SEGMENT = 103;
export const MSG_DONTWAIT = 0x40;

/** Calls return as in C: −1 on failure, and then `errno` tells why, if it is asked at once. Addresses fit a double. */
export interface Libc {
  readonly pointerBytes: 4 | 8;
  /** Where a buffer's first byte lies. It stays there; who hands it on keeps the buffer referenced. */
  address(memory: Buffer): number;
  errno(): number;
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, socketAddress: Uint8Array, sizeBytes: number): number;
  close(fd: number): number;
  getsockopt(fd: number, level: number, name: number, value: Uint8Array, size: Uint8Array): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, sizeBytes: number): number;
  /** How many messages left. */
  sendmmsg(fd: number, messagesAddress: number, count: number, flags: number): number;
  /** How many messages came. `timeout`: none. */
  recvmmsg(fd: number, messagesAddress: number, count: number, flags: number, timeout: null): number;
  /** 1: `destination` holds the 4 or 16 bytes of the address. */
  inetPton(family: number, text: string, destination: Uint8Array): number;
  /** null: failed; else `destination` holds the text with a NUL behind it. */
  inetNtop(family: number, address: Uint8Array, destination: Uint8Array, sizeBytes: number): string | null;
  /** 0: no such interface. */
  ifNameToIndex(name: string): number;
  /** null: no such interface. `name`: 16 bytes. */
  ifIndexToName(index: number, name: Uint8Array): string | null;
}

/** The library, or why it cannot be used, in words for the log. */
export async function loadLibc(): Promise<Libc | string> {
  const koffi = await loadKoffi();
  if (typeof koffi === "string") return koffi;
  const { pointerBytes, address, errno, process: library } = koffi;
  try {
    return {
      pointerBytes,
      address,
      errno,
      socket: library.func("int socket(int family, int type, int protocol)"),
      bind: library.func("int bind(int fd, void *address, uint32_t size)"),
      close: library.func("int close(int fd)"),
      getsockopt: library.func("int getsockopt(int fd, int level, int name, void *value, void *size)"),
      setsockopt: library.func("int setsockopt(int fd, int level, int name, void *value, uint32_t size)"),
      sendmmsg: library.func("int sendmmsg(int fd, uintptr_t messages, unsigned int count, int flags)"),
      recvmmsg: library.func("int recvmmsg(int fd, uintptr_t messages, unsigned int count, int flags, void *timeout)"),
      inetPton: library.func("int inet_pton(int family, const char *text, void *destination)"),
      inetNtop: library.func("const char *inet_ntop(int family, void *address, void *destination, uint32_t size)"),
      ifNameToIndex: library.func("unsigned int if_nametoindex(const char *name)"),
      ifIndexToName: library.func("const char *if_indextoname(unsigned int index, void *name)"),
    };
  } catch (error) {
    return koffiFault(error);
  }
}
