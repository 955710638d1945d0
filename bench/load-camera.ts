// Load process: cameras to be pulled, `cam0`, `cam1` …, each live whether somebody reads it or not.
import { CameraServer } from "./camera-server.ts";
import { everyFrame, monotonicUs } from "./frame-schedule.ts";
import { serveLoad } from "./load-messages.ts";
import { CAMERA_LOAD, type CameraFrame, restamp, SyntheticCamera } from "./synthetic-h264.ts";

export interface CameraLoadOptions {
  readonly cameras: number;
  readonly gopSeconds: number;
  /** How fast the packets of a frame leave, as through a camera's network port. 0: at once, over TCP in one write. */
  readonly lineMbit: number;
}

await serveLoad(async ({ cameras, gopSeconds, lineMbit }: CameraLoadOptions) => {
  const server = await CameraServer.listen();
  const gopFrames = Math.round(gopSeconds * CAMERA_LOAD.framesPerSecond);
  const paths = Array.from({ length: cameras }, (_, i) => `cam${i}`);
  const sent = { frames: 0, packets: 0, bytes: 0 };

  for (const [i, path] of paths.entries()) {
    // Frames and keyframes of the cameras are spread evenly, as those of a real site are by chance.
    const camera = new SyntheticCamera({ seed: 1 + i, gopFrames, firstFrame: Math.floor((i * gopFrames) / cameras) });
    const sendFrame = () => {
      const frame = camera.next(monotonicUs());
      if (lineMbit === 0) server.send(path, frame, 0, frame.offsets.length - 1);
      else sendAtLineRate(server, path, frame, lineMbit);
      sent.frames += 1;
      sent.packets += frame.offsets.length - 1;
      sent.bytes += frame.bytes.length;
    };
    everyFrame(sendFrame, i / cameras);
  }
  return {
    url: server.url,
    counters: () => ({ ...sent, dropped: server.dropped, pulled: paths.filter((path) => server.clientsOf(path) > 0).length }),
  };
});

/** What the line has carried by now, every millisecond; each packet is stamped when it leaves. */
function sendAtLineRate(server: CameraServer, path: string, frame: CameraFrame, lineMbit: number): void {
  const count = frame.offsets.length - 1;
  const startUs = monotonicUs();
  let done = 0;
  const sendDue = () => {
    const nowUs = monotonicUs();
    const dueBytes = ((nowUs - startUs) * lineMbit) / 8;
    let due = done + 1;
    while (due < count && frame.offsets[due]! < dueBytes) due += 1;
    restamp(frame, done, due, nowUs);
    server.send(path, frame, done, due);
    done = due;
    if (done < count) setTimeout(sendDue, 1);
  };
  sendDue();
}
