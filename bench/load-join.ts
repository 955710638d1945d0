// Load process: new readers of a live stream, one after the other at a steady pace. How long does each wait for a picture?
import { monotonicUs } from "./frame-schedule.ts";
import { serveLoad } from "./load-messages.ts";
import { RtpGaps } from "./rtp-gaps.ts";
import { RtspConnection, type Transport } from "./rtsp-connection.ts";
import { percentile } from "./statistics.ts";
import { readCameraPacket } from "./synthetic-h264.ts";

export interface JoinOptions {
  readonly url: string;
  readonly transport: Transport;
  readonly joins: number;
  readonly intervalMs: number;
  /** A join that sees no picture by then has failed. */
  readonly timeoutMs: number;
}

/** A packet this young is no longer from a cache. */
const LIVE_US = 100_000;

interface Join {
  /** From the start of the connection to the last packet of the first whole keyframe. */
  readonly pictureUs: number;
  /** From there to the first live packet after it as well: the GOP cache has been caught up with. */
  readonly liveUs: number;
}

await serveLoad(async (options: JoinOptions) => {
  const readBuffer = Buffer.allocUnsafeSlow(65_536);
  const done: Join[] = [];
  let started = 0;
  let failed = 0;
  const joinNext = () => {
    started += 1;
    if (started === options.joins) clearInterval(timer);
    joinOnce(options, readBuffer).then(
      (join) => void done.push(join),
      () => {
        failed += 1;
      },
    );
  };
  const timer = setInterval(joinNext, options.intervalMs);

  return {
    counters: () => {
      const picturesUs = done.map(({ pictureUs }) => pictureUs);
      const livesUs = done.map(({ liveUs }) => liveUs);
      return {
        joins: done.length,
        failed,
        pictureP50Us: percentile(picturesUs, 0.5),
        pictureMaxUs: percentile(picturesUs, 1),
        liveP50Us: percentile(livesUs, 0.5),
        liveMaxUs: percentile(livesUs, 1),
      };
    },
  };
});

async function joinOnce({ url, transport, timeoutMs }: JoinOptions, readBuffer: Buffer): Promise<Join> {
  const startUs = monotonicUs();
  const connection = await RtspConnection.open(url, readBuffer);
  const timeout = setTimeout(() => connection.close(), timeoutMs);
  try {
    return await new Promise<Join>((resolve, reject) => {
      const gaps = new RtpGaps();
      let lostBefore = -1; // what was lost before the keyframe that is being received; -1: none is
      let pictureUs: number | undefined;
      connection.onClose = () => reject(new Error("no picture"));
      connection.onRtp = (rtp) => {
        gaps.push(rtp);
        const packet = readCameraPacket(rtp);
        if (packet === undefined) return;
        const nowUs = monotonicUs();
        if (packet.keyframe && packet.first) lostBefore = gaps.lost;
        if (packet.keyframe && packet.marker && lostBefore === gaps.lost) pictureUs ??= nowUs - startUs;
        if (pictureUs !== undefined && nowUs - packet.sentAtUs < LIVE_US) resolve({ pictureUs, liveUs: nowUs - startUs });
      };
      connection.play(transport).catch(reject);
    });
  } finally {
    clearTimeout(timeout);
    connection.close();
  }
}
