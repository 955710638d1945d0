// Takes every datagram that waits at a socket with one recvmmsg(2).
import { type Libc, MSG_DONTWAIT } from "./libc.ts";
import { Memory } from "./memory.ts";
import { IoVectors, MessageHeaders } from "./message-headers.ts";
import { readSocketAddress, SOCKET_ADDRESS_BYTES, type SocketAddress } from "./socket-address.ts";

export type DatagramHandler = (bytes: Buffer, address: string, port: number) => void;

const SLOTS = 32;
/** The longest datagram fits. Pages that no datagram reached cost no memory. */
const SLOT_BYTES = 65_536;
const NAME_STRIDE_BYTES = 32;
/** Senders whose address is kept as text; strangers cannot make it grow. */
const MAX_SOURCES = 256;

/** One for all sockets of the process: what came is copied out before anybody hears of it. */
export class BatchReceiver {
  readonly #libc: Libc;
  readonly #slots: Buffer;
  readonly #names: Memory;
  readonly #headers: MessageHeaders;
  readonly #sources = new Map<string, SocketAddress>();

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#slots = Buffer.allocUnsafeSlow(SLOTS * SLOT_BYTES);
    this.#names = new Memory(libc, SLOTS * NAME_STRIDE_BYTES);
    this.#headers = new MessageHeaders(libc, SLOTS);
    const vectors = new IoVectors(libc, SLOTS);
    const slotsAddress = libc.address(this.#slots);
    for (let i = 0; i < SLOTS; i++) {
      vectors.set(i, slotsAddress + i * SLOT_BYTES, SLOT_BYTES);
      this.#headers.setVectors(i, vectors.addressOf(i), 1);
      this.#headers.setName(i, this.#names.address + i * NAME_STRIDE_BYTES, SOCKET_ADDRESS_BYTES);
    }
  }

  /** Hands on what waits, at most 32 datagrams, in memory that is the handler's; returns their number. Errors are no datagrams. */
  receive(fd: number, onDatagram: DatagramHandler): number {
    const headers = this.#headers;
    const count = this.#libc.recvmmsg(fd, headers.addressOf(0), SLOTS, MSG_DONTWAIT, null);
    if (count <= 0) return 0;
    const bytes = this.#copyOut(count);
    let start = 0;
    for (let i = 0; i < count; i++) {
      const end = start + headers.receivedBytes(i);
      const { address, port } = this.#sourceOf(i);
      headers.setNameSize(i, SOCKET_ADDRESS_BYTES);
      onDatagram(bytes.subarray(start, end), address, port);
      start = end;
    }
    return count;
  }

  #copyOut(count: number): Buffer {
    let sizeBytes = 0;
    for (let i = 0; i < count; i++) sizeBytes += this.#headers.receivedBytes(i);
    const bytes = Buffer.allocUnsafeSlow(sizeBytes);
    let at = 0;
    for (let i = 0; i < count; i++) {
      const start = i * SLOT_BYTES;
      at += this.#slots.copy(bytes, at, start, start + this.#headers.receivedBytes(i));
    }
    return bytes;
  }

  #sourceOf(slot: number): SocketAddress {
    const start = slot * NAME_STRIDE_BYTES;
    const key = this.#names.bytes.toString("latin1", start, start + SOCKET_ADDRESS_BYTES);
    const known = this.#sources.get(key);
    if (known !== undefined) return known;
    if (this.#sources.size >= MAX_SOURCES) this.#sources.clear();
    const source = readSocketAddress(this.#libc, this.#names.bytes.subarray(start, start + SOCKET_ADDRESS_BYTES));
    this.#sources.set(key, source);
    return source;
  }
}
