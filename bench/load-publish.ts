// Load process: publishes a synthetic camera over RTSP/TCP (ANNOUNCE, RECORD). Arguments: the URL, and a seed.
import { serveLoad } from "./load-messages.ts";
import { RtspConnection } from "./rtsp-connection.ts";
import { CAMERA_LOAD, cameraSdp, SyntheticCamera } from "./synthetic-h264.ts";

await serveLoad(async () => {
  const [url = "", seed = "1"] = process.argv.slice(2);
  const connection = await RtspConnection.open(url, Buffer.alloc(16_384));
  await connection.record(cameraSdp());
  connection.onClose = () => process.exit(1);

  const camera = new SyntheticCamera(Number(seed));
  const intervalUs = 1e6 / CAMERA_LOAD.framesPerSecond;
  const startUs = monotonicUs();
  let frames = 0;
  let bytes = 0;
  const sendDue = () => {
    const nowUs = monotonicUs();
    while (startUs + frames * intervalUs <= nowUs) {
      const frame = camera.next(monotonicUs());
      connection.socket.write(frame);
      frames += 1;
      bytes += frame.length;
    }
    setTimeout(sendDue, Math.max(0, (startUs + frames * intervalUs - monotonicUs()) / 1000));
  };
  sendDue();
  return () => ({ frames, bytes });
});

function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
