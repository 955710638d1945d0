// Players that decode a stream with the clip's frame counter in its pictures, and tell which picture they show.
import { CLIP_FORMAT } from "../clip/clip.ts";
import { readFrameCounter } from "../clip/frame-counter.ts";
import { ffmpeg, type RtspTransport } from "./ffmpeg.ts";
import { gstLaunch } from "./gst.ts";
import { type RunningPeer, startPeer, type TestScope } from "./run-peer.ts";

/** Half the clip's: enough for its counter. */
const WIDTH = CLIP_FORMAT.width / 2;
const HEIGHT = CLIP_FORMAT.height / 2;

export interface CounterPlayer {
  readonly process: RunningPeer;
  /** The numbers of the pictures shown so far; undefined for one whose number cannot be read. */
  counters(): readonly (number | undefined)[];
}

/** ffmpeg, which shows what it gets as soon as it has it. `copyTo`: also writes the coded stream to this file. */
export function ffmpegPlayer(
  scope: TestScope,
  options: { readonly url: string; readonly transport: RtspTransport; readonly copyTo?: string },
): CounterPlayer {
  const { url, transport, copyTo } = options;
  const input = ["-rtsp_transport", transport, "-threads", "1", "-analyzeduration", "200000", "-i", url];
  const pictures = ["-map", "0:v", "-fps_mode", "passthrough", "-s", `${WIDTH}x${HEIGHT}`, "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1"];
  const copy = copyTo === undefined ? [] : ["-map", "0:v", "-c", "copy", copyTo];
  return playerOf(startPeer(scope, ffmpeg, ["-v", "warning", "-nostdin", ...input, ...pictures, ...copy], { timeoutMs: 60_000 }));
}

/** GStreamer, which shows each picture when its time has come. */
export function gstPlayer(
  scope: TestScope,
  options: { readonly url: string; readonly transport: RtspTransport; readonly latencyMs: number },
): CounterPlayer {
  const { url, transport, latencyMs } = options;
  const source = `rtspsrc location=${url} protocols=${transport} latency=${latencyMs}`;
  const caps = `video/x-raw,format=GRAY8,width=${WIDTH},height=${HEIGHT}`;
  const pipeline = `${source} ! decodebin ! videoscale ! videoconvert ! ${caps} ! fdsink fd=1 sync=true`;
  return playerOf(startPeer(scope, gstLaunch, ["-q", ...pipeline.split(" ")], { timeoutMs: 60_000 }));
}

function playerOf(process: RunningPeer): CounterPlayer {
  const read: (number | undefined)[] = [];
  const frameBytes = WIDTH * HEIGHT;
  return {
    process,
    counters() {
      const { stdout } = process;
      for (let end = (read.length + 1) * frameBytes; end <= stdout.length; end += frameBytes) {
        read.push(readFrameCounter(stdout.subarray(end - frameBytes, end), WIDTH, HEIGHT));
      }
      return read;
    },
  };
}
