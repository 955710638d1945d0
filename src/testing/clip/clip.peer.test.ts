import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ffmpeg, ffmpegDecodeGray, ffprobe, ffprobeStreams } from "../peers/ffmpeg.ts";
import { CLIP_FILES, CLIP_FORMAT } from "./clip.ts";
import { readFrameCounter } from "./frame-counter.ts";

const { width, height, frameCount } = CLIP_FORMAT;
const input = fileURLToPath(CLIP_FILES.video);

test("every decoded frame of the clip carries its number", { skip: ffmpeg.missing }, async (t) => {
  const pictures = await ffmpegDecodeGray(t, { input, width, height }, { frames: frameCount + 1 });
  assert.deepEqual(
    pictures.map((gray) => readFrameCounter(gray, width, height)),
    Array.from({ length: frameCount }, (_, i) => i),
  );
});

test("the clip is what every browser plays: baseline without B-frames", { skip: ffprobe.missing }, async (t) => {
  const [video] = await ffprobeStreams(t, { input });
  assert.equal(video?.codec_name, "h264");
  assert.equal(video?.profile, "Constrained Baseline");
  assert.equal(video?.has_b_frames, 0);
});
