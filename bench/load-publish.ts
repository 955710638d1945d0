// Load process: publishes a synthetic camera over RTSP/TCP (ANNOUNCE, RECORD).
import { everyFrame, monotonicUs } from "./frame-schedule.ts";
import { serveLoad } from "./load-messages.ts";
import { RtspConnection } from "./rtsp-connection.ts";
import { cameraSdp, SyntheticCamera } from "./synthetic-h264.ts";

export interface PublishOptions {
  readonly url: string;
}

await serveLoad(async ({ url }: PublishOptions) => {
  const connection = await RtspConnection.open(url, Buffer.alloc(16_384));
  await connection.record(cameraSdp());
  connection.onClose = () => process.exit(1);

  const camera = new SyntheticCamera();
  const sent = { frames: 0, packets: 0, bytes: 0 };
  everyFrame(() => {
    const { bytes, offsets } = camera.next(monotonicUs());
    connection.socket.write(bytes);
    sent.frames += 1;
    sent.packets += offsets.length - 1;
    sent.bytes += bytes.length;
  });
  return { counters: () => sent };
});
