// Streams to send through the gateway, coded anew for each run: every frame and every sample differs from the others, so that what comes
// out can be found in what went in.
import { join } from "node:path";
import { ffmpeg } from "../peers/ffmpeg.ts";
import { runPeer, type TestScope } from "../peers/run-peer.ts";

export type CodedFormat = "h264" | "h265" | "mjpeg" | "vp8" | "mpeg4" | "mpeg2" | "aac" | "mp3" | "opus" | "pcma" | "pcmu" | "l16";

export interface CodedFile {
  readonly codec: CodedFormat;
  readonly file: string;
  /** Options of ffmpeg that stand before `-i`: what the file does not tell. */
  readonly format: readonly string[];
}

interface Recipe {
  readonly media: "video" | "audio";
  /** Ending of the file: the container. */
  readonly ending: string;
  readonly encoder: readonly string[];
  readonly format?: readonly string[];
}

const GOP_FRAMES = 25;
const X264 = `keyint=${GOP_FRAMES}:min-keyint=${GOP_FRAMES}:scenecut=0:bframes=2:b-adapt=0:slices=3:threads=1`;
const X265 = `keyint=${GOP_FRAMES}:min-keyint=${GOP_FRAMES}:scenecut=0:bframes=2:b-adapt=0:slices=2:frame-threads=1:info=0:log-level=error`;

const RECIPES: Readonly<Record<CodedFormat, Recipe>> = {
  // B-frames and three slices a picture.
  h264: { media: "video", ending: "mkv", encoder: ["-c:v", "libx264", "-preset", "ultrafast", "-x264-params", X264] },
  // B-frames, two slices, open GOPs; without the encoder's name, which ffmpeg repeats at each keyframe when it copies a file.
  h265: { media: "video", ending: "mkv", encoder: ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", X265] },
  // RFC 2435 knows only the standard Huffman tables.
  mjpeg: { media: "video", ending: "mkv", encoder: ["-c:v", "mjpeg", "-huffman", "default", "-q:v", "6", "-pix_fmt", "yuvj420p"] },
  vp8: { media: "video", ending: "mkv", encoder: ["-c:v", "libvpx", "-deadline", "realtime", "-g", String(GOP_FRAMES)] },
  mpeg4: { media: "video", ending: "mp4", encoder: ["-c:v", "mpeg4", "-g", String(GOP_FRAMES)] },
  mpeg2: { media: "video", ending: "mkv", encoder: ["-c:v", "mpeg2video", "-g", String(GOP_FRAMES)] },
  aac: { media: "audio", ending: "mp4", encoder: ["-c:a", "aac", "-ar", "48000", "-ac", "2"] },
  mp3: { media: "audio", ending: "mp3", encoder: ["-c:a", "libmp3lame", "-ar", "44100", "-ac", "2", "-write_xing", "0"] },
  opus: { media: "audio", ending: "ogg", encoder: ["-c:a", "libopus", "-ar", "48000", "-ac", "2"] },
  pcma: samples("alaw", 8000, 1),
  pcmu: samples("mulaw", 8000, 1),
  l16: samples("s16be", 44_100, 2),
};

function samples(format: string, rateHz: number, channelCount: number): Recipe {
  const shape = ["-ar", String(rateHz), "-ac", String(channelCount)];
  return { media: "audio", ending: format, encoder: ["-f", format, ...shape], format: ["-f", format, ...shape] };
}

export function mediaOf(codec: CodedFormat): "video" | "audio" {
  return RECIPES[codec].media;
}

/** Codes a moving picture of 25 frames a second, or noise. */
export async function makeCodedFile(
  scope: TestScope,
  options: { readonly codec: CodedFormat; readonly folder: string; readonly seconds: number; readonly size?: string },
): Promise<CodedFile> {
  const { codec, folder, seconds, size = "160x128" } = options;
  const { media, ending, encoder, format = [] } = RECIPES[codec];
  const picture = ["-f", "lavfi", "-i", `testsrc2=s=${size}:r=25`, "-pix_fmt", "yuv420p"];
  const noise = ["-f", "lavfi", "-i", "anoisesrc=seed=1:amplitude=0.5"];
  const file = join(folder, `${codec}.${ending}`);
  const input = media === "video" ? picture : noise;
  await runPeer(scope, ffmpeg, ["-v", "error", "-nostdin", ...input, "-t", String(seconds), ...encoder, file]);
  return { codec, file, format };
}
