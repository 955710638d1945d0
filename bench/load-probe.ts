// Load process: one RTSP reader that looks into the packets of a synthetic camera and measures how long they took through the server.
import { monotonicUs } from "./frame-schedule.ts";
import { serveLoad } from "./load-messages.ts";
import { RtspConnection, type Transport } from "./rtsp-connection.ts";
import { percentile } from "./statistics.ts";
import { readCameraPacket } from "./synthetic-h264.ts";

export interface ProbeOptions {
  readonly url: string;
  readonly transport: Transport;
  /** The frames of a GOP cache are old when they arrive, and code is compiled first: what arrives before is not counted. */
  readonly warmUpMs: number;
}

await serveLoad(async ({ url, transport, warmUpMs }: ProbeOptions) => {
  const firstPacketUs: number[] = [];
  const lastPacketUs: number[] = [];
  const startedUs = monotonicUs();

  const connection = await RtspConnection.open(url, Buffer.allocUnsafeSlow(65_536));
  connection.onClose = () => process.exit(1);
  connection.onRtp = (rtp) => {
    const nowUs = monotonicUs();
    if (nowUs - startedUs < warmUpMs * 1000) return;
    const packet = readCameraPacket(rtp);
    if (packet?.first) firstPacketUs.push(nowUs - packet.sentAtUs);
    if (packet?.marker) lastPacketUs.push(nowUs - packet.sentAtUs);
  };
  await connection.play(transport);

  return {
    counters: () => ({
      frames: lastPacketUs.length,
      firstPacketP50Us: percentile(firstPacketUs, 0.5),
      firstPacketP99Us: percentile(firstPacketUs, 0.99),
      lastPacketP50Us: percentile(lastPacketUs, 0.5),
      lastPacketP99Us: percentile(lastPacketUs, 0.99),
    }),
  };
});
