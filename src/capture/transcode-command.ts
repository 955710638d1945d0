// The command line that makes a picture smaller: MPEG-TS into ffmpeg's standard input, H.264 of a bounded rate out of it, published by RTSP.
import { packetWords, QUIET, RTSP_OUTPUT, TS_INPUT } from "./ffmpeg-words.ts";

/** What is made of a camera's picture. */
export interface TranscodeTarget {
  /** Bound of each second, kbit/s. */
  readonly maxKbps: number;
  /** px; undefined: as it is. A narrower picture is not made wider. */
  readonly maxWidth: number | undefined;
  /** Pictures a second; undefined: as they come. */
  readonly maxFps: number | undefined;
}

export const TRANSCODE_ENCODER = "libx264";

/** Whoever joins waits for so long at most. */
const KEYFRAME_S = 2;

/**
 * Without B-frames, which browsers do not play, and with keyframes at fixed times.
 * `output`: where it publishes. `packetBytes`: largest RTP packet, header included.
 */
export function transcodeArguments({ maxKbps, maxWidth, maxFps }: TranscodeTarget, output: string, packetBytes: number): readonly string[] {
  const scale = maxWidth === undefined ? "scale=trunc(iw/2)*2:trunc(ih/2)*2" : `scale='min(${maxWidth},trunc(iw/2)*2)':-2`;
  // One of each interval.
  const thin = maxFps === undefined ? "" : `select='isnan(prev_selected_t)+gt(floor(t*${maxFps}),floor(prev_selected_t*${maxFps}))',`;
  const rate = `${maxKbps}k`;
  const video = ["-map", "0:v:0", "-vf", thin + scale, "-vsync", "vfr", "-pix_fmt", "yuv420p"];
  const encoder = ["-c:v", TRANSCODE_ENCODER, "-preset", "veryfast", "-tune", "zerolatency", "-profile:v", "baseline"];
  const bound = ["-b:v", rate, "-maxrate", rate, "-bufsize", rate, "-force_key_frames", `expr:gte(t,n_forced*${KEYFRAME_S})`];
  return [
    ...QUIET,
    "-fflags",
    "nobuffer",
    ...TS_INPUT,
    ...video,
    ...encoder,
    ...bound,
    ...packetWords(packetBytes),
    ...RTSP_OUTPUT,
    output,
  ];
}
