// Fragmented MP4 files as ffmpeg writes them, coded anew for each test.
import { join } from "node:path";
import { ffmpeg } from "../peers/ffmpeg.ts";
import { runPeer, type TestScope } from "../peers/run-peer.ts";

const PICTURE = ["-f", "lavfi", "-i", "testsrc2=s=176x100:r=25"];
const SOUND = ["-f", "lavfi", "-i", "anoisesrc=a=0.2:r=48000:seed=1"];
const X264 = ["-c:v", "libx264", "-preset", "veryfast", "-g", "12"];
const X265 = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "bframes=3:keyint=12:log-level=none", "-tag:v", "hvc1"];
/** `delay_moov`: some codecs are described by their first frame. */
const FRAGMENTED = ["-movflags", "frag_keyframe+delay_moov+default_base_moof"];

const RECIPES = {
  h264: [...PICTURE, ...X264, "-bf", "3", "-pix_fmt", "yuv420p"],
  "h264 4:2:2, 10 bit": [...PICTURE, "-c:v", "libx264", "-preset", "veryfast", "-g", "1", "-pix_fmt", "yuv422p10le"],
  h265: [...PICTURE, ...X265],
  av1: [...PICTURE, "-c:v", "libaom-av1", "-cpu-used", "8", "-g", "12"],
  vp9: [...PICTURE, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-g", "12"],
  mjpeg: [...PICTURE, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p"],
  mpeg4: [...PICTURE, "-c:v", "mpeg4", "-bf", "2", "-g", "12"],
  mpeg2: [...PICTURE, "-c:v", "mpeg2video", "-bf", "2", "-g", "12"],
  mpeg1: [...PICTURE, "-c:v", "mpeg1video", "-g", "12"],
  aac: [...SOUND, "-c:a", "aac", "-ac", "2"],
  opus: [...SOUND, "-c:a", "libopus", "-ac", "2"],
  "opus 5.1": [...SOUND, "-c:a", "libopus", "-ac", "6", "-mapping_family", "1"],
  mp3: [...SOUND, "-c:a", "libmp3lame", "-ac", "2"],
  ac3: [...SOUND, "-c:a", "ac3", "-ac", "6"],
  "h264 and aac": [...PICTURE, ...SOUND, ...X264, "-bf", "2", "-pix_fmt", "yuv420p", "-c:a", "aac"],
} satisfies Readonly<Record<string, readonly string[]>>;

export type Recipe = keyof typeof RECIPES;

export const ALL_RECIPES = Object.keys(RECIPES) as Recipe[];

/** Two seconds of a moving picture, noise, or both. Returns the file's path. */
export async function encodeFragmented(scope: TestScope, folder: string, recipe: Recipe): Promise<string> {
  const file = join(folder, "ffmpeg.mp4");
  const args = ["-v", "error", "-nostdin", ...RECIPES[recipe], "-t", "2", ...FRAGMENTED, "-strict", "unofficial", "-f", "mp4", file];
  await runPeer(scope, ffmpeg, args, { timeoutMs: 60_000 });
  return file;
}
