// Load process: one RTSP/TCP reader that looks into the packets of a synthetic camera. It measures how long a frame took
// through the server, and joins anew again and again to see how long a new reader waits for a picture. Argument: the URL.
import { serveLoad } from "./load-messages.ts";
import { RtspConnection } from "./rtsp-connection.ts";
import { CAMERA_LOAD, readCameraPacket } from "./synthetic-h264.ts";

/** Not a divisor of the GOP, so that the joins fall everywhere into it. */
const JOIN_INTERVAL_MS = 730;
/** Frames of a GOP cache are old when they arrive: older than a frame interval is no live frame. */
const WARM_UP_MS = 1000;

await serveLoad(async () => {
  const [url = ""] = process.argv.slice(2);
  const firstPacketUs: number[] = [];
  const lastPacketUs: number[] = [];
  const firstPictureUs: number[] = [];
  const startedUs = monotonicUs();

  const live = await RtspConnection.open(url, Buffer.allocUnsafeSlow(65_536));
  let sentAtUs: number | undefined;
  live.onMedia = eachCameraPacket((packet) => {
    const nowUs = monotonicUs();
    if (nowUs - startedUs < WARM_UP_MS * 1000) return;
    if (packet.sentAtUs !== undefined) {
      sentAtUs = packet.sentAtUs;
      firstPacketUs.push(nowUs - sentAtUs);
    }
    if (packet.marker && sentAtUs !== undefined) lastPacketUs.push(nowUs - sentAtUs);
  });
  await live.play();

  const joinBuffer = Buffer.allocUnsafeSlow(65_536);
  setInterval(() => void join(url, joinBuffer).then((waitedUs) => firstPictureUs.push(waitedUs)), JOIN_INTERVAL_MS);

  return () => ({
    frames: lastPacketUs.length,
    firstPacketP50Us: percentile(firstPacketUs, 0.5),
    lastPacketP50Us: percentile(lastPacketUs, 0.5),
    lastPacketP99Us: percentile(lastPacketUs, 0.99),
    joins: firstPictureUs.length,
    firstPictureP50Us: percentile(firstPictureUs, 0.5),
    firstPictureMaxUs: percentile(firstPictureUs, 1),
  });
});

/** Microseconds from the start of the connection to the last packet of the first keyframe. */
async function join(url: string, readBuffer: Buffer): Promise<number> {
  const startUs = monotonicUs();
  const connection = await RtspConnection.open(url, readBuffer);
  try {
    return await new Promise<number>((resolve, reject) => {
      connection.onMedia = eachCameraPacket((packet) => {
        if (packet.keyframe && packet.marker) resolve(monotonicUs() - startUs);
      });
      setTimeout(() => reject(new Error("no keyframe")), (4000 * CAMERA_LOAD.gopFrames) / CAMERA_LOAD.framesPerSecond).unref();
      connection.play().catch(reject);
    });
  } finally {
    connection.close();
  }
}

/** Cuts a byte stream into interleaved frames and calls back for every packet of the camera. */
function eachCameraPacket(onPacket: (packet: NonNullable<ReturnType<typeof readCameraPacket>>) => void): (bytes: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (bytes) => {
    const all = rest.length > 0 ? Buffer.concat([rest, bytes]) : bytes;
    let at = 0;
    while (all.length - at >= 4) {
      const end = at + 4 + all.readUInt16BE(at + 2);
      if (end > all.length) break;
      const packet = all[at + 1] === 0 ? readCameraPacket(all.subarray(at + 4, end)) : undefined;
      if (packet) onPacket(packet);
      at = end;
    }
    rest = Buffer.from(all.subarray(at));
  };
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
