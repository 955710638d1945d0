// How datagrams leave, from the best this machine can do downwards: a system call per run of packets (GSO), per frame, per packet.
import { BatchReceiver } from "./batch-receiver.ts";
import { BatchSender } from "./batch-sender.ts";
import { AF_INET, type Libc, loadLibc, SOCK_CLOEXEC, SOCK_DGRAM, SOL_UDP, UDP_SEGMENT } from "./libc.ts";

export interface NativeStatus {
  readonly rung: "gso" | "sendmmsg" | "dgram";
  /** Why it is not `gso`. */
  readonly reason?: string;
}

/** What the sockets of a process share where there is a C library to call. */
export interface NativeUdp {
  readonly libc: Libc;
  /** Destinations start with sends in segments. */
  readonly segmented: boolean;
  readonly sender: BatchSender;
  readonly receiver: BatchReceiver;
}

/** `native` is undefined on the lowest rung, which is dgram. */
export interface Ladder {
  readonly status: NativeStatus;
  readonly native: NativeUdp | undefined;
}

/** Forces a rung: `off`, `sendmmsg` or `gso`. What the machine cannot do is not forced. */
export const NATIVE_VARIABLE = "CAMGATE_NATIVE";

let opening: Promise<Ladder> | undefined;
let status: NativeStatus = { rung: "dgram", reason: "no UDP socket was opened yet" };

/** Made at the first call, the same for the life of the process. Never rejects. */
export function openLadder(): Promise<Ladder> {
  opening ??= findLadder(process.env[NATIVE_VARIABLE]).then((ladder) => {
    status = ladder.status;
    return ladder;
  });
  return opening;
}

/** What `openLadder` found; a single destination may still be served from a lower rung. */
export function nativeStatus(): NativeStatus {
  return status;
}

/** The ladder where the environment wants `wanted`. */
export async function findLadder(wanted: string | undefined, load: () => Promise<Libc | string> = loadLibc): Promise<Ladder> {
  if (wanted === "off") return { status: { rung: "dgram", reason: `${NATIVE_VARIABLE}=off` }, native: undefined };
  const libc = await load();
  if (typeof libc === "string") return { status: { rung: "dgram", reason: libc }, native: undefined };
  const reason = wanted === "sendmmsg" ? `${NATIVE_VARIABLE}=sendmmsg` : knowsSegments(libc) ? undefined : "the kernel has no UDP_SEGMENT";
  const segmented = reason === undefined;
  return {
    status: segmented ? { rung: "gso" } : { rung: "sendmmsg", reason },
    native: { libc, segmented, sender: new BatchSender(libc, segmented), receiver: new BatchReceiver(libc) },
  };
}

/** A kernel older than 4.18 does not refuse the control message: it sends the whole run as one datagram. */
function knowsSegments(libc: Libc): boolean {
  const fd = libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const size = Buffer.from([4, 0, 0, 0]);
  const known = libc.getsockopt(fd, SOL_UDP, UDP_SEGMENT, Buffer.alloc(4), size) === 0;
  libc.close(fd);
  return known;
}
