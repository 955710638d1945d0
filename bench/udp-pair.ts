// Two UDP sockets on neighbouring ports of the loopback: RTP on the even one, RTCP above it (RFC 3550 §11).
import { createSocket, type Socket } from "node:dgram";

export interface UdpPair {
  readonly rtp: Socket;
  readonly rtcp: Socket;
  readonly rtpPort: number;
  close(): void;
}

/** What a keyframe to many readers at once wants. The kernel gives what `net.core.rmem_max` allows. */
const RECEIVE_BUFFER_BYTES = 4 * 2 ** 20;
const MAX_TRIES = 100;

/** On ports of the system's choice. */
export async function openUdpPair(): Promise<UdpPair> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const rtp = await bind(0);
    if (rtp === undefined) continue;
    const { port: rtpPort } = rtp.address();
    const rtcp = rtpPort % 2 === 0 ? await bind(rtpPort + 1) : undefined;
    if (rtcp === undefined) {
      rtp.close();
      continue;
    }
    rtp.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
    return {
      rtp,
      rtcp,
      rtpPort,
      close: () => {
        rtp.close();
        rtcp.close();
      },
    };
  }
  throw new Error("no two neighbouring UDP ports are free");
}

/** Addresses are literals: the synchronous lookup keeps sends off the thread pool. */
function bind(port: number): Promise<Socket | undefined> {
  const socket = createSocket({ type: "udp4", lookup: (address, _options, callback) => callback(null, address, 4) });
  return new Promise((resolve) => {
    socket.once("error", () => {
      socket.close();
      resolve(undefined);
    });
    socket.bind(port, "127.0.0.1", () => {
      socket.removeAllListeners("error");
      socket.on("error", () => {}); // a peer that is gone: what is missing shows in the counters
      resolve(socket);
    });
  });
}
