// GStreamer as camera (gst-camera.py), as reader (rtspsrc) and as publisher (rtspclientsink).
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RtspTransport } from "./ffmpeg.ts";
import { findPeer } from "./find-peer.ts";
import { type RunningPeer, startPeer, type TestScope } from "./run-peer.ts";

export const gstLaunch = findPeer("gst-launch-1.0");
export const gstRtspServer = findPeer("gst-rtsp-server");

export interface GstCameraOptions {
  readonly video?: "h264" | "h264-bframes" | "h265" | "mjpeg";
  readonly audio?: "pcma" | "pcmu" | "aac" | "opus" | "l16";
  /** Served from its start to each client: raw streams (.h264, .h265, .mjpeg, .alaw, .mulaw, .s16be at 44.1 kHz stereo, .aac), .mp4, .mkv, .ts, .ogg. With B-frames: a container. */
  readonly videoFile?: string;
  readonly audioFile?: string;
  readonly size?: `${number}x${number}`;
  readonly fps?: number;
  readonly gopFrames?: number;
  readonly protocols?: readonly RtspTransport[];
  /** Default: a free one. */
  readonly port?: number;
  readonly auth?: { readonly method: "digest" | "basic"; readonly user: string; readonly password: string };
  readonly timeoutMs?: number;
}

export interface GstCamera {
  readonly port: number;
  /** Without credentials. */
  readonly url: string;
  /** With the credentials of `auth`, where there are any. */
  readonly urlWithCredentials: string;
  readonly process: RunningPeer;
}

/** Starts a camera on a free port of the loopback; resolves when it listens. */
export async function startGstCamera(scope: TestScope, options: GstCameraOptions): Promise<GstCamera> {
  const { auth } = options;
  const given: [string, string | number | undefined][] = [
    ["--video", options.video],
    ["--audio", options.audio],
    ["--video-file", options.videoFile],
    ["--audio-file", options.audioFile],
    ["--size", options.size],
    ["--fps", options.fps],
    ["--gop", options.gopFrames],
    ["--protocols", options.protocols?.join(",")],
    ["--port", options.port],
    ["--auth", auth?.method],
    ["--user", auth?.user],
    ["--password", auth?.password],
  ];
  const args = given.flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)]));
  const script = fileURLToPath(new URL("gst-camera.py", import.meta.url));
  const process = startPeer(scope, gstRtspServer, [script, ...args], { timeoutMs: options.timeoutMs ?? 120_000 });
  const port = Number((await process.match(/"port": (\d+)/))[1]);
  const credentials = auth ? `${encodeURIComponent(auth.user)}:${encodeURIComponent(auth.password)}@` : "";
  return { port, url: `rtsp://127.0.0.1:${port}/cam`, urlWithCredentials: `rtsp://${credentials}127.0.0.1:${port}/cam`, process };
}

// No parser behind them: it would put in access unit delimiters. The depayloader itself puts in the parameter sets of the SDP.
/** What comes out for one frame: Annex B, a JPEG image, a raw AAC frame, an Opus packet, samples. */
const DEPAYLOADERS = {
  h264: "rtph264depay ! video/x-h264,stream-format=byte-stream,alignment=au",
  h265: "rtph265depay ! video/x-h265,stream-format=byte-stream,alignment=au",
  mjpeg: "rtpjpegdepay",
  aac: "rtpmp4gdepay",
  opus: "rtpopusdepay",
  pcma: "rtppcmadepay",
  pcmu: "rtppcmudepay",
  l16: "rtpL16depay",
} as const;

export type GstCodec = keyof typeof DEPAYLOADERS;

/** One track to read, and the folder that gets its frames, each in a file of its own (`gstFrames`). */
export interface GstTrack {
  readonly media: "video" | "audio";
  readonly codec: GstCodec;
  readonly folder: string;
}

/** Reads tracks until it is interrupted. */
export function gstReadFrames(
  scope: TestScope,
  options: { readonly url: string; readonly transport: RtspTransport; readonly tracks: readonly GstTrack[] },
): RunningPeer {
  const source = `rtspsrc name=source location=${options.url} protocols=${options.transport} latency=200`;
  const tracks = options.tracks.map(({ media, codec, folder }) => {
    const sink = `multifilesink sync=false next-file=buffer location=${join(folder, "%06d")}`;
    return `source. ! application/x-rtp,media=${media} ! queue ! ${DEPAYLOADERS[codec]} ! ${sink}`;
  });
  return startPeer(scope, gstLaunch, ["-q", ...`${source} ${tracks.join(" ")}`.split(" ")]);
}

/** The frames that `gstReadFrames` has written so far, without the last: it may not be whole. */
export async function gstFrames(folder: string): Promise<Buffer[]> {
  const names = (await readdir(folder)).sort();
  return Promise.all(names.slice(0, -1).map((name) => readFile(join(folder, name))));
}

/** Reads one track into a file until `frames` buffers came or it is interrupted. */
export function gstRead(
  scope: TestScope,
  options: {
    readonly url: string;
    readonly codec: GstCodec;
    readonly file: string;
    readonly transport: RtspTransport;
    readonly frames?: number;
    readonly timeoutMs?: number;
  },
): RunningPeer {
  const source = `rtspsrc location=${options.url} protocols=${options.transport} latency=200`;
  const count = options.frames === undefined ? "" : `! identity eos-after=${options.frames + 1} `;
  const pipeline = `${source} ! ${DEPAYLOADERS[options.codec]} ${count}! filesink location=${options.file}`;
  return startPeer(scope, gstLaunch, ["-q", "-e", ...pipeline.split(" ")], timeoutOf(options));
}

/**
 * Runs a pipeline to the end of its stream; rejects where that does not come. The exit code tells less: the PAUSE with which rtspsrc ends is an error to it when
 * its own TEARDOWN overtakes it.
 */
export async function gstRunToEnd(scope: TestScope, pipeline: string): Promise<void> {
  const running = startPeer(scope, gstLaunch, pipeline.split(" "));
  const { code, signal } = await running.exited;
  if (!running.stdout.includes("Got EOS from element"))
    throw new Error(`GStreamer ended with ${signal ?? code}: ${pipeline}\n${running.stderr}`);
}

/** Publishes an H.264 file (Annex B) at its own pace with rtspclientsink. */
export function gstPublish(
  scope: TestScope,
  options: { readonly url: string; readonly file: string; readonly transport: RtspTransport; readonly timeoutMs?: number },
): RunningPeer {
  const sink = `rtspclientsink location=${options.url} protocols=${options.transport} latency=0`;
  const pipeline = `filesrc location=${options.file} ! h264parse ! ${sink}`;
  return startPeer(scope, gstLaunch, ["-q", "-e", ...pipeline.split(" ")], timeoutOf(options));
}

function timeoutOf({ timeoutMs }: { readonly timeoutMs?: number | undefined }): { timeoutMs?: number } {
  return timeoutMs === undefined ? {} : { timeoutMs };
}
