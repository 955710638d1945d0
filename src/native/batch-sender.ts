// Sends the packets of a slab with as few system calls as the kernel allows: sendmmsg(2), with UDP_SEGMENT (udp(7)) where that works.
import { constants } from "node:os";
import { type Libc, MSG_DONTWAIT } from "./libc.ts";
import { type PacketSlab, SendPlan } from "./send-plan.ts";

const { EAGAIN, ECONNREFUSED, EINTR, EINVAL, EIO, EMSGSIZE, ENOBUFS, ENOMEM, EOPNOTSUPP } = constants.errno;
/** UIO_MAXIOV: the kernel looks at no more messages a call. */
const MAX_MESSAGES = 1024;

/** Someone to send to, as the kernel wants it. */
export interface BatchDestination {
  readonly socketAddress: Buffer;
  /** Cleared for good where a send in segments is refused: packets larger than the path's MTU, or a device that cannot checksum them. */
  segmented: boolean;
}

/** What became of a send. */
export interface BatchOutcome {
  /** The first packet that the kernel has no room for now; the number of packets: all were dealt with. */
  readonly next: number;
  /** Packets that were refused for good. */
  readonly refused: number;
}

/** One for all sockets of the process: slabs are prepared once for all who get them. */
export class BatchSender {
  readonly #libc: Libc;
  readonly #runs: SendPlan | undefined;
  readonly #packets: SendPlan;

  constructor(libc: Libc, segmented: boolean) {
    this.#libc = libc;
    this.#runs = segmented ? new SendPlan(libc, true) : undefined;
    this.#packets = new SendPlan(libc, false);
  }

  /** Never blocks and never throws. Every packet is a datagram of its own, in order. */
  send(fd: number, slab: PacketSlab, headBytes: number, to: BatchDestination): BatchOutcome {
    let refused = 0;
    let next = 0;
    let plan = this.#planFor(slab, headBytes, to);
    let message = 0;
    while (message < plan.messageCount) {
      const sent = this.#libc.sendmmsg(
        fd,
        plan.addressOfMessage(message),
        Math.min(plan.messageCount - message, MAX_MESSAGES),
        MSG_DONTWAIT,
      );
      // At once: the next call of anything may change it.
      const errno = sent > 0 ? 0 : this.#libc.errno();
      if (sent > 0) {
        message += sent;
        continue;
      }
      if (errno === EINTR) continue;
      next = plan.firstPacket(message);
      const packets = plan.firstPacket(message + 1) - next;
      if (errno === EAGAIN || errno === ENOBUFS || errno === ENOMEM) return { next, refused };
      if (packets > 1 && (errno === EINVAL || errno === EIO || errno === EMSGSIZE || errno === EOPNOTSUPP)) {
        to.segmented = false;
        plan = this.#planFor(slab, headBytes, to);
        message = plan.messageStartingWith(next);
      } else if (errno === EMSGSIZE || errno === ECONNREFUSED) {
        // The one is about this packet, the other about an earlier one: those behind it have their own chance.
        refused += packets;
        message++;
      } else {
        return { next: slab.count, refused: refused + slab.count - next };
      }
    }
    return { next: slab.count, refused };
  }

  #planFor(slab: PacketSlab, headBytes: number, to: BatchDestination): SendPlan {
    const plan = to.segmented ? (this.#runs ?? this.#packets) : this.#packets;
    plan.prepare(slab, headBytes);
    plan.address(to.socketAddress);
    return plan;
  }
}
