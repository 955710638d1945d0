// Still pictures of a live path, as ffmpeg sees them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { SystemClock } from "#base/clock.ts";
import { parseJpeg } from "#codecs/mjpeg/jpeg.ts";
import type { Source } from "#relay/source.ts";
import type { Track } from "#relay/track.ts";
import { ClipSource } from "#testing/camera/clip-source.ts";
import { CLIP_FORMAT, loadClip } from "#testing/clip/clip.ts";
import { readFrameCounter } from "#testing/clip/frame-counter.ts";
import { readCodedClip } from "#testing/coded-clip.ts";
import { ffmpeg, ffmpegDecodeGray, ffprobe, ffprobeStreams, type ProbedStream } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import type { TestScope } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { startSite } from "#testing/rtsp-site.ts";
import { Snapshots } from "./snapshots.ts";

const skip = missingOf(ffmpeg, ffprobe);
const never = new AbortController().signal;
const coded = (name: string): URL => new URL(`../codecs/testdata/${name}`, import.meta.url);
const clock = new SystemClock();

/** One frame, again and again. */
function still(track: Pick<Track, "codec" | "parameters">, frame: readonly Buffer[]): Source {
  return {
    run: (sink, signal) => {
      const full: Track = { index: 0, kind: "video", clockRateHz: 90_000, reorderFrames: 0, ...track };
      const publish = sink.ready([full], "frame");
      let ptsTicks = 0;
      const timer = setInterval(() => {
        publish({ track: full, ptsTicks, captureUs: clock.nowUs(), keyframe: true, damaged: false, frame });
        ptsTicks += 9000;
      }, 100);
      return new Promise((resolve) =>
        signal.addEventListener("abort", () => {
          clearInterval(timer);
          resolve();
        }),
      );
    },
  };
}

const jpeg = readFileSync(coded("mjpeg-420-gst.jpg"));
const h265 = readCodedClip(coded("h265-main-closed-gop.h265"));
const main10 = readCodedClip(coded("h265-main10-no-b.h265"));
const SOURCES: Readonly<Record<string, () => Source>> = {
  gate: () => new ClipSource({ clip: loadClip(), clock }),
  hevc: () => still({ codec: "h265", parameters: h265.parameters }, h265.frames[0]!),
  tenbit: () => still({ codec: "h265", parameters: main10.parameters }, main10.frames[0]!),
  mjpeg: () => still({ codec: "mjpeg", parameters: { codec: "mjpeg", picture: { widthPx: 160, heightPx: 96 } } }, [jpeg]),
  vp8: () => still({ codec: "vp8", parameters: { codec: "vp8" } }, [Buffer.from("10020000", "hex")]),
};

async function start(t: TestScope, program?: string): Promise<Snapshots> {
  const paths = Object.entries(SOURCES).map(
    ([name, open]) => [name, { source: { kind: "pull", type: "rtspSource", url: name, open, onDemand: undefined } }] as const,
  );
  const site = await startSite({ paths: Object.fromEntries(paths) });
  t.after(() => site.close());
  await until("all paths", () => site.registry.list().every(({ state }) => state === "available"));
  return new Snapshots({ registry: site.registry, clock, ...(program !== undefined && { program }) });
}

async function saved(t: TestScope, bytes: Buffer, name: string): Promise<{ readonly file: string; readonly video: ProbedStream }> {
  const file = join(await temporaryFolder(t), name);
  await writeFile(file, bytes);
  const [video, ...others] = await ffprobeStreams(t, { input: file });
  assert.deepEqual(others, []);
  return { file, video: video! };
}

test("the last keyframe as MP4: nothing is decoded, and every browser's codecs are there", { skip }, async (t) => {
  const snapshots = await start(t, "/nowhere/ffmpeg");
  const shot = await snapshots.take({ path: "gate", format: "mp4" }, never);
  assert.equal(shot.mediaType, "video/mp4");
  assert.ok(Math.abs(shot.utcUs / 1000 - Date.now()) < 60_000);
  const { file, video } = await saved(t, shot.bytes, "shot.mp4");
  assert.deepEqual([video.codec_name, video.width, video.height], ["h264", 640, 360]);
  const { width, height } = CLIP_FORMAT;
  const [picture, ...more] = await ffmpegDecodeGray(t, { input: file, width, height }, { frames: 10 });
  assert.deepEqual(more, []);
  assert.equal(readFrameCounter(picture!, width, height)! % CLIP_FORMAT.gopFrames, 0, "a keyframe of the clip");
  for (const [path, codec] of [
    ["hevc", "hevc"],
    ["mjpeg", "mjpeg"],
  ] as const) {
    const { bytes } = await snapshots.take({ path, format: "mp4" }, never);
    assert.equal((await saved(t, bytes, "shot.mp4")).video.codec_name, codec);
  }
});

test("as JPEG, in its size or smaller, better or worse", { skip }, async (t) => {
  const snapshots = await start(t);
  const take = async (path: string, options: { maxWidth?: number; quality?: number } = {}): Promise<Buffer> => {
    const { bytes, mediaType } = await snapshots.take({ path, format: "jpg", ...options }, never);
    assert.equal(mediaType, "image/jpeg");
    return bytes;
  };
  const full = await take("gate");
  const { file } = await saved(t, full, "shot.jpg");
  const { width, height } = CLIP_FORMAT;
  const [picture] = await ffmpegDecodeGray(t, { input: file, width, height }, { frames: 1 });
  assert.equal(readFrameCounter(picture!, width, height)! % CLIP_FORMAT.gopFrames, 0);
  const sizeOf = (image: Buffer): readonly number[] => [parseJpeg(image)!.width, parseJpeg(image)!.height];
  assert.deepEqual(sizeOf(await take("gate", { maxWidth: 320 })), [320, 180]);
  assert.deepEqual(sizeOf(await take("gate", { maxWidth: 4000 })), [640, 360]);
  assert.ok((await take("gate", { quality: 10 })).length < full.length);
  assert.equal((await saved(t, await take("hevc"), "shot.jpg")).video.codec_name, "mjpeg");
  assert.equal((await saved(t, await take("tenbit"), "shot.jpg")).video.codec_name, "mjpeg");
  assert.deepEqual(sizeOf(await take("mjpeg", { maxWidth: 80 })), [80, 48]);
});

test("a camera's own JPEG is handed on as it is, without ffmpeg", async (t) => {
  const snapshots = await start(t, "/nowhere/ffmpeg");
  for (const options of [{}, { maxWidth: 4000 }]) {
    assert.deepEqual((await snapshots.take({ path: "mjpeg", format: "jpg", ...options }, never)).bytes, jpeg);
  }
  await assert.rejects(snapshots.take({ path: "gate", format: "jpg" }, never), { code: "invalid", message: /ask for MP4/ });
});

test("who asks for the same picture at the same time gets the same one", { skip }, async (t) => {
  const snapshots = await start(t);
  const shots = await Promise.all(Array.from({ length: 30 }, () => snapshots.take({ path: "gate", format: "jpg" }, never)));
  assert.ok(new Set(shots.map(({ bytes }) => bytes)).size <= 2, "a keyframe may have come between");
});

test("no such path; a codec that has no place in MP4", async (t) => {
  const snapshots = await start(t);
  await assert.rejects(snapshots.take({ path: "nobody", format: "mp4" }, never), {
    code: "not-found",
    message: "there is no path 'nobody'",
  });
  await assert.rejects(snapshots.take({ path: "vp8", format: "jpg" }, never), { code: "no-stream", message: /MP4 has no place for VP8/ });
});
