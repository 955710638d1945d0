// ffmpeg and ffprobe as RTSP reader and publisher. What is compared bit by bit never goes through a decoder: `-c copy` only.
import { createHash } from "node:crypto";
import { splitAnnexB } from "#codecs/annex-b.ts";
import { findPeer } from "./find-peer.ts";
import { type RunningPeer, runPeer, startPeer, type TestScope } from "./run-peer.ts";

export type RtspTransport = "tcp" | "udp";

/** A file, or with `transport` an RTSP URL. */
export interface MediaInput {
  readonly input: string;
  readonly transport?: RtspTransport;
  readonly timeoutMs?: number;
}

/** How much of a stream to take: frames of video, or seconds. */
export type Extent = { readonly frames: number } | { readonly seconds: number };

/**
 * Muxers that write nothing of their own, so that equal streams give equal bytes. ADTS headers are ffmpeg's, but always the same
 * for the same configuration. Annex B start codes may be three or four bytes long: compare NAL units, not bytes (`nalUnitHashes`).
 */
export type ElementaryFormat = "h264" | "hevc" | "adts" | "mjpeg" | "alaw" | "mulaw" | "s16be";

const AUDIO_FORMATS: readonly ElementaryFormat[] = ["adts", "alaw", "mulaw", "s16be"];

/** A packet as ffmpeg's demuxer hands it over: an access unit, an audio frame. */
export interface PacketHash {
  readonly ptsTicks: number;
  readonly sizeBytes: number;
  readonly md5: string;
}

/** The fields of ffprobe's stream description that tests look at. */
export interface ProbedStream {
  readonly codec_type: string;
  readonly codec_name: string;
  readonly profile?: string;
  readonly width?: number;
  readonly height?: number;
  readonly sample_rate?: string;
  readonly channels?: number;
  readonly has_b_frames?: number;
}

export const ffmpeg = findPeer("ffmpeg");
export const ffprobe = findPeer("ffprobe");

/** ffmpeg looks at a live stream for 5 s before it starts; what it looked at is not lost, but the SDP tells all it needs. */
const ANALYZE_US = 1_000_000;

const QUIET = ["-v", "error", "-nostdin"];

/** What ffprobe makes of a stream. */
export async function ffprobeStreams(scope: TestScope, input: MediaInput): Promise<ProbedStream[]> {
  const args = ["-v", "error", ...transportArgs(input), "-show_streams", "-of", "json", input.input];
  const { stdout } = await runPeer(scope, ffprobe, args, timeoutOf(input));
  return (JSON.parse(stdout.toString("utf8")) as { streams: ProbedStream[] }).streams;
}

/** The coded bytes of one track, as they came. */
export async function ffmpegCopyElementary(scope: TestScope, input: MediaInput, format: ElementaryFormat, extent: Extent): Promise<Buffer> {
  const stream = AUDIO_FORMATS.includes(format) ? "a" : "v";
  const output = ["-map", `0:${stream}:0`, "-c", "copy", ...extentArgs(extent, stream), "-f", format, "pipe:1"];
  const { stdout } = await runPeer(scope, ffmpeg, [...QUIET, ...inputArgs(input), ...output], timeoutOf(input));
  return stdout;
}

/** The NAL units of an H.264 or H.265 stream from `ffmpegCopyElementary` or a file, each as its MD5: short enough for a readable failure. */
export function nalUnitHashes(annexB: Buffer): string[] {
  return splitAnnexB(annexB, Number.POSITIVE_INFINITY).map((nal) => createHash("md5").update(nal).digest("hex"));
}

/** One hash per coded frame. Good for every codec when both sides come over RTP; a file's frames may differ in start codes or ADTS headers. */
export async function ffmpegPacketHashes(scope: TestScope, input: MediaInput, stream: "v" | "a", extent: Extent): Promise<PacketHash[]> {
  const output = ["-map", `0:${stream}:0`, "-c", "copy", ...extentArgs(extent, stream), "-f", "framehash", "-hash", "md5", "pipe:1"];
  const { stdout } = await runPeer(scope, ffmpeg, [...QUIET, ...inputArgs(input), ...output], timeoutOf(input));
  return parseFramehash(stdout.toString("utf8"));
}

/** Lines of ffmpeg's framehash muxer: `stream, dts, pts, duration, size, hash`; lines with # are headers. */
export function parseFramehash(text: string): PacketHash[] {
  const rows = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return rows.map((row) => {
    const [, , ptsTicks, , sizeBytes, md5 = ""] = row.split(",").map((field) => field.trim());
    return { ptsTicks: Number(ptsTicks), sizeBytes: Number(sizeBytes), md5 };
  });
}

/** Decodes to 8-bit luma: one buffer of width × height bytes per frame, for `readFrameCounter`. No frame is doubled or dropped. */
export async function ffmpegDecodeGray(
  scope: TestScope,
  input: MediaInput & { readonly width: number; readonly height: number },
  extent: Extent,
): Promise<Buffer[]> {
  const output = ["-map", "0:v:0", "-fps_mode", "passthrough", ...extentArgs(extent, "v"), "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1"];
  const { stdout } = await runPeer(scope, ffmpeg, [...QUIET, ...inputArgs(input), ...output], timeoutOf(input));
  const frameBytes = input.width * input.height;
  const count = Math.floor(stdout.length / frameBytes);
  return Array.from({ length: count }, (_, i) => stdout.subarray(i * frameBytes, (i + 1) * frameBytes));
}

const H264_LAPS = 100;

/** Publishes files at their own pace (ANNOUNCE, RECORD); several files become tracks of one stream. */
export function ffmpegPublish(
  scope: TestScope,
  options: {
    readonly url: string;
    /** `format` where the file does not tell: e.g. `["-f", "alaw", "-ar", "8000", "-ac", "1"]`. */
    readonly files: readonly { readonly file: string; readonly format?: readonly string[] }[];
    readonly transport: RtspTransport;
    readonly loop?: boolean;
    /** For the RTSP muxer, e.g. `["-pkt_size", "20000"]`. */
    readonly muxerOptions?: readonly string[];
    readonly timeoutMs?: number;
  },
): RunningPeer {
  const inputs = options.files.flatMap(({ file, format = [] }) => {
    return ["-re", ...format, ...(options.loop ? loopOf(file) : ["-i", file])];
  });
  const maps = options.files.flatMap((_, i) => ["-map", String(i)]);
  const output = ["-c", "copy", "-f", "rtsp", "-rtsp_transport", options.transport, ...(options.muxerOptions ?? []), options.url];
  return startPeer(scope, ffmpeg, [...QUIET, ...inputs, ...maps, ...output], { timeoutMs: options.timeoutMs ?? 120_000 });
}

/** ffmpeg does not go back to the start of raw H.264 (`-stream_loop` ends it), but its bytes can be read again and again. */
function loopOf(file: string): string[] {
  return file.endsWith(".h264") ? ["-i", `concat:${Array(H264_LAPS).fill(file).join("|")}`] : ["-stream_loop", "-1", "-i", file];
}

function inputArgs(input: MediaInput): string[] {
  return [...transportArgs(input), "-i", input.input];
}

function transportArgs({ transport }: MediaInput): string[] {
  return transport === undefined ? [] : ["-rtsp_transport", transport, "-analyzeduration", String(ANALYZE_US)];
}

function extentArgs(extent: Extent, stream: "v" | "a"): string[] {
  return "frames" in extent ? [`-frames:${stream}`, String(extent.frames)] : ["-t", String(extent.seconds)];
}

function timeoutOf({ timeoutMs }: { readonly timeoutMs?: number | undefined }): { timeoutMs?: number } {
  return timeoutMs === undefined ? {} : { timeoutMs };
}
