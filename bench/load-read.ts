// Load process: RTSP readers that only count: bytes, and where they are asked to or read over UDP, packets and the gaps between them.
import { serveLoad } from "./load-messages.ts";
import { RtpGaps } from "./rtp-gaps.ts";
import { RtspConnection, type Transport } from "./rtsp-connection.ts";

export interface ReadOptions {
  /** Reader i reads urls[i % urls.length]. */
  readonly urls: readonly string[];
  readonly readers: number;
  readonly transport: Transport;
  /** Over TCP: find the packets in the bytes, which costs the load more. */
  readonly countGaps?: boolean;
}

/** Connections that are set up at the same time: enough to be quick, too few to make a storm. */
const SETUP_WIDTH = 8;
/** A reader over UDP is forgotten when it says nothing for a minute. */
const KEEPALIVE_MS = 20_000;

await serveLoad(async ({ urls, readers, transport, countGaps = transport === "udp" }: ReadOptions) => {
  const readBuffer = Buffer.allocUnsafeSlow(262_144);
  const gaps: RtpGaps[] = [];
  let bytes = 0;
  let packets = 0;
  let closed = 0;
  let next = 0;

  const read = async (url: string) => {
    const connection = await RtspConnection.open(url, readBuffer);
    await connection.play(transport);
    connection.onClose = () => {
      closed += 1;
    };
    if (!countGaps) {
      connection.onRaw = (chunk) => {
        bytes += chunk.length;
      };
      return;
    }
    const gap = new RtpGaps();
    gaps.push(gap);
    connection.onRtp = (rtp) => {
      bytes += rtp.length;
      packets += 1;
      gap.push(rtp);
    };
    if (transport === "udp") setInterval(() => connection.request("OPTIONS").catch(() => {}), KEEPALIVE_MS);
  };
  const setUp = async () => {
    while (next < readers) {
      const url = urls[next % urls.length]!;
      next += 1;
      await read(url);
    }
  };
  await Promise.all(Array.from({ length: SETUP_WIDTH }, setUp));
  return { counters: () => ({ bytes, packets, closed, lost: gaps.reduce((sum, { lost }) => sum + lost, 0) }) };
});
